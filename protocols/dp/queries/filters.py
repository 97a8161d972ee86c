"""Which rows a question is about: conditions on single columns, and their and, or and not.

A condition on a value that is missing does not hold, and its `not` does: there are two truth values
and no third. Numbers are compared in the units of their column, as they stand, before clipping.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.dp.queries.schema import MAX_UNITS, BinColumn, NumberColumn, Schema
from protocols.errors import InvalidParameter

MAX_PARTS = 256
MAX_VALUES = 4096


@dataclass(frozen=True, slots=True)
class OneOf(Record):
    """The word in the column is one of these."""

    KIND: ClassVar[str] = "one-of/1"
    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between(Record):
    """The number in the column is at least `low` and below `high`; None for no end."""

    KIND: ClassVar[str] = "between/1"
    column: str
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Missing(Record):
    """There is nothing in the column, or nothing that can be read."""

    KIND: ClassVar[str] = "missing/1"
    column: str


@dataclass(frozen=True, slots=True)
class Not(Record):
    """The condition does not hold."""

    KIND: ClassVar[str] = "not/1"
    part: "OneOf | Between | Missing | Not | All | Any"


@dataclass(frozen=True, slots=True)
class All(Record):
    """Every one of the conditions holds."""

    KIND: ClassVar[str] = "all/1"
    parts: "tuple[OneOf | Between | Missing | Not | All | Any, ...]"


@dataclass(frozen=True, slots=True)
class Any(Record):
    """At least one of the conditions holds."""

    KIND: ClassVar[str] = "any/1"
    parts: "tuple[OneOf | Between | Missing | Not | All | Any, ...]"


Filter = OneOf | Between | Missing | Not | All | Any


def check_filter(schema: Schema, where: Filter) -> None:
    """Return if each condition fits the column that it is on.

    Raises: InvalidParameter.
    """
    parts = list(parts_of(where))
    if len(parts) > MAX_PARTS:
        raise InvalidParameter(f"a filter has at most {MAX_PARTS} conditions")
    for part in parts:
        _check_part(schema, part)


def _check_part(schema: Schema, part: Filter) -> None:
    match part:
        case OneOf(column=name, values=values):
            numbers = isinstance(schema.find(name), BinColumn | NumberColumn)
            _check(not numbers, f"{name} is a column of numbers: ask for a range of it")
            _check(1 <= len(values) <= MAX_VALUES, f"{name} is one of 1 to {MAX_VALUES} values")
        case Between(column=name, low=low, high=high):
            numbers = isinstance(schema.find(name), BinColumn | NumberColumn)
            _check(numbers, f"{name} is a column of words: it has no range")
            ends = [end for end in (low, high) if end is not None]
            fits = all(abs(end) <= MAX_UNITS for end in ends)
            _check(fits, f"an end of the range of {name} is too large")
            rising = bool(ends) and (len(ends) == 1 or ends[0] < ends[1])
            _check(rising, f"the range of {name} is empty, or has no end")
        case Missing(column=name):
            schema.find(name)
        case All(parts=parts) | Any(parts=parts):
            _check(bool(parts), "an `and` or an `or` has conditions")
        case Not():
            pass


def _check(fits: bool, rule: str) -> None:
    if not fits:
        raise InvalidParameter(rule)


def parts_of(where: Filter) -> Iterator[Filter]:
    """Return the filter and every condition inside it."""
    yield where
    match where:
        case Not(part=part):
            yield from parts_of(part)
        case All(parts=parts) | Any(parts=parts):
            for part in parts:
                yield from parts_of(part)
