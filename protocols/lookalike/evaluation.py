"""How good a model is, from seeds that did not train it: one noised sum over score buckets.

The partner puts each person of its population into a bucket by rank: the best 1 %, the next up to
2 %, 5 %, 10 %, 20 %, 50 %, and the rest. The sum of the held-out seeds over buckets is a histogram:
a person is in one bucket, so its sensitivity is 1. Held-out seeds and training seeds are different
people, so both releases together cost each person the larger of the two prices, not their sum.

From it follow, for both sides to see: the reach-similarity curve, recall beside what chance would
reach, lift, and calibration (which part of the seeds the model expects in each bucket).
"""

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.dp import budget
from protocols.errors import InvalidParameter
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams

REACHES_PERMILLE = (10, 20, 50, 100, 200, 500, 1000)
"""Upper ends of the buckets, in thousandths of the population, best scores first."""
_STANDARD_ERRORS = 1.96


@dataclass(frozen=True, slots=True)
class CurvePoint(Record):
    """What an audience of one size would have reached of the held-out seeds."""

    KIND: ClassVar[str] = "lookalike-point/1"
    reach_permille: int
    """Size of the audience, in thousandths of the population: also what chance would recall."""
    similarity_permille: int
    """Mean score of the audience's last people, as a likelihood at the model's base rate."""
    recall_permille: int
    """Part of the held-out seeds in it, 0 to 1000, after noise."""
    low_permille: int
    high_permille: int
    """About 95 %: noise and the chance of which seeds were held out, taken together."""
    expected_permille: int
    """Part of the seeds that the model itself expects there: calibration."""
    lift_milli: int
    """Recall as a multiple of chance, in thousandths."""


@dataclass(frozen=True, slots=True)
class ReachCurve(Record):
    """The evaluation of a model."""

    KIND: ClassVar[str] = "lookalike-curve/1"
    points: tuple[CurvePoint, ...]
    held_out: int
    """Held-out seeds after noise; at least 1."""
    reliable: bool
    """False: with so few held-out seeds the noise hides them, and the curve says nothing."""
    sigma_milli: int
    rho_nano: int


def buckets(scores: NDArray[np.floating]) -> NDArray[np.uint16]:
    """Return the bucket of each row by the rank of its score; ties go to the earlier row."""
    order = np.argsort(-scores, kind="stable")
    found = np.empty(len(scores), np.uint16)
    ends = [_people(permille, len(scores)) for permille in REACHES_PERMILLE]
    for bucket, (start, end) in enumerate(itertools.pairwise([0, *ends])):
        found[order[start:end]] = bucket
    return found


def sum_params(rows: int, rho_nano: int) -> SumParams:
    """Return the aligned sum of held-out seeds over buckets. Raises: InvalidParameter."""
    sizes = (len(REACHES_PERMILLE),)
    sigma = budget.sigma_milli(rho_nano)
    layout = SumLayout(vectors=1, vector_bound=1, dense=(), one_hot=sizes, max_rows=rows)
    return SumParams(layout, to_holder=False, sigma_milli=(sigma,) * len(REACHES_PERMILLE))


def curve(scores: NDArray[np.floating], sums: NDArray[np.int64], rho_nano: int) -> ReachCurve:
    """Return the curve from the scores of the population and the noised sum over buckets.

    Raises: InvalidParameter if the sum has another number of buckets.
    """
    if sums.shape != (len(REACHES_PERMILLE),):
        raise InvalidParameter("a sum over buckets has one value for each bucket")
    sigma_milli = budget.sigma_milli(rho_nano)
    sigma = sigma_milli / 1000
    ordered = np.sort(np.asarray(scores, np.float64))[::-1]
    likely = 1 / (1 + np.exp(-ordered))
    expected = np.cumsum(likely) / likely.sum()
    total = max(float(sums.sum()), 1.0)
    reached = np.cumsum(sums)
    points = []
    for at, permille in enumerate(REACHES_PERMILLE):
        last = max(_people(permille, len(ordered)), 1) - 1
        recall = min(max(float(reached[at]) / total, 0.0), 1.0)
        width = _half_width(recall, total, sigma, at + 1)
        points.append(
            CurvePoint(
                permille,
                round(1000 * float(likely[last])),
                round(1000 * recall),
                round(1000 * max(recall - width, 0.0)),
                round(1000 * min(recall + width, 1.0)),
                round(1000 * float(expected[last])),
                round(1000 * 1000 * recall / permille),
            )
        )
    reliable = total > 4 * sigma * math.sqrt(len(REACHES_PERMILLE))
    return ReachCurve(tuple(points), round(total), reliable, sigma_milli, rho_nano)


def _half_width(recall: float, total: float, sigma: float, below: int) -> float:
    """Return half of the 95 % interval: of a ratio of two noised sums, and of a drawn sample."""
    beyond = len(REACHES_PERMILLE) - below
    noise = sigma**2 * (below * (1 - recall) ** 2 + beyond * recall**2) / total**2
    drawn = max(recall * (1 - recall), 1 / total) / total
    return _STANDARD_ERRORS * math.sqrt(noise + drawn)


def _people(permille: int, rows: int) -> int:
    return -(-permille * rows // 1000)
