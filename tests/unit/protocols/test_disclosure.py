import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.disclosure import FLOOR, check_minimum, coarse, step_down, step_up
from protocols.errors import InvalidParameter, SmallCohort

LADDER = [0, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]


@pytest.mark.parametrize("noisy", [100, 101, 10**9])
def test_a_group_of_the_minimum_or_more_may_be_spoken_of(noisy):
    assert check_minimum(noisy, 100) is None


@pytest.mark.parametrize("noisy", [99, 0, -5])
def test_a_smaller_group_is_refused_without_saying_how_small(noisy):
    with pytest.raises(SmallCohort) as refusal:
        check_minimum(noisy, 100)
    assert str(refusal.value) == "the group is below the agreed minimum of 100 people"


def test_a_minimum_of_nothing_is_refused():
    with pytest.raises(InvalidParameter):
        check_minimum(5, 0)


@given(st.integers(0, 199_999))
def test_a_size_goes_down_to_the_ladder(n):
    assert step_down(n) == max(step for step in LADDER if step <= n)


def test_a_negative_size_is_refused():
    with pytest.raises(InvalidParameter):
        step_down(-1)


STEPS = [
    *(1000, 1250, 1600, 2000, 2500, 3200, 4000, 5000, 6300, 8000),
    *(10_000, 12_500, 16_000, 20_000, 25_000, 32_000, 40_000, 50_000, 63_000, 80_000, 100_000),
]


@given(st.integers(0, 100_000))
def test_a_set_goes_up_to_the_ladder(n):
    assert step_up(n) == min(step for step in STEPS if step >= n)


@given(st.integers(FLOOR, 2**40))
def test_filling_up_adds_at_most_28_percent(n):
    assert n <= step_up(n) <= 1.28 * n


@given(st.integers(0, 100_000))
def test_what_is_said_before_a_run_follows_from_the_size_that_is_sent(n):
    assert coarse(n) == coarse(step_up(n))
    assert coarse(n) in (0, 1000, 2000, 5000, 10_000, 20_000, 50_000)
    assert coarse(n) < max(n, 1)


def test_a_negative_size_is_not_filled_up():
    with pytest.raises(InvalidParameter):
        step_up(-1)
