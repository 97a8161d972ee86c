"""Sums and means of a value that the asking party has of its people, from noisy counts by level.

For each cell of the other party there are counts of people, level by level (`levels.py`), each with
independent noise of one scale s. With levels L and counts n the total is Σ L·n, off by s·√(Σ L²),
and the mean is that over the number of people, who may be more than stand at a level: those who
have not bought count in it with nothing. Both have some of the same noise, so the interval of the
mean is Fieller's for sums that are not independent. What the coins add, and how values differ from
person to person, is added to the square: the number of people times the variance of one.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from protocols.dp.queries.answering import MIN_SIGMAS, TOO_NOISY, Row, half_width
from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.levels import Levels
from protocols.dp.queries.plan import ROWS, Plan
from protocols.dp.queries.rates import Covers, stand_in
from protocols.dp.queries.ratios import Interval, paired_ratio
from protocols.dp.queries.schema import NumberColumn
from protocols.errors import InvalidParameter, SmallCohort

Z95 = 1.959964
PEOPLE, SUM, MEAN = "people", "sum", "mean"
MEASURES = (PEOPLE, SUM, MEAN)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell's people by level, and those of it who stand at none."""

    levels: Levels
    counts: tuple[int, ...]
    """People at each level, noisy."""
    others: int
    """People without a value, noisy."""
    other_counts: int
    """How many noisy counts `others` is the sum of."""
    sigma: float

    @property
    def people(self) -> int:
        """All of its people."""
        return sum(self.counts) + self.others

    @property
    def is_noise(self) -> bool:
        """Whether so few people are in it that a ratio over them would be noise."""
        counts = len(self.counts) + self.other_counts
        return self.people < MIN_SIGMAS * math.sqrt(counts) * stand_in(self.sigma)

    @property
    def total(self) -> float:
        """The sum of the value."""
        return sum(level * n for level, n in zip(self.levels.at, self.counts, strict=True))

    def total_within(self) -> Interval:
        """Return the total with the interval of its noise."""
        width = Z95 * math.sqrt(self._noise(0.0) + self._rounding())
        return Interval(self.total, self.total - width, self.total + width)

    def mean(self, covers: Covers) -> Interval:
        """Return the total for each person, of a cell that is more than noise."""
        at, s2 = self.levels.at, stand_in(self.sigma) ** 2
        noise = covers is not Covers.SAMPLING
        extra = self._rounding() if covers is Covers.NOISE else self._draw()
        return paired_ratio(
            self.total,
            self.people,
            noise * s2 * sum(level**2 for level in at) + extra,
            noise * s2 * sum(at),
            noise * s2 * (len(at) + self.other_counts),
            Z95,
        )

    def more_than(self, base: Interval, covers: Covers) -> Interval:
        """Return how much more the total is than if each person had the mean `base`."""
        value = self.total - base.value * self.people
        extra = self._rounding() if covers is Covers.NOISE else self._draw()
        noise = 0.0 if covers is Covers.SAMPLING else self._noise(base.value)
        own, people = Z95 * math.sqrt(noise + extra), max(0, self.people)
        down = math.hypot(own, people * (base.high - base.value))
        up = math.hypot(own, people * (base.value - base.low))
        return Interval(value, value - down, value + up)

    def _noise(self, mean: float) -> float:
        """Return the variance that noise gives to the total less so much for each person."""
        square = sum((level - mean) ** 2 for level in self.levels.at)
        return stand_in(self.sigma) ** 2 * (square + self.other_counts * mean**2)

    def _rounding(self) -> float:
        return max(0, sum(self.counts)) * (self.levels.coins + self.levels.pooled)

    def _draw(self) -> float:
        """Return the variance of the total if these people are a draw from many."""
        people = max(1, self.people)
        square = sum(level**2 * n for level, n in zip(self.levels.at, self.counts, strict=True))
        square += max(0, sum(self.counts)) * self.levels.pooled
        return people * max(0.0, square / people - (self.total / people) ** 2)


def answer_valued(
    plan: Plan, by_level: Sequence[Noisy], levels: Levels, number: NumberColumn
) -> tuple[Row, ...]:
    """Return people, sum and mean of each cell from its noisy counts by level.

    Raises: InvalidParameter if these are not a plan's counts by these levels.
    """
    counts = plan.part(ROWS)
    if counts is None or len(by_level) != len(levels.at):
        raise InvalidParameter("these cells are of another kind of question")
    found: list[Row] = []
    for n, key in enumerate(product(*plan.axes)):
        here = tuple(noisy.cells[ROWS][n] for noisy in by_level)
        found += _rows(key, Cell(levels, here, 0, 0, counts.sigma), number, plan.least_rows)
    return tuple(found)


def hidden_valued(plan: Plan, why: str) -> tuple[Row, ...]:
    """Return the same lines with nothing in them."""
    return tuple(
        Row((*key, measure), None, None, None, why)
        for key in product(*plan.axes)
        for measure in MEASURES
    )


def in_units(found: Interval, number: NumberColumn) -> Interval:
    """Return an interval that is in units of the last decimal as one of the column."""
    unit = 10**number.decimals
    return Interval(found.value / unit, found.low / unit, found.high / unit)


def _rows(key: tuple[str, ...], cell: Cell, number: NumberColumn, least: int) -> Iterator[Row]:
    if least and cell.people < least:
        yield from (Row((*key, m), None, None, None, SmallCohort.code) for m in MEASURES)
        return
    scale = math.sqrt(len(cell.counts)) * cell.sigma
    people, width = max(0, cell.people), half_width(scale)
    yield Row((*key, PEOPLE), people, max(0, people - width), max(0, cell.people + width))
    total = in_units(cell.total_within(), number)
    yield Row((*key, SUM), total.value, total.low, total.high, people=people)
    if cell.is_noise:
        yield Row((*key, MEAN), None, None, None, TOO_NOISY, people)
        return
    mean = in_units(cell.mean(Covers.NOISE).within(number.low, number.high), number)
    yield Row((*key, MEAN), mean.value, mean.low, mean.high, people=people)
