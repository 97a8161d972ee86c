"""How good a model is, from seeds that did not train it: one noised sum over score buckets.

The partner puts each person of its population into a bucket by rank: the best 1 %, the next up to
2 %, 5 %, 10 %, 20 %, 50 %, and the rest. The sum of the held-out seeds over buckets is a histogram:
a person is in one bucket, so its sensitivity is 1. Held-out seeds and training seeds are different
people, so both releases together cost each person the larger of the two prices, not their sum.

From it follow, for both sides to see: the reach-similarity curve, recall beside what chance would
reach, lift, and calibration (which part of the seeds the model expects in each bucket).

**Whose recall.** Of people in the population whom the brand might have counted among its seeds, and
who trained nothing: which part of them an audience of this size reaches. Held-out seeds are a
random draw of such people, so the interval allows for the draw and for the noise. It does not hold
for seeds that trained, whom the model knows a little, nor for a wider group of wanted people that
the seeds are no random sample of.
"""

import itertools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.dp import budget
from protocols.dp.queries import rates
from protocols.dp.queries.ratios import Interval
from protocols.errors import InvalidParameter
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams

REACHES_PERMILLE = (10, 20, 50, 100, 200, 500, 1000)
"""Upper ends of the buckets, in thousandths of the population, best scores first."""
_MOST_LIFT = 1000 * 1000 // REACHES_PERMILLE[0]


@dataclass(frozen=True, slots=True)
class CurvePoint(Record):
    """What an audience of one size would have reached of the held-out seeds.

    Raises: InvalidParameter if a part is none.
    """

    KIND: ClassVar[str] = "lookalike-point/1"
    reach_permille: int
    """Size of the audience, in thousandths of the population: also what chance would recall."""
    similarity_permille: int
    """Mean score of the audience's last people, as a likelihood at the model's base rate."""
    recall_permille: int
    """Part of the held-out seeds in it, 0 to 1000, after noise."""
    low_permille: int
    high_permille: int
    """95 %: noise and the chance of which seeds were held out, taken together (`interval`)."""
    expected_permille: int
    """Part of the seeds that the model itself expects there: calibration."""
    lift_milli: int
    """Recall as a multiple of chance, in thousandths."""

    def __post_init__(self) -> None:
        told = self.low_permille, self.recall_permille, self.high_permille
        parts = (*told, self.similarity_permille, self.expected_permille)
        if not (all(0 <= part <= 1000 for part in parts) and list(told) == sorted(told)):
            raise InvalidParameter("a point of a curve has parts of a whole, in order")
        if not 0 <= self.lift_milli <= _MOST_LIFT:
            raise InvalidParameter(
                "nothing is found more often than all of it in the smallest part"
            )


@dataclass(frozen=True, slots=True)
class ReachCurve(Record):
    """The evaluation of a model. Raises: InvalidParameter for other audiences than are agreed."""

    KIND: ClassVar[str] = "lookalike-curve/1"
    points: tuple[CurvePoint, ...]
    held_out: int
    """Held-out seeds after noise; at least 1."""
    reliable: bool
    """False: with so few held-out seeds the noise hides them, and the curve says nothing."""
    sigma_milli: int
    rho_nano: int

    def __post_init__(self) -> None:
        if tuple(point.reach_permille for point in self.points) != REACHES_PERMILLE:
            raise InvalidParameter("a curve has a point for each of the agreed audiences")
        if self.held_out < 1:
            raise InvalidParameter("there is somebody who was held out")


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
    total = max(int(sums.sum()), 1)
    reached = np.cumsum(sums)
    points = []
    for at, permille in enumerate(REACHES_PERMILLE):
        last = max(_people(permille, len(ordered)), 1) - 1
        recall = interval(int(reached[at]), int(reached[-1] - reached[at]), sigma, at + 1)
        points.append(
            CurvePoint(
                permille,
                round(1000 * float(likely[last])),
                round(1000 * recall.value),
                math.floor(1000 * recall.low),
                math.ceil(1000 * recall.high),
                round(1000 * float(expected[last])),
                round(1000 * 1000 * recall.value / permille),
            )
        )
    reliable = total > 4 * sigma * math.sqrt(len(REACHES_PERMILLE))
    return ReachCurve(tuple(points), total, reliable, sigma_milli, rho_nano)


def interval(inside: int, outside: int, sigma: float, below: int) -> Interval:
    """Return recall and its 95 % interval from how many held-out seeds are in the `below` best
    buckets and in the others, each bucket with noise of scale `sigma`.

    It is Wilson's interval of a part of a draw and Fieller's of a ratio with noise, as one
    (`dp/queries/rates.py`). Where the noise hides whether there are any seeds, it is from 0 to 1.
    """
    beyond = len(REACHES_PERMILLE) - below
    if not beyond:
        return Interval(1.0, 1.0, 1.0)
    scales = sigma * math.sqrt(below), sigma * math.sqrt(beyond)
    seen = max(inside, 0) + max(outside, 0)
    if seen <= rates.Z95 * math.hypot(*map(rates.stand_in, scales)):
        part = min(max(inside / max(inside + outside, 1), 0.0), 1.0)
        return Interval(part, 0.0, 1.0)
    return rates.rate(inside, outside, scales[0], rates.Covers.BOTH, scales[1])


def _people(permille: int, rows: int) -> int:
    return -(-permille * rows // 1000)
