"""Bits turn over with the exact chance that the guarantee needs, and the price covers it."""

import math
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dp.budget import MAX_RELEASE_NANO, NANO
from protocols.dp.reach import flipping
from protocols.errors import InvalidParameter
from tests.support.seeded import seeded

EPSILONS = st.integers(1, flipping.MAX_EPSILON_MILLI)


@given(EPSILONS)
def test_a_bit_is_never_more_telling_than_epsilon_allows(milli: int) -> None:
    getcontext().prec = 60
    t = flipping.threshold(milli)
    most = (Decimal(milli) / 1000).exp()
    assert Decimal(2**64 - t) / Decimal(t) <= most
    # And one word less would be too telling: nothing of the guarantee is given away.
    assert Decimal(2**64 - t + 1) / Decimal(t - 1) > most
    assert 0 < t < 2**63


@given(EPSILONS)
def test_the_price_covers_the_renyi_divergence_of_every_order(milli: int) -> None:
    p = float(flipping.chance(milli))
    rho = flipping.price(milli).nano / NANO
    for order in (1 + 1e-6, 1.1, 1.5, 2, 3, 7, 20, 100, 1000):
        logs = [
            order * math.log(a) + (1 - order) * math.log(b) for a, b in ((p, 1 - p), (1 - p, p))
        ]
        top = max(logs)
        divergence = (top + math.log(sum(math.exp(x - top) for x in logs))) / (order - 1)
        assert divergence <= rho * order * (1 + 1e-9) + 2e-9


@given(EPSILONS)
def test_a_sketch_costs_less_than_any_mechanism_of_its_epsilon(milli: int) -> None:
    assert 0 < flipping.price(milli).nano <= math.ceil(Fraction(milli * milli, 2) * 1000)
    assert flipping.price(milli).nano <= MAX_RELEASE_NANO


def test_prices_rise_with_epsilon() -> None:
    prices = [flipping.price(milli).nano for milli in range(1, 10_001, 37)]
    assert prices == sorted(set(prices))
    assert str(flipping.price(1000)) == "0.462117158"


@pytest.mark.parametrize("milli", [0, -1, 10_001, 1.0, True])
def test_an_epsilon_out_of_range_is_refused(milli: int) -> None:
    with pytest.raises(InvalidParameter):
        flipping.threshold(milli)


def test_a_word_below_the_threshold_turns_a_bit_over_and_the_threshold_itself_does_not() -> None:
    t = flipping.threshold(1000)
    words = np.array([0, t - 1, t, 2**64 - 1], "<u8").tobytes()
    bits = np.array([False, True, False, True])
    found = flipping.flip(bits, 1000, lambda size: words[:size])
    assert found.tolist() == [True, False, False, True]


def test_each_bit_has_randomness_of_its_own_in_parts_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flipping, "_AT_ONCE", 8)
    asked = []

    def rng(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * (size - 8) + b"\x00" * 8

    found = flipping.flip(np.zeros(20, np.bool_), 1000, rng)
    assert asked == [64, 64, 32]
    assert np.flatnonzero(found).tolist() == [7, 15, 19]


def test_an_audit_of_many_draws_never_shows_more_than_epsilon_and_shows_most_of_it() -> None:
    # 2^20 bits are 2^20 runs of one bit. Bounds at six standard deviations: one false alarm in
    # 10^9 audits.
    n = 2**20
    for milli in (500, 1000, 3000):
        p = float(flipping.chance(milli))
        spread = 6 * math.sqrt(p * (1 - p) / n)
        stays = np.mean(flipping.flip(np.ones(n, np.bool_), milli, seeded(f"in {milli}")))
        turns = np.mean(flipping.flip(np.zeros(n, np.bool_), milli, seeded(f"out {milli}")))
        lowest = math.log((stays - spread) / (turns + spread))
        highest = math.log((stays + spread) / (turns - spread))
        assert lowest <= milli / 1000 <= highest
        assert lowest > 0.93 * milli / 1000
