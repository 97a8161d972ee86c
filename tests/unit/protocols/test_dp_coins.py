"""What the noise of dummies costs: bounds against direct sums, and the design's table, exactly."""

import math
from fractions import Fraction

import pytest

from protocols.dp import coins
from protocols.dp.budget import Rho, epsilon
from protocols.dp.coins import half_width, least, price
from protocols.errors import InvalidParameter

NUMBERS = [100, 152, 438, 4028]


def masses(n: int) -> list[Fraction]:
    return [Fraction(math.comb(n, k), 2**n) for k in range(n + 1)]


def tight_delta(n: int, eps: float) -> float:
    """Return the smallest delta at which one count with n dummies is (eps, delta)-private."""
    factor = Fraction(math.exp(eps))
    held = [Fraction(0), *masses(n), Fraction(0)]
    return float(sum(max(held[k] - factor * held[k - 1], 0) for k in range(1, n + 3 - 1)))


@pytest.mark.parametrize(
    ("eps", "delta_exponent", "n"),
    [
        *((0.3, 6, 683), (0.3, 8, 1044), (0.5, 6, 268), (0.5, 8, 401)),
        *((1, 6, 80), (1, 8, 117), (2, 6, 31), (2, 8, 44)),
    ],
)
def test_the_numbers_of_the_design_are_the_smallest_that_do(eps, delta_exponent, n):
    assert tight_delta(n, eps) <= 10**-delta_exponent < tight_delta(n - 1, eps)


@pytest.mark.parametrize("n", NUMBERS)
def test_the_price_bounds_the_divergence_at_every_order(n):
    """The tails are cut off as the price says; the rest is summed directly."""
    reach = math.ceil(math.sqrt(n * math.log(2 / coins.DELTA) / 2))
    held = masses(n)
    left = range(n // 2 - reach + 1, n // 2 + reach + 1)
    assert 1 - sum(held[k] for k in left) <= coins.DELTA
    assert 1 - sum(held[k - 1] for k in left) <= coins.DELTA
    p = [float(held[k]) for k in left]
    q = [float(held[k - 1]) for k in left]
    rho = price(n).nano / 1e9
    for a in (1.001, 1.3, 2, 3.7, 10, 30, 77, 150, 400):
        for one, other in ((p, q), (q, p)):
            logs = [
                a * math.log(x) + (1 - a) * math.log(y) for x, y in zip(one, other, strict=True)
            ]
            total = max(logs) + math.log(math.fsum(math.exp(x - max(logs)) for x in logs))
            assert total / (a - 1) <= a * rho


@pytest.mark.parametrize("n", NUMBERS)
def test_the_price_is_near_that_of_as_much_gaussian_noise(n):
    """The more dummies, the nearer; with few, the far tails weigh."""
    gaussian = 1 / (2 * n / 4)
    above = {100: 3.1, 152: 1.5, 438: 1.1, 4028: 1.01}[n]
    assert gaussian <= price(n).nano / 1e9 <= gaussian * above


@pytest.mark.parametrize("n", NUMBERS[:3])
@pytest.mark.parametrize("delta_exponent", [6, 8, 10])
def test_the_epsilon_that_is_shown_is_at_least_the_tight_one(n, delta_exponent):
    shown = epsilon(price(n).nano, delta_exponent)
    assert tight_delta(n, shown) <= 10**-delta_exponent


@pytest.mark.parametrize("n", [-2, 0, 2, 40, 92, 101])
def test_an_odd_number_and_too_few_have_no_price(n):
    with pytest.raises(InvalidParameter):
        price(n)


@pytest.mark.parametrize("rho_nano", [100_000, 500_000, 5_000_000, 20_000_000, 70_000_000])
def test_a_count_gets_the_fewest_dummies_that_its_price_pays(rho_nano):
    n = least(rho_nano, strict=True)
    assert price(n) <= Rho(rho_nano)
    assert price(n - 2) > Rho(rho_nano)


def test_there_is_a_number_below_which_no_count_goes():
    assert least(900_000_000, strict=True) == least(100_000_000, strict=True) == 94


def test_noise_in_name_only_asks_for_no_dummies():
    assert least(10**9, strict=True) == least(10**10, strict=False) == 0


@pytest.mark.parametrize("rho_nano", [0, -1, 10_000])
def test_a_price_that_would_need_too_many_is_refused(rho_nano):
    with pytest.raises(InvalidParameter):
        least(rho_nano, strict=False)


@pytest.mark.parametrize("rho_nano", [5_000_000, 100_000_000])
def test_without_strict_hashing_each_of_the_two_counts_has_its_noise(rho_nano):
    """On which side of the two a dummy falls is a coin too: with enough of them, both have n."""
    n, both = least(rho_nano, strict=True), least(rho_nano, strict=False)
    too_few = sum(Fraction(math.comb(both, k), 2**both) for k in range(n))
    assert 2 * too_few <= coins.DELTA
    assert 2 * n < both < 5 * n


@pytest.mark.parametrize(("rho_nano", "n"), [(5_000_000, 438), (20_000_000, 152), (90_000_000, 94)])
def test_the_half_width_is_the_smallest_that_both_noises_hold(rho_nano, n):
    """Against sums in full, of the discrete Gaussian and the binomial."""
    from protocols.dp.budget import sigma_for

    sigma = sigma_for(rho_nano)
    reach = math.ceil(14 * sigma)
    gaussian = {k: math.exp(-k * k / (2 * sigma**2)) for k in range(-reach, reach + 1)}
    whole = math.fsum(gaussian.values())
    held = [float(p) for p in masses(n)]

    def reached(width: int) -> float:
        return math.fsum(
            g / whole * p
            for k, g in gaussian.items()
            for heads, p in enumerate(held)
            if abs(k + heads - n // 2) >= width
        )

    width = half_width(rho_nano, n)
    assert reached(width) <= 0.05 < reached(width - 1)
