"""Who converted, arm by arm of a campaign, and how much more than in the baseline.

The cells are noisy counts of people: by arm, of who has converted and of who has not. All else is
worked out from these and costs nothing more. Each line of the answer is one measure of one arm with
one interval, and says what this covers (`Covers`):

    people, conversions      the noise
    rate                     conversions / people: the noise, the sampling, and both
    lift                     the rate less that of the baseline: likewise
    relative-lift            the rate over that of the baseline, less 1: likewise

Where the asking party has a value of each conversion, there is a cell for each level of it, and
further measures (`Worth`):

    value                    the total of an arm: the noise
    value-per-person         value / people: the noise, the sampling, and both
    value-lift               the value per person less that of the baseline: likewise
    incremental-value        value-lift for all the people of the arm: likewise

Who has not converted are the others whom both parties have, and, where the question is of all who
were exposed, everybody else of the arm.

Nobody is named by a difference: where either of an arm's two counts is below the minimum, neither
is shown, only their sum. What stands on a count that is not shown, or that is below three scales of
its noise, is hidden too. Lines of `(other)` and `(missing)` have no lift: they are no arm.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from protocols.dp.queries.answering import MIN_SIGMAS, TOO_NOISY, Row, half_width
from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.levels import Levels
from protocols.dp.queries.plan import ROWS, Plan
from protocols.dp.queries.query import Lift
from protocols.dp.queries.rates import Covers, difference, distance, quotient, rate, stand_in
from protocols.dp.queries.ratios import Interval
from protocols.dp.queries.schema import MISSING, OTHER, NumberColumn
from protocols.dp.queries.valued import Cell, in_units
from protocols.errors import InvalidParameter, SmallCohort

PEOPLE, CONVERSIONS, RATE = "people", "conversions", "rate"
LIFT, RELATIVE_LIFT = "lift", "relative-lift"
VALUE, PER_PERSON = "value", "value-per-person"
VALUE_LIFT, INCREMENTAL = "value-lift", "incremental-value"
CONVERTED, OTHERS = "converted", "not converted"
GROUPS = (CONVERTED, OTHERS)
"""The groups of the asking party's people, in the order of the vectors of a run."""
ALL_COVERS = tuple(Covers)


@dataclass(frozen=True, slots=True)
class Worth:
    """What the asking party's levels of value stand for."""

    levels: Levels
    number: NumberColumn


@dataclass(frozen=True, slots=True)
class _Arm:
    label: str
    cell: Cell
    """Its people: by level who has converted, or in one number; then the others."""
    hidden_people: str
    """Why the number of people is not shown; empty if it is."""
    hidden: str
    """Why the rate is not shown; empty if it is."""

    @property
    def converted(self) -> int:
        return sum(self.cell.counts)

    @property
    def scales(self) -> tuple[float, float]:
        """Scales of the noise of who has converted, and of the others."""
        return _scale(self.cell.sigma, len(self.cell.counts)), _scale(
            self.cell.sigma, self.cell.other_counts
        )

    @property
    def shown(self) -> int:
        return max(0, self.cell.people)

    def rate(self, covers: Covers) -> Interval:
        return rate(self.converted, self.cell.others, self.scales[0], covers, self.scales[1])


def answer_lift(
    plan: Plan,
    converted: Sequence[Noisy],
    others: Sequence[Noisy],
    worth: Worth | None = None,
) -> tuple[Row, ...]:
    """Return the answer from noisy cells: of who has converted, level by level if they have a
    value, and of the others; each may be several counts of different people. Raises:
    InvalidParameter.
    """
    ask, counts = plan.query.ask, plan.part(ROWS)
    levels = _without_value(len(converted)) if worth is None else worth.levels
    if not isinstance(ask, Lift) or counts is None or len(converted) != len(levels.at):
        raise InvalidParameter("these cells are of another kind of question")
    arms = []
    for n, label in enumerate(plan.axes[0]):
        each = tuple(noisy.cells[ROWS][n] for noisy in converted)
        rest = sum(noisy.cells[ROWS][n] for noisy in others)
        cell = Cell(levels, each, rest, len(others), counts.sigma)
        arms.append(_arm(label, cell, plan.least_rows))
    base = next(arm for arm in arms if arm.label == ask.baseline)
    rows = list[Row]()
    for arm in arms:
        rows += _of_arm(arm)
        rows += [] if worth is None else _worth_of_arm(arm, worth.number)
        if arm.label not in (base.label, OTHER, MISSING):
            rows += _against(arm, base)
            rows += [] if worth is None else _worth_against(arm, base, worth.number)
    return tuple(rows)


def hidden_lift(plan: Plan, why: str, number: NumberColumn | None = None) -> tuple[Row, ...]:
    """Return the same lines with nothing in them, where a group stayed out of the run."""
    nothing = [Noisy({ROWS: (0,) * plan.cells})]
    rows = answer_lift(
        plan, nothing, nothing, None if number is None else Worth(_without_value(1), number)
    )
    return tuple(Row(row.key, None, None, None, why) for row in rows)


def _arm(label: str, cell: Cell, least: int) -> _Arm:
    small = SmallCohort.code
    hidden_people = hidden = small if least and cell.people < least else ""
    if not hidden and cell.is_noise:
        hidden = TOO_NOISY
    if not hidden_people and least and min(sum(cell.counts), cell.others) < least:
        hidden = small
    return _Arm(label, cell, hidden_people, hidden)


def _without_value(counts: int) -> Levels:
    return Levels((0.0,) * counts, 0.0, 0.0, 0.0)


def _scale(sigma: float, counts: int) -> float:
    return sigma * math.sqrt(counts)


def _of_arm(arm: _Arm) -> Iterator[Row]:
    yield _count(arm, PEOPLE, arm.cell.people, math.hypot(*arm.scales), arm.hidden_people)
    why = arm.hidden if arm.hidden == SmallCohort.code else ""
    yield _count(arm, CONVERSIONS, arm.converted, arm.scales[0], why)
    for covers in ALL_COVERS:
        yield _row(arm, RATE, covers, arm.hidden or arm.rate(covers))


def _worth_of_arm(arm: _Arm, number: NumberColumn) -> Iterator[Row]:
    why = arm.hidden if arm.hidden == SmallCohort.code else ""
    yield _row(arm, VALUE, Covers.NOISE, why or in_units(arm.cell.total_within(), number))
    for covers in ALL_COVERS:
        found = arm.hidden or in_units(arm.cell.mean(covers), number)
        yield _row(arm, PER_PERSON, covers, found)


def _worth_against(arm: _Arm, base: _Arm, number: NumberColumn) -> Iterator[Row]:
    why = arm.hidden or base.hidden
    for covers in ALL_COVERS:
        found = why or in_units(distance(arm.cell.mean(covers), base.cell.mean(covers)), number)
        yield _row(arm, VALUE_LIFT, covers, found)
    for covers in ALL_COVERS:
        found = why or in_units(arm.cell.more_than(base.cell.mean(covers), covers), number)
        yield _row(arm, INCREMENTAL, covers, found)


def _against(arm: _Arm, base: _Arm) -> Iterator[Row]:
    why = arm.hidden or base.hidden
    for covers in ALL_COVERS:
        found = why or difference(arm.rate(covers), base.rate(covers))
        yield _row(arm, LIFT, covers, found)
    # A rate that cannot be told from 0 is nothing to compare with.
    rates = [] if why else [base.rate(covers) for covers in ALL_COVERS]
    if base.converted < MIN_SIGMAS * stand_in(base.scales[0]) or any(r.low <= 0 for r in rates):
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
