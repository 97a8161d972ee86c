"""How often the interval of a lookalike's recall holds: seeds are held out, noise is drawn.

The truth is the recall of the people that seeds are a draw of. The fast test is seeded; the slow
one draws noise as a run does, which cannot be, over ten times as many runs: 93 to 97.5 % is then
more than seven standard errors from where the intervals hold.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.dp import budget, vector_noise
from protocols.lookalike.evaluation import REACHES_PERMILLE, curve, interval
from protocols.lookalike.sums import REFERENCE_NANO

BUCKETS = len(REACHES_PERMILLE)
SIGMA = budget.sigma_milli(REFERENCE_NANO) / 1000
HELD_OUT = (25, 100, 500, 1000)
RECALLS = (0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 0.95)
REACHES = (1, 4, 6)
"""How many of the best buckets an audience is."""
FEW = 50
"""With fewer people expected inside or outside it may hold more often than it says."""


def often(
    held_out: int, recall: float, below: int, noise: NDArray[np.int64], draws: np.random.Generator
) -> float:
    """Return how often the interval holds, over so many runs as there is noise for."""
    inside = draws.binomial(held_out, recall, len(noise))
    within = inside + noise[:, :below].sum(axis=1)
    beyond = held_out - inside + noise[:, below:].sum(axis=1)
    hits = 0
    for seen, others in zip(within.tolist(), beyond.tolist(), strict=True):
        found = interval(seen, others, SIGMA, below)
        hits += found.low <= recall <= found.high
    return hits / len(noise)


def check(noise: NDArray[np.int64]) -> None:
    draws = np.random.default_rng(11)
    for held_out in HELD_OUT:
        for recall in RECALLS:
            for below in REACHES:
                found = often(held_out, recall, below, noise, draws)
                where = held_out, recall, below, found
                assert found >= 0.93, where
                fewest = held_out * min(recall, 1 - recall)
                assert found <= (0.975 if fewest >= FEW else 1), where


def test_recall_is_within_its_interval_as_often_as_it_says() -> None:
    draws = np.random.default_rng(12)
    check(np.rint(SIGMA * draws.normal(size=(2000, BUCKETS))).astype(np.int64))


@pytest.mark.slow
def test_it_is_with_noise_as_a_run_draws_it() -> None:
    runs = 20_000
    rho = Fraction(REFERENCE_NANO, budget.NANO)
    drawn = vector_noise.draw_gaussian([0] * (runs * BUCKETS), SIGMA, rho, 1.0)
    noise = np.array(drawn, np.int64).reshape(runs, BUCKETS)
    check(noise)


def test_points_of_a_curve_have_that_interval() -> None:
    sums = np.array([90, 60, 80, 120, 150, 260, 240])
    points = curve(np.linspace(-2, 2, 4000), sums, REFERENCE_NANO).points
    for at, point in enumerate(points):
        found = interval(int(sums[: at + 1].sum()), int(sums[at + 1 :].sum()), SIGMA, at + 1)
        assert point.low_permille == math.floor(1000 * found.low)
        assert point.high_permille == math.ceil(1000 * found.high)
    assert (points[-1].low_permille, points[-1].high_permille) == (1000, 1000)


@pytest.mark.parametrize("sums", [(0, 0), (-40, 9), (5, -3), (12, 10)])
def test_where_noise_hides_the_seeds_nothing_is_claimed(sums: tuple[int, int]) -> None:
    found = interval(*sums, SIGMA, 4)
    assert (found.low, found.high) == (0, 1)
    assert 0 <= found.value <= 1


def test_without_noise_and_seeds_it_narrows_as_a_sample_does() -> None:
    """Wilson's interval of 100 in 1,000, from tables: 0.0829 to 0.1202; the half step widens it."""
    found = interval(100, 900, 0.0, 4)
    assert found.low == pytest.approx(0.0829, abs=1e-3)
    assert found.high == pytest.approx(0.1202, abs=1e-3)
