"""Who converted, arm by arm of a campaign, and how much more than in the baseline.

The cells are noisy counts of people: by arm, of who has converted and of who has not. All else is
worked out from these and costs nothing more. Each line of the answer is one measure of one arm with
one interval, and says what this covers (`Covers`):

    people, conversions      the noise
    rate                     conversions / people: the noise, the sampling, and both
    lift                     the rate less that of the baseline: likewise
    relative-lift            the rate over that of the baseline, less 1: likewise

Nobody is named by a difference: where either of an arm's two counts is below the minimum, neither
is shown, only their sum. What stands on a count that is not shown, or that is below three scales of
its noise, is hidden too. Lines of `(other)` and `(missing)` have no lift: they are no arm.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from protocols.dp.queries.answering import MIN_SIGMAS, TOO_NOISY, Row, half_width
from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.plan import ROWS, Plan
from protocols.dp.queries.query import Lift
from protocols.dp.queries.rates import Covers, difference, quotient, rate, stand_in
from protocols.dp.queries.ratios import Interval
from protocols.dp.queries.schema import MISSING, OTHER
from protocols.errors import InvalidParameter, SmallCohort

PEOPLE, CONVERSIONS, RATE = "people", "conversions", "rate"
LIFT, RELATIVE_LIFT = "lift", "relative-lift"
CONVERTED, OTHERS = "converted", "not converted"
GROUPS = (CONVERTED, OTHERS)
"""The groups of the asking party's people, in the order of the vectors of a run."""
ALL_COVERS = tuple(Covers)


@dataclass(frozen=True, slots=True)
class _Arm:
    label: str
    converted: int
    others: int
    sigma: float
    hidden_people: str
    """Why the number of people is not shown; empty if it is."""
    hidden: str
    """Why the rate is not shown; empty if it is."""

    @property
    def people(self) -> int:
        return self.converted + self.others

    @property
    def shown(self) -> int:
        return max(0, self.people)

    def rate(self, covers: Covers) -> Interval:
        return rate(self.converted, self.others, self.sigma, covers)


def answer_lift(plan: Plan, converted: Noisy, others: Noisy) -> tuple[Row, ...]:
    """Return the answer from both groups' noisy cells. Raises: InvalidParameter."""
    ask, counts = plan.query.ask, plan.part(ROWS)
    if not isinstance(ask, Lift) or counts is None:
        raise InvalidParameter("these cells are of another kind of question")
    cells = zip(plan.axes[0], converted.cells[ROWS], others.cells[ROWS], strict=True)
    arms = [_arm(label, c, n, counts.sigma, plan.least_rows) for label, c, n in cells]
    base = next(arm for arm in arms if arm.label == ask.baseline)
    return tuple(row for arm in arms for row in (*_of_arm(arm), *_against(arm, base)))


def hidden_lift(plan: Plan, why: str) -> tuple[Row, ...]:
    """Return the same lines with nothing in them, where a group stayed out of the run."""
    nothing = Noisy({ROWS: (0,) * plan.cells})
    rows = answer_lift(plan, nothing, nothing)
    return tuple(Row(row.key, None, None, None, why) for row in rows)


def _arm(label: str, converted: int, others: int, sigma: float, least: int) -> _Arm:
    people = converted + others
    small = SmallCohort.code
    hidden_people = hidden = small if least and people < least else ""
    if not hidden and people < MIN_SIGMAS * math.sqrt(2) * stand_in(sigma):
        hidden = TOO_NOISY
    if not hidden_people and least and min(converted, others) < least:
        hidden = small
    return _Arm(label, converted, others, sigma, hidden_people, hidden)


def _of_arm(arm: _Arm) -> Iterator[Row]:
    yield _count(arm, PEOPLE, arm.people, math.sqrt(2) * arm.sigma, arm.hidden_people)
    why = arm.hidden if arm.hidden == SmallCohort.code else ""
    yield _count(arm, CONVERSIONS, arm.converted, arm.sigma, why)
    for covers in ALL_COVERS:
        yield _row(arm, RATE, covers, arm.hidden or arm.rate(covers))


def _against(arm: _Arm, base: _Arm) -> Iterator[Row]:
    if arm.label in (base.label, OTHER, MISSING):
        return
    why = arm.hidden or base.hidden
    for covers in ALL_COVERS:
        found = why or difference(arm.rate(covers), base.rate(covers))
        yield _row(arm, LIFT, covers, found)
    # A rate that cannot be told from 0 is nothing to compare with.
    rates = [] if why else [base.rate(covers) for covers in ALL_COVERS]
    if base.converted < MIN_SIGMAS * stand_in(base.sigma) or any(r.low <= 0 for r in rates):
        why = why or TOO_NOISY
    for covers in ALL_COVERS:
        found = why or quotient(arm.rate(covers), base.rate(covers)).shifted(-1)
        yield _row(arm, RELATIVE_LIFT, covers, found)


def _count(arm: _Arm, measure: str, value: int, sigma: float, why: str) -> Row:
    key = (arm.label, measure, Covers.NOISE.value)
    if why:
        return Row(key, None, None, None, why)
    width = half_width(sigma)
    return Row(key, max(0, value), max(0, value - width), max(0, value + width))


def _row(arm: _Arm, measure: str, covers: Covers, found: Interval | str) -> Row:
    key = (arm.label, measure, covers.value)
    if isinstance(found, str):
        people = arm.shown if found == TOO_NOISY else None
        return Row(key, None, None, None, found, people)
    return Row(key, found.value, found.low, found.high, people=arm.shown)
