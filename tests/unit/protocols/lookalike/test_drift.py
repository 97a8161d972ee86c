"""A lookalike model's curve at training beside that of later outcomes.

How often each verdict is wrong is counted over curves drawn with their noise. Draws are seeded: a
bound is the claimed 5 % and three standard errors of the count.
"""

import math
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.lookalike.drift import AtTraining, Later, drift
from protocols.lookalike.evaluation import REACHES_PERMILLE
from protocols.verdict import Verdict
from tests.support.lookalikes import draws

Floats = NDArray[np.float64]
CHANCE = np.array(REACHES_PERMILLE) / 1000
GOOD = np.array([0.06, 0.11, 0.22, 0.36, 0.55, 0.87, 1.0])
STRONG = np.array([0.2, 0.35, 0.6, 0.8, 0.93, 0.99, 1.0])
RUNS = 1500
BOUND = 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)
SIZES = [
    # held-out seeds, people with the outcome, scales of noise of a bucket at training and now
    (50, 50, 0.25, 0.25),
    (100, 400, 5.4, 5.4),
    (200, 1000, 5.4, 5.4),
    (1000, 1000, 5.4, 17.0),
]


def at_training(curve: Floats, people: int, sigma: float, rng: np.random.Generator) -> AtTraining:
    """Draw a card's curve: held-out seeds over buckets, each with noise."""
    parts = np.diff(np.concatenate([[0.0], curve]))
    sums = rng.multinomial(people, parts) + np.round(rng.normal(0, sigma, len(parts)))
    total = max(float(sums.sum()), 1.0)
    recalls = np.clip(np.cumsum(sums) / total, 0, 1).round(3)
    return AtTraining(tuple(recalls.tolist()), round(total), sigma)


def later(curve: Floats, people: int, sigma: float, rng: np.random.Generator) -> Later:
    """Draw an answer: people within each reach, each number with noise of its own."""
    scale = sigma * math.sqrt(len(curve))
    parts = np.diff(np.concatenate([[0.0], curve]))
    sums = np.cumsum(rng.multinomial(people, parts)) + np.round(rng.normal(0, scale, len(parts)))
    return Later(tuple(int(n) for n in sums), scale)


def verdicts(
    before: Floats, now: Floats, size: tuple[int, int, float, float], seed: int
) -> Counter[Verdict]:
    rng, (held_out, people, first, second) = draws(seed), size
    return Counter(
        drift(at_training(before, held_out, first, rng), later(now, people, second, rng)).verdict
        for _ in range(RUNS)
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("curve", [GOOD, STRONG])
def test_a_model_that_is_as_it_was_is_called_worse_once_in_twenty_times_at_most(
    size: tuple[int, int, float, float], curve: Floats
) -> None:
    assert verdicts(curve, curve, size, 1)[Verdict.WORSE] / RUNS <= BOUND


@pytest.mark.parametrize("size", SIZES)
def test_a_model_that_has_lost_half_is_called_as_good_once_in_twenty_times_at_most(
    size: tuple[int, int, float, float],
) -> None:
    half = (GOOD + CHANCE) / 2
    assert verdicts(GOOD, half, size, 2)[Verdict.AS_GOOD] / RUNS <= BOUND


def test_with_a_thousand_outcomes_a_real_drift_is_seen() -> None:
    size = (200, 1000, 5.4, 5.4)
    half = verdicts(GOOD, (GOOD + CHANCE) / 2, size, 3)
    assert half[Verdict.WORSE] / RUNS > 0.9
    assert verdicts(GOOD, GOOD, size, 4)[Verdict.AS_GOOD] / RUNS > 0.9
    third = verdicts(GOOD, GOOD - (GOOD - CHANCE) / 3, size, 5)
    assert third[Verdict.WORSE] / RUNS > 0.6


def test_with_few_outcomes_nothing_can_be_told() -> None:
    found = verdicts(GOOD, CHANCE, (20, 20, 5.4, 5.4), 6)
    assert set(found) == {Verdict.UNKNOWN}
    sure = AtTraining(tuple(GOOD.tolist()), 10_000, 0.25)
    assert drift(sure, Later((None,) * 7, 0.25)).verdict is Verdict.UNKNOWN
    assert drift(sure, Later((0, 0, 0, 0, 0, 0, -3), 0.25)).verdict is Verdict.UNKNOWN


def test_a_reach_that_is_hidden_or_holds_too_few_is_not_compared() -> None:
    sure = AtTraining(tuple(GOOD.tolist()), 100, 0.25)
    found = drift(sure, Later((None, 6, 22, 36, 55, 87, 100), 0.66))
    told = [loss is not None for loss in found.losses]
    assert told == [False, True, True, True, True, True, False]
    assert drift(sure, Later((1, 2, 22, 36, 55, 98, 100), 0.66)).losses[0] is None


@pytest.mark.parametrize("curve", [GOOD, STRONG])
def test_intervals_of_the_later_curve_hold_nineteen_times_in_twenty(curve: Floats) -> None:
    rng, hits, runs = draws(7), np.zeros(len(curve)), 1500
    for _ in range(runs):
        now = later(curve, 300, 5.4, rng)
        for at, truth in enumerate(curve):
            found = now.interval(at)
            assert found is not None
            assert found.low <= found.value <= found.high
            hits[at] += found.low <= truth <= found.high
    assert (hits / runs >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / runs)).all()


def test_nothing_is_said_of_a_recall_that_is_nothing_but_noise() -> None:
    assert Later((1, 2, 3, 4, 5, 6, 9), 5.0).interval(3) is None
    assert Later((None, 2, 3, 40, 50, 60, 90), 5.0).interval(0) is None
    everybody = Later((1, 2, 3, 40, 50, 60, 90), 5.0).interval(6)
    assert everybody is not None
    assert (everybody.low, everybody.high) == (1.0, 1.0)
