"""Levels of value: right on average, never of few people, and nobody's value shows."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dp.queries.levels import ends, stand
from tests.support.depth import examples

LEAST = 20


def seeded():
    """Return the same randomness in each run."""
    return np.random.default_rng(7).bytes


def coins(value: int):
    """Return randomness in which every coin is the same."""
    return lambda size: value.to_bytes(4, "little") * (size // 4)


@given(
    st.lists(st.integers(-1000, 100_000), min_size=LEAST, max_size=300),
    st.integers(2, 12),
    st.integers(0, 2**32),
)
@settings(max_examples=examples(38), deadline=None)
def test_no_level_has_fewer_people_than_may_be_spoken_of(
    values: list[int], most: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    levels, at = stand(np.array(values, np.int64), most, LEAST, rng.bytes)
    people = np.bincount(at, minlength=len(levels.at))
    assert 1 <= len(levels.at) <= most
    assert len(people) == len(levels.at)
    assert people.min() >= LEAST
    assert people.sum() == len(values)
    assert list(levels.at) == sorted(set(levels.at))
    # Pooled levels too are within what people have.
    assert min(values) - 1e-6 <= levels.at[0]
    assert levels.at[-1] <= max(values) + 1e-6
    assert levels.coins >= 0
    assert levels.pooled >= 0


def test_a_sum_over_levels_is_right_on_average_whoever_matches() -> None:
    """Of ten thousand people the five thousand who spend least match: the sum is theirs."""
    values = np.sort(np.random.default_rng(1).exponential(3000, 10_000).astype(np.int64))
    matching = values[:5000]
    off, rng = [], seeded()
    for _ in range(60):
        levels, at = stand(values, 6, LEAST, rng)
        assert levels.pooled < 1e-9
        stood = np.array(levels.at)[at[:5000]].sum()
        off.append((stood - matching.sum()) / np.sqrt(5000 * levels.coins))
    # Means of 60 with a scale below 1 (these people are between close levels): six scales.
    assert abs(np.mean(off)) < 6 / np.sqrt(60)


def test_what_the_coins_add_is_what_is_said() -> None:
    values = np.random.default_rng(2).integers(0, 3000, 20_000)
    levels, at = stand(values, 5, LEAST, seeded())
    found = float(((np.array(levels.at)[at] - values) ** 2).mean())
    assert found == pytest.approx(levels.coins, rel=0.1)


def test_more_levels_add_less() -> None:
    values = np.random.default_rng(3).integers(0, 3000, 20_000)
    added = [stand(values, n, LEAST, seeded())[0].coins for n in (2, 3, 4, 8, 16)]
    assert all(a > 1.5 * b for a, b in itertools.pairwise(added))


def test_whose_value_few_have_is_pooled_and_the_total_stays() -> None:
    """Three people of a thousand have spent a million: no level is theirs alone."""
    values = np.array([10] * 500 + [20] * 497 + [1_000_000] * 3)
    levels, at = stand(values, 4, 50, seeded())
    assert levels.at[-1] < 100_000
    # Those between 10 and the top stand at either by chance; the total of the outliers is kept.
    assert np.array(levels.at)[at].sum() == pytest.approx(values.sum(), rel=0.01)
    assert levels.pooled_percent > 90


def test_people_who_are_all_alike_stand_at_what_they_have() -> None:
    levels, at = stand(np.full(100, 250), 8, LEAST, seeded())
    assert levels.at == (250.0,)
    assert (levels.coins, levels.pooled, levels.pooled_percent) == (0, 0, 0)
    assert not at.any()


def test_too_few_people_for_two_levels_stand_at_their_mean() -> None:
    values = np.arange(30)
    levels, _ = stand(values, 8, 20, seeded())
    assert levels.at == (values.mean(),)
    assert levels.pooled == pytest.approx(values.var())


@pytest.mark.parametrize("coin", [0, 2**32 - 1])
def test_even_the_most_unlikely_coins_leave_no_small_level(coin: int) -> None:
    values = np.array([0] * 60 + [1] * 60 + [5] * 60)
    levels, at = stand(values, 4, 50, coins(coin))
    assert np.bincount(at, minlength=len(levels.at)).min() >= 50


def test_the_outermost_levels_are_where_enough_people_would_stand() -> None:
    values = np.array([0] * 900 + [100] * 99 + [10_000])
    # Up to 100 all hundred would stand there; for 10,000 only one and a part of the others.
    assert ends(values, 50) == (0, 100)
    assert ends(values, 1) == (0, 100)
    assert ends(np.array([7, 7, 7]), 1) == (7, 7)
