import math

import pytest

from protocols.errors import InvalidParameter
from protocols.psi.union_noise import delta, dummies, dummies_for, fewest, tossed
from protocols.psi.union_records import UnionParams
from tests.support.pair import CTX
from tests.support.seeded import seeded


def by_sum(number: int, epsilon: float) -> float:
    """The definition: how far P exceeds e^ε times itself moved by one, summed."""
    p = [math.comb(number, k) / 2**number for k in range(number + 1)] + [0.0]
    moved = [0.0, *p[:-1]]
    there = sum(max(0.0, x - math.exp(epsilon) * y) for x, y in zip(p, moved, strict=True))
    back = sum(max(0.0, x - math.exp(epsilon) * y) for x, y in zip(moved, p, strict=True))
    assert there == pytest.approx(back)
    return there


@pytest.mark.parametrize("number", [1, 2, 7, 40, 117])
@pytest.mark.parametrize("epsilon", [0, 0.1, 0.5, 1, 3])
def test_delta_is_the_sum_that_defines_it(number, epsilon):
    assert delta(number, epsilon) == pytest.approx(by_sum(number, epsilon), rel=1e-9)


@pytest.mark.parametrize(
    ("epsilon", "target", "number"),
    [(0.1, 1e-6, 5279), (0.3, 1e-6, 683), (0.5, 1e-8, 401), (1, 1e-8, 117), (2, 1e-6, 31)],
)
def test_known_numbers(epsilon, target, number):
    assert dummies_for(epsilon, target) == number
    assert delta(number, epsilon) <= target < delta(number - 1, epsilon)


def test_the_default_gives_what_its_description_says():
    number = UnionParams(5).dummies
    assert number == dummies_for(0.1, 1e-9)


@pytest.mark.parametrize("call", [(0, 1), (2**16 + 1, 1), (5, -0.1), (5, math.nan)])
def test_values_out_of_range_are_refused(call):
    with pytest.raises(InvalidParameter):
        delta(*call)


def test_more_than_the_largest_number_is_not_to_be_had():
    with pytest.raises(InvalidParameter):
        dummies_for(1e-6, 1e-30)


def test_fewest_is_what_coins_fall_below_with_a_chance_of_2_to_the_minus_40():
    assert fewest(39) == 0
    for number in (40, 100, 1000):
        below = sum(math.comb(number, k) for k in range(fewest(number)))
        assert below * 2**40 <= 2**number < (below + math.comb(number, fewest(number))) * 2**40


def test_a_stranger_stands_for_each_dummy_that_is_left_out():
    known = dummies(CTX, 1000)
    listed = tossed(known, seeded("coins"))
    assert len(set(listed)) == len(listed) == 1000
    kept = [d for d, found in zip(known, listed, strict=True) if d == found]
    # Seven standard deviations around a half.
    assert 390 < len(kept) < 610
    assert not set(dummies(bytes(32), 1000)) & set(known)
    assert not set(tossed(known, seeded("other"))) & (set(listed) - set(known))
