"""Whether a joint score has drifted: its area under the curve at training beside that of later
outcomes, and what share of each fifth of scores has the outcome.

Everything here is one party's own: scores, labels and what follows from them. Nothing is released,
so nothing has noise.

The standard error of the area at training is Hanley's and McNeil's (1982), which needs no more than
the area and how many people had the label: that is all that is kept of them. It is taken at the
area of both together: what it would be if nothing had changed. That of later outcomes is DeLong's
(1988), by ranks (Sun, Xu 2014). The two are taken to be independent. They are of people
who overlap, which makes them alike, if anything: so a loss is called one too seldom, not too often.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.auc import auc
from protocols.dp.queries.rates import Covers, rate
from protocols.dp.queries.ratios import Interval
from protocols.verdict import Loss, Verdict, verdict

FEWEST = 10
"""People with the outcome, and people without: of fewer nothing is said."""
_CHANCE = 0.5
PARTS = 5


@dataclass(frozen=True, slots=True)
class Area:
    """An area under the ROC curve."""

    value: float
    error: float
    """Standard error; above 0."""
    wanted: int
    """People with the label or outcome."""
    others: int

    @property
    def weight(self) -> int:
        """How much it counts beside another."""
        return min(self.wanted, self.others)

    def interval(self, z: float) -> Interval:
        """Return it with what lies within so many standard errors."""
        low, high = self.value - z * self.error, self.value + z * self.error
        return Interval(self.value, low, high).within(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Fifth:
    """People whose scores follow each other."""

    score: float
    """Mean of their scores."""
    share: Interval
    """Of them with the outcome; the interval (Wilson's) is that of a drawn sample."""


def at_training(value: float, wanted: int, others: int) -> Area | None:
    """Return an area of which no more is kept than how many people it is of; None for too few."""
    if min(wanted, others) < FEWEST:
        return None
    return Area(value, _hanley_mcneil(value, wanted, others), wanted, others)


def by_outcomes(scores: NDArray[np.float64], has: NDArray[np.bool_]) -> Area | None:
    """Return the area of scores by who has the outcome; None for too few."""
    wanted, others = int(has.sum()), int((~has).sum())
    value = auc(scores, has)
    if value is None or min(wanted, others) < FEWEST:
        return None
    among = _midranks(scores)
    above = (among[has] - _midranks(scores[has])) / others
    below = (among[~has] - _midranks(scores[~has])) / wanted
    error = math.sqrt(above.var(ddof=1) / wanted + below.var(ddof=1) / others)
    return Area(value, max(error, _least(wanted, others)), wanted, others)


def drift(before: Area | None, now: Area | None) -> Verdict:
    """Return whether scores tell people with the outcome from others as well as they told labels
    at training.
    """
    if before is None or now is None:
        return Verdict.UNKNOWN
    together = (before.weight * before.value + now.weight * now.value) / (
        before.weight + now.weight
    )
    at_first = _hanley_mcneil(together, before.wanted, before.others)
    error = math.hypot(at_first, now.error)
    return verdict([Loss(before.value - now.value, error, before.value - _CHANCE)])


def fifths(scores: NDArray[np.float64], has: NDArray[np.bool_]) -> tuple[Fifth, ...]:
    """Return five parts of people of the same size, the lowest scores first; none for fewer than
    five people.
    """
    if len(scores) < PARTS:
        return ()
    order = np.argsort(scores, kind="stable")
    found = []
    for part in np.array_split(order, PARTS):
        yes = int(has[part].sum())
        share = rate(yes, len(part) - yes, 0.0, Covers.SAMPLING)
        found.append(Fifth(float(scores[part].mean()), share))
    return tuple(found)


def _hanley_mcneil(value: float, wanted: int, others: int) -> float:
    twice = value / (2 - value) - value**2
    square = 2 * value**2 / (1 + value) - value**2
    spread = value * (1 - value) + (wanted - 1) * twice + (others - 1) * square
    return max(math.sqrt(max(spread, 0.0) / (wanted * others)), _least(wanted, others))


def _least(wanted: int, others: int) -> float:
    """Return the standard error that an area has at least: that nobody is out of place among so few
    does not say that nobody would be among more.
    """
    return 1 / (4 * min(wanted, others))


def _midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return of each value its rank among all, from 1; ties have the middle of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return found
