"""Areas under the curve at training and by later outcomes: errors, verdicts, fifths.

Draws are seeded: a bound is the claimed 5 % and three standard errors of the count.
"""

import math
from collections import Counter

import numpy as np
import pytest

from protocols.auc import auc
from protocols.joint.drift import Area, at_training, by_outcomes, drift, fifths
from protocols.verdict import Verdict
from tests.support.lookalikes import draws

RUNS = 600
BOUND = 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)
SPLITS = {0.65: 0.545, 0.8: 1.19, 0.95: 2.326}
"""How far two normal curves of scale 1 lie apart, for an area."""


def drawn(
    area: float, wanted: int, others: int, rng: np.random.Generator
) -> "tuple[np.ndarray, np.ndarray]":
    scores = np.concatenate([rng.normal(SPLITS[area], 1, wanted), rng.normal(0, 1, others)])
    return scores, np.arange(wanted + others) < wanted


def first(area: float, wanted: int, others: int, rng: np.random.Generator) -> Area | None:
    found = auc(*drawn(area, wanted, others, rng))
    assert found is not None
    return at_training(round(found, 4), wanted, others)


SIZES = [(10, 40, 50, 200), (25, 25, 120, 120), (100, 400, 300, 1500)]


def verdicts(
    before: float, now: float, size: tuple[int, int, int, int], seed: int
) -> Counter[Verdict]:
    rng, (a, b, c, d) = draws(seed), size
    return Counter(
        drift(first(before, a, b, rng), by_outcomes(*drawn(now, c, d, rng))) for _ in range(RUNS)
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("area", SPLITS)
def test_scores_that_are_as_they_were_are_called_worse_once_in_twenty_times_at_most(
    size: tuple[int, int, int, int], area: float
) -> None:
    assert verdicts(area, area, size, 1)[Verdict.WORSE] / RUNS <= BOUND


@pytest.mark.parametrize("size", SIZES)
def test_scores_that_have_lost_half_are_called_as_good_once_in_twenty_times_at_most(
    size: tuple[int, int, int, int],
) -> None:
    assert verdicts(0.8, 0.65, size, 2)[Verdict.AS_GOOD] / RUNS <= BOUND


def test_a_real_drift_is_seen() -> None:
    assert verdicts(0.8, 0.65, (100, 400, 300, 1500), 3)[Verdict.WORSE] / RUNS > 0.95
    assert verdicts(0.8, 0.8, (100, 400, 300, 1500), 4)[Verdict.AS_GOOD] / RUNS > 0.9


@pytest.mark.parametrize("area", SPLITS)
def test_both_errors_are_those_of_areas_drawn_again_and_again(area: float) -> None:
    rng = draws(5)
    found = [by_outcomes(*drawn(area, 60, 200, rng)) for _ in range(800)]
    areas = [one.value for one in found if one is not None]
    truth, spread = float(np.mean(areas)), float(np.std(areas))
    delong = float(np.mean([one.error for one in found if one is not None]))
    assert delong == pytest.approx(spread, rel=0.12)
    stated = at_training(truth, 60, 200)
    assert stated is not None
    # Hanley's and McNeil's is for another shape of curve, and wider where the area is large.
    assert 0.9 * spread <= stated.error <= 1.4 * spread


def test_delongs_error_in_an_example_by_hand() -> None:
    """Placements of ten people each, by pairs, as the definition has it."""
    rng = draws(6)
    scores, has = np.round(rng.normal(size=20), 1), np.arange(20) < 10
    pairs = (scores[has][:, None] > scores[~has]) + 0.5 * (scores[has][:, None] == scores[~has])
    by_wanted, by_others = pairs.mean(axis=1), pairs.mean(axis=0)
    wanted = math.sqrt(by_wanted.var(ddof=1) / 10 + by_others.var(ddof=1) / 10)
    found = by_outcomes(scores, has)
    assert found is not None
    assert found.value == pytest.approx(pairs.mean())
    assert found.error == pytest.approx(wanted)


def test_of_few_people_or_one_label_nothing_is_said() -> None:
    scores = np.linspace(0, 1, 100)
    assert by_outcomes(scores, np.arange(100) < 9) is None
    assert by_outcomes(scores, np.arange(100) < 95) is None
    assert by_outcomes(scores, np.ones(100, bool)) is None
    assert by_outcomes(np.empty(0), np.empty(0, bool)) is None
    assert at_training(0.9, 9, 100) is None
    one = at_training(0.9, 10, 100)
    assert drift(None, one) is drift(one, None) is Verdict.UNKNOWN


def test_a_perfect_area_is_not_sure() -> None:
    found = by_outcomes(np.arange(30.0), np.arange(30) >= 15)
    assert found is not None
    assert found.value == 1.0
    assert found.error > 0
    stated = at_training(1.0, 15, 15)
    assert stated is not None
    assert stated.error > 0


def test_fifths_are_of_the_same_size_and_rise() -> None:
    scores = draws(7).permutation(101).astype(float)
    found = fifths(scores, scores > 60)
    assert [one.share.value for one in found] == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert np.diff([one.score for one in found]).min() > 0
    assert all(one.share.low <= one.share.value <= one.share.high for one in found)
    assert found[0].share.high > 0.1, "twenty people do not say that nobody would"
    assert fifths(np.arange(4.0), np.ones(4, bool)) == ()
