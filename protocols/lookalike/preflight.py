"""How good a model can get, said before anything is asked of anybody.

What matters is the number of seeds times the square root of rho. The table was measured by
`accord bench lookalike`: the area under the curve of the model as a part of that of the better of
two central tree models on pooled data, over several public and made-up data sets. It is a forecast,
with a range; on other data a model may do worse.
"""

import enum
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from protocols.codec import Record
from protocols.dp import budget
from protocols.errors import InvalidParameter
from protocols.lookalike.evaluation import REACHES_PERMILLE, ReachCurve, interval
from protocols.lookalike.seeds import FEW_SEEDS, seeds_step, split
from protocols.lookalike.sums import REFERENCE_NANO

MEASURED = (
    # seeds at rho 0.01721, then lowest and middle AUC beside central trees, in thousandths
    (50, 800, 950),
    (100, 820, 955),
    (200, 840, 955),
    (500, 850, 970),
    (1000, 850, 973),
    (2000, 851, 985),
    (10000, 930, 990),
)

_AT_10_PERCENT = REACHES_PERMILLE.index(100) + 1


class Caution(enum.StrEnum):
    """What is said beside a model."""

    FEW_SEEDS = "few-seeds"
    """Fewer than 500: the noise is large beside what so few people have in common."""
    NOISE_DROWNS = "noise-drowns"
    """Fewer seeds at this price than were ever measured: noise decides more than they do."""
    CURVE_UNRELIABLE = "curve-unreliable"
    """Too few held-out seeds: the curve says little."""


@dataclass(frozen=True, slots=True)
class Forecast(Record):
    """How good a model will probably be."""

    KIND: ClassVar[str] = "lookalike-forecast/1"
    seeds_step: int
    training: int
    held_out: int
    auc_low_permille: int
    """AUC in thousandths of a central tree model's: the lowest of the measured data sets; 0 where
    nothing was measured with so few seeds at this price."""
    auc_middle_permille: int
    """The same in the middle."""
    recall_half_width_permille: int
    """95 % interval of recall at 10 %, if half of the seeds were there."""
    cautions: tuple[Caution, ...]


def forecast(seeds: int, rho_nano: int) -> Forecast:
    """Return how good it can get with so many seeds at this price.

    Raises: TooFewSeeds; InvalidParameter.
    """
    if not 0 < rho_nano <= budget.MAX_RELEASE_NANO:
        raise InvalidParameter("a release costs more than rho 0 and at most rho 10")
    step = seeds_step(seeds)
    parts = split(step)
    low, middle = _between(_worth(step, rho_nano)) if is_measured(step, rho_nano) else (0, 0)
    half = parts.held_out // 2
    told = interval(half, parts.held_out - half, budget.sigma_for(rho_nano), _AT_10_PERCENT)
    return Forecast(
        step,
        parts.training,
        parts.held_out,
        low,
        middle,
        round(500 * (told.high - told.low)),
        cautions(step, rho_nano),
    )


def cautions(step: int, rho_nano: int, curve: ReachCurve | None = None) -> tuple[Caution, ...]:
    """Return what must be said beside a model of so many seeds at this price."""
    found = []
    if step < FEW_SEEDS:
        found.append(Caution.FEW_SEEDS)
    if not is_measured(step, rho_nano):
        found.append(Caution.NOISE_DROWNS)
    if curve is not None and not curve.reliable:
        found.append(Caution.CURVE_UNRELIABLE)
    return tuple(found)


def is_measured(step: int, rho_nano: int) -> bool:
    """Tell whether so many seeds at this price are as many as the table begins with."""
    return _worth(step, rho_nano) >= MEASURED[0][0]


def _worth(step: int, rho_nano: int) -> float:
    """Return how many seeds at the reference price say as much."""
    return step * math.sqrt(rho_nano / REFERENCE_NANO)


def _between(worth: float) -> tuple[int, int]:
    """Return the two figures for a number of seeds between those measured, on a log scale."""
    at, low, middle = zip(*MEASURED, strict=True)
    here = math.log(max(worth, 1e-9))
    known = np.log(at)
    return round(float(np.interp(here, known, low))), round(float(np.interp(here, known, middle)))
