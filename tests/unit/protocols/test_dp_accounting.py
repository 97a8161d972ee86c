"""Another accountant looks at what is shown: never too little, and little too much.

The sum of rho is turned into an epsilon (`budget.epsilon`). Google's dp-accounting composes the
same discrete Gaussian releases by their privacy losses, which is nearly exact. What is shown is
never below that, and at most 12 % above it for ten releases or more: the price of one simple sum.
"""

import pytest
from dp_accounting import NeighboringRelation, RandomizedResponseDpEvent
from dp_accounting.pld import privacy_loss_distribution as pld
from dp_accounting.rdp import RdpAccountant

from protocols.dp.budget import NANO, Rho, epsilon, sigma_for
from protocols.dp.reach import flipping

TIGHT = 1.12
STEP = 1e-4
"""The accountant rounds each loss up to a multiple of this: 500 releases stay below 0.05."""


def one_release(price: Rho) -> pld.PrivacyLossDistribution:
    return pld.from_discrete_gaussian_mechanism(
        sigma_for(price.nano), value_discretization_interval=STEP
    )


@pytest.mark.parametrize(
    ("rho", "releases", "delta_exponent", "tight"),
    [
        ("0.005", 1, 8, 1.2),
        ("0.005", 10, 6, TIGHT),
        ("0.005", 100, 8, TIGHT),
        ("0.0005", 500, 10, TIGHT),
        ("0.02", 25, 8, TIGHT),
        ("0.1", 1, 5, 1.2),
    ],
)
def test_the_composed_epsilon_is_never_too_small(
    rho: str, releases: int, delta_exponent: int, tight: float
) -> None:
    each = Rho.parse(rho)
    shown = epsilon(each.nano * releases, delta_exponent)
    exact = one_release(each).self_compose(releases).get_epsilon_for_delta(10.0**-delta_exponent)
    assert exact <= shown <= tight * exact


def test_releases_of_several_prices_compose_as_their_sum() -> None:
    prices = [Rho.parse(text) for text in ("0.005", "0.02", "0.1", "0.0005")]
    whole = None
    for price in prices:
        one = one_release(price)
        whole = one if whole is None else whole.compose(one)
    assert whole is not None
    exact = whole.get_epsilon_for_delta(1e-8)
    assert exact <= epsilon(sum(p.nano for p in prices), 8) <= 1.2 * exact


@pytest.mark.parametrize("epsilon_milli", [50, 200, 1000, 3000, 9000])
def test_a_sketch_of_reach_costs_what_its_turned_bits_do_and_hardly_more(
    epsilon_milli: int,
) -> None:
    orders = (1.001, 1.1, 2, 8, 64)
    bit = RandomizedResponseDpEvent(2 * float(flipping.chance(epsilon_milli)), 2)
    accountant = RdpAccountant(orders, NeighboringRelation.REPLACE_ONE)
    divergences = accountant.compose(bit)._rdp
    rho = flipping.price(epsilon_milli).nano / NANO
    assert all(d <= rho * order for d, order in zip(divergences, orders, strict=True))
    assert rho <= 1.01 * divergences[0]
