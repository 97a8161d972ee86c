"""From noisy cells to an answer for people: values, 95 % intervals, and what is hidden.

Nothing here looks at data: whatever is computed from noisy cells costs nothing more. An interval
covers the noise alone, cell by cell: it is about the rows that were permitted and counted, clipped
as declared, and says nothing of sampling. Counts come out as drawn; for people they are never below
zero. A ratio is hidden where its count is below three scales of its noise: it would be noise.
"""

from dataclasses import dataclass
from itertools import product

from protocols.dp import noise
from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.plan import ROWS, SQUARES, VALUES, Plan
from protocols.dp.queries.query import MAX_PARTS_OF_WHOLE, Mean, Quantile, Sum, TopK, Variance
from protocols.dp.queries.ratios import Interval, ratio
from protocols.dp.queries.schema import NumberColumn
from protocols.errors import SmallCohort

Z95, Z98_75 = 1.959964, 2.497705
"""Two-sided normal quantiles at 95 % and at 98.75 %."""
TOO_NOISY = "too-noisy"
"""Why a ratio is hidden: so few rows are in it that it would be noise."""
MIN_SIGMAS = 3
_NORMAL_FROM = 1000
"""From this scale on the discrete Gaussian's half-width is the normal one's, rounded up."""

Value = int | float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an answer."""

    key: tuple[str, ...]
    value: Value | None
    low: Value | None
    high: Value | None
    hidden: str = ""
    """Why there is no value: `small-cohort` or `too-noisy`."""
    people: int | None = None
    """The noisy count that a value stands on, where it is not the value itself."""


def answer(plan: Plan, noisy: Noisy) -> tuple[Row, ...]:
    """Return the answer, one line for each cell (and quantile), all declared cells, in order."""
    if isinstance(plan.query.ask, TopK):
        return _top_k(plan, noisy, plan.query.ask.k)
    if isinstance(plan.query.ask, Quantile):
        return _quantiles(plan, noisy, plan.query.ask)
    keys = list(product(*plan.axes))
    return tuple(_row(plan, noisy, key, cell) for cell, key in enumerate(keys))


def half_width(sigma: float) -> int:
    """Return the smallest w that the noise of this scale reaches with at most 5 %."""
    return noise.half_width(sigma) if sigma < _NORMAL_FROM else int(Z95 * sigma) + 1


def _row(plan: Plan, noisy: Noisy, key: tuple[str, ...], cell: int) -> Row:
    counts = plan.part(ROWS)
    people = None if counts is None else noisy.cells[ROWS][cell]
    if people is not None and _too_few(plan, people):
        return Row(key, None, None, None, SmallCohort.code)
    match plan.query.ask:
        case Sum():
            return _sum(plan, noisy.cells[VALUES][cell], key, people)
        case Mean() | Variance():
            assert people is not None
            return _ratio(plan, noisy, key, cell, people)
        case _:
            assert people is not None
            assert counts is not None
            width = half_width(counts.sigma)
            return Row(key, max(0, people), max(0, people - width), max(0, people + width))


def _too_few(plan: Plan, people: int) -> bool:
    return plan.least_rows > 0 and people < plan.least_rows


def _sum(plan: Plan, value: int, key: tuple[str, ...], people: int | None) -> Row:
    part, number = plan.part(VALUES), plan.number
    assert part is not None
    assert number is not None
    width, unit = half_width(part.sigma), 10**number.decimals
    shown = None if people is None else max(0, people)
    low, high = value - width, value + width
    return Row(key, value / unit, low / unit, high / unit, people=shown)


def _ratio(plan: Plan, noisy: Noisy, key: tuple[str, ...], cell: int, people: int) -> Row:
    counts, values, number = plan.part(ROWS), plan.part(VALUES), plan.number
    assert counts is not None
    assert values is not None
    assert number is not None
    if people < MIN_SIGMAS * counts.sigma:
        return Row(key, None, None, None, TOO_NOISY, max(0, people))
    total, unit, half = noisy.cells[VALUES][cell], 10**number.decimals, plan.half_range
    if isinstance(plan.query.ask, Mean):
        found = ratio(total, people, values.sigma, counts.sigma, Z95)
        found = found.shifted(plan.centre).within(number.low, number.high)
    else:
        squares = plan.part(SQUARES)
        assert squares is not None
        middle = ratio(total, people, values.sigma, counts.sigma, Z98_75).within(-half, half)
        square = ratio(
            noisy.cells[SQUARES][cell], people, squares.sigma, counts.sigma, Z98_75
        ).shifted(plan.square_centre)
        found, unit = _variance(middle, square, half), unit * unit
    return Row(key, found.value / unit, found.low / unit, found.high / unit, people=people)


def _variance(mean: Interval, square: Interval, half: int) -> Interval:
    """Return E(u²) - E(u)², between what both intervals together allow."""
    far = max(abs(mean.low), abs(mean.high))
    near = 0.0 if mean.low <= 0 <= mean.high else min(abs(mean.low), abs(mean.high))
    found = Interval(
        square.value - mean.value**2, square.low - far * far, square.high - near * near
    )
    return found.within(0, half * half)


def _quantiles(plan: Plan, noisy: Noisy, ask: Quantile) -> tuple[Row, ...]:
    counts, number = plan.part(ROWS), plan.number
    assert counts is not None
    assert number is not None
    rows = []
    for cell, key in enumerate(product(*plan.axes)):
        people = noisy.cells[ROWS][cell]
        few = _too_few(plan, people)
        noise_only = people < MIN_SIGMAS * counts.sigma
        for n, (choice, chosen) in enumerate(zip(plan.choices, noisy.chosen, strict=True)):
            named = (*key, f"{choice.at / MAX_PARTS_OF_WHOLE:g}")
            if few or noise_only:
                why = SmallCohort.code if few else TOO_NOISY
                rows.append(Row(named, None, None, None, why))
            else:
                ends = noisy.between[n][cell] if noisy.between else None
                rows.append(_placed(named, number, ask.steps, chosen[cell], ends, people))
    return tuple(rows)


def _placed(
    key: tuple[str, ...],
    number: NumberColumn,
    steps: int,
    chosen: int,
    ends: tuple[int, int] | None,
    people: int,
) -> Row:
    unit = 10**number.decimals
    value = point(number, steps, chosen) / unit
    if ends is None:
        return Row(key, value, None, None, people=people)
    low, high = (point(number, steps, end) / unit for end in ends)
    return Row(key, value, low, high, people=people)


def point(number: NumberColumn, steps: int, index: int) -> int:
    """Return a point of a quantile's grid, in units of the column."""
    span = number.high - number.low
    found: int = number.low + (2 * index * span + steps) // (2 * steps)
    return found


def _top_k(plan: Plan, noisy: Noisy, k: int) -> tuple[Row, ...]:
    assert plan.keys is not None
    width = half_width(plan.keys.sigma)
    enough = ((word, n) for word, n in noisy.words.items() if n >= plan.query.minimum)
    first = sorted(enough, key=lambda item: (-item[1], item[0]))[:k]
    return tuple(Row((word,), n, max(0, n - width), n + width) for word, n in first)
