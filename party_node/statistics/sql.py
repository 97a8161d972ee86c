"""A question as SQL: generated from the typed question alone, its words as parameters.

Every expression is local to a row and cannot fail: what cannot be read as a number is missing, and
numbers are clipped before they become integers. So whether a query runs says nothing about the
data. Numbers that are no integers are read as 64-bit floats and rounded to the column's decimals,
once, row by row; all that is added up are integers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocols.dp.queries.filters import All, Any, Between, Filter, Missing, Not, OneOf
from protocols.dp.queries.plan import Plan
from protocols.dp.queries.query import Quantile
from protocols.dp.queries.schema import (
    MAX_UNITS,
    BinColumn,
    CategoryColumn,
    Column,
    Grouping,
    NumberColumn,
)

_SIZES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_INTEGERS = frozenset({*_SIZES, *(f"U{size}" for size in _SIZES)})
_NUMBERS = frozenset({"FLOAT", "DOUBLE", "DECIMAL"})
_EXACT_DECIMALS = 6
"""Up to so many decimals a clipped integer still fits 64 bits."""


def quoted(name: str) -> str:
    """Return the name of a column as it stands in a query."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(slots=True)
class Expressions:
    """Expressions over the columns of one file, and the parameters that they name by number."""

    types: Mapping[str, str]
    """The engine's types of the file's columns."""
    parameters: list[object] = field(default_factory=list)

    def word(self, column: Column) -> str:
        """Return the column as text; NULL where there is none."""
        return f"CAST({quoted(column.source)} AS VARCHAR)"

    def units(self, column: BinColumn | NumberColumn, low: int, high: int) -> str:
        """Return the column as an integer from `low` to `high`; NULL where there is no number."""
        plain, unit = quoted(column.source), 10**column.decimals
        kind = self.types.get(column.source, "").split("(")[0]
        if kind in _INTEGERS and column.decimals <= _EXACT_DECIMALS:
            clipped = f"CAST(greatest(least({plain}, {MAX_UNITS}), {-MAX_UNITS}) AS BIGINT)"
            return f"greatest(least({clipped} * {unit}, {high}), {low})"
        if kind not in _INTEGERS | _NUMBERS:
            plain = f"CAST({plain} AS VARCHAR)"
        number = f"TRY_CAST({plain} AS DOUBLE)"
        scaled = f"greatest(least({number} * {unit}, {high}), {low})"
        return f"CASE WHEN isfinite({number}) THEN CAST(round({scaled}) AS BIGINT) END"

    def raw(self, column: Grouping) -> str:
        """Return what a row is grouped by, before it is put into a bucket of words."""
        if isinstance(column, CategoryColumn):
            return self.word(column)
        return self.units(column, -MAX_UNITS, MAX_UNITS)

    def bucket(self, column: Grouping, raw: str) -> str:
        """Return the number of the bucket, in the order of the labels, of what `raw` returned."""
        if isinstance(column, CategoryColumn):
            others = len(column.values)
            found = f"list_position({self._parameter(list(column.values))}::VARCHAR[], {raw})"
            known = f"coalesce(nullif({found}, 0) - 1, {others})"
            return f"CASE WHEN {raw} IS NULL THEN {others + 1} ELSE {known} END"
        edges, outside = column.edges, len(column.edges) - 1
        bins = "".join(f" WHEN {raw} < {edge} THEN {n}" for n, edge in enumerate(edges[1:]))
        return (
            f"CASE WHEN {raw} IS NULL THEN {outside + 1} WHEN {raw} < {edges[0]} THEN {outside}"
            f"{bins} ELSE {outside} END"
        )

    def condition(self, where: Filter, columns: Mapping[str, Column]) -> str:
        """Return a condition that is true or false and never NULL."""
        match where:
            case OneOf(column=name, values=values):
                listed = f"{self._parameter(list(values))}::VARCHAR[]"
                return f"coalesce(list_contains({listed}, {self.word(columns[name])}), false)"
            case Between(column=name, low=low, high=high):
                return self._between(columns[name], low, high)
            case Missing(column=name):
                return f"({self._value(columns[name])} IS NULL)"
            case Not(part=part):
                return f"(NOT {self.condition(part, columns)})"
            case All(parts=parts):
                return "(" + " AND ".join(self.condition(p, columns) for p in parts) + ")"
            case Any(parts=parts):
                return "(" + " OR ".join(self.condition(p, columns) for p in parts) + ")"

    def added(self, plan: Plan) -> str:
        """Return what a row adds: its clipped value less the centre, or its place on the grid."""
        number = plan.number
        if number is None:
            return "CAST(0 AS BIGINT)"
        units = self.units(number, number.low, number.high)
        if isinstance(plan.query.ask, Quantile):
            span = number.high - number.low
            return (
                f"((2 * ({units} - {number.low}) * {plan.query.ask.steps} + {span}) // {2 * span})"
            )
        return f"({units} - {plan.centre})"

    def _value(self, column: Column) -> str:
        if isinstance(column, BinColumn | NumberColumn):
            return self.units(column, -MAX_UNITS, MAX_UNITS)
        return self.word(column)

    def _between(self, column: Column, low: int | None, high: int | None) -> str:
        units = self._value(column)
        ends = [] if low is None else [f"{units} >= {low}"]
        ends += [] if high is None else [f"{units} < {high}"]
        return f"coalesce({' AND '.join(ends)}, false)"

    def _parameter(self, value: object) -> str:
        self.parameters.append(value)
        return f"${len(self.parameters)}"
