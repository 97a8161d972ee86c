"""Columns that a question may use, each with a declared domain that does not come from the data.

Categories, bins and bounds are public: they are said before anybody looks. So every cell of an
answer is known in advance, and an empty one is answered like any other. Numbers are fixed-point: a
value with `decimals` 2 is counted in hundredths, and 12.5 is 1250. What is outside of the declared
categories or bins falls into a bucket `OTHER`, and what is missing or unreadable into `MISSING`.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter

OTHER, MISSING = "(other)", "(missing)"
MAX_CATEGORIES = 4096
MAX_EDGES = 1001
MAX_TEXT = 200
MAX_DECIMALS = 9
MAX_UNITS = 2**40
"""Numbers are smaller than this in units of their last decimal place."""
MAX_COLUMNS = 64

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CategoryColumn(Record):
    """A column of words, of which these are known. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "category-column/1"
    name: str
    source: str
    """The file's own name of the column."""
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_names(self.name, self.source)
        _check(1 <= len(self.values) <= MAX_CATEGORIES, f"{self.name} has 1 to 4,096 categories")
        _check(len(set(self.values)) == len(self.values), f"{self.name} has a category twice")
        _check(
            all(is_text(v) and v not in (OTHER, MISSING) for v in self.values),
            f"a category of {self.name} is 1 to {MAX_TEXT} printable characters",
        )

    def labels(self) -> tuple[str, ...]:
        """Return what its buckets are called, in order."""
        return (*self.values, OTHER, MISSING)


@dataclass(frozen=True, slots=True)
class BinColumn(Record):
    """A column of numbers, cut at `edges`: each bin has its lower edge and not its upper one.

    Raises: InvalidParameter.
    """

    KIND: ClassVar[str] = "bin-column/1"
    name: str
    source: str
    decimals: int
    edges: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_names(self.name, self.source)
        _check_decimals(self.name, self.decimals)
        _check(2 <= len(self.edges) <= MAX_EDGES, f"{self.name} has 2 to 1,001 edges")
        rising = all(a < b for a, b in pairwise(self.edges))
        _check(rising, f"the edges of {self.name} rise")
        _check(all(abs(e) < MAX_UNITS for e in self.edges), f"an edge of {self.name} is too large")

    def labels(self) -> tuple[str, ...]:
        """Return what its buckets are called, in order."""
        shown = [written(edge, self.decimals) for edge in self.edges]
        bins = (f"{a} to under {b}" for a, b in pairwise(shown))
        return (*bins, OTHER, MISSING)


@dataclass(frozen=True, slots=True)
class NumberColumn(Record):
    """A column of numbers, clipped to `low` … `high` before it is summed.

    Raises: InvalidParameter.
    """

    KIND: ClassVar[str] = "number-column/1"
    name: str
    source: str
    decimals: int
    low: int
    high: int

    def __post_init__(self) -> None:
        _check_names(self.name, self.source)
        _check_decimals(self.name, self.decimals)
        _check(self.low < self.high, f"the lower bound of {self.name} is below the upper one")
        fits = max(abs(self.low), abs(self.high)) < MAX_UNITS
        _check(fits, f"a bound of {self.name} is too large for so many decimals")


@dataclass(frozen=True, slots=True)
class TextColumn(Record):
    """A column of words of which none is known before. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "text-column/1"
    name: str
    source: str

    def __post_init__(self) -> None:
        _check_names(self.name, self.source)


Column = CategoryColumn | BinColumn | NumberColumn | TextColumn
Grouping = CategoryColumn | BinColumn


@dataclass(frozen=True, slots=True)
class Schema(Record):
    """The columns of one question. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "statistics-schema/1"
    columns: tuple[CategoryColumn | BinColumn | NumberColumn | TextColumn, ...]

    def __post_init__(self) -> None:
        _check(len(self.columns) <= MAX_COLUMNS, f"a question has at most {MAX_COLUMNS} columns")
        names = [c.name for c in self.columns]
        _check(len(set(names)) == len(names), "two columns have the same name")

    def find(self, name: str) -> Column:
        """Return the column of that name. Raises: InvalidParameter."""
        for column in self.columns:
            if column.name == name:
                return column
        raise InvalidParameter(f"{name} is not one of the declared columns")

    def grouping(self, name: str) -> Grouping:
        """Return a column that may be grouped by. Raises: InvalidParameter."""
        column = self.find(name)
        if not isinstance(column, CategoryColumn | BinColumn):
            raise InvalidParameter(f"{name} is grouped by, so it needs categories or bins")
        return column

    def number(self, name: str) -> NumberColumn:
        """Return a column that may be summed. Raises: InvalidParameter."""
        column = self.find(name)
        if not isinstance(column, NumberColumn):
            raise InvalidParameter(f"{name} is counted with, so it needs bounds")
        return column


def written(units: int | Fraction, decimals: int) -> str:
    """Return a fixed-point number as a decimal, with no zeros at its end."""
    whole = round(units)
    sign, whole = ("-" if whole < 0 else ""), abs(whole)
    text = str(whole).rjust(decimals + 1, "0")
    if decimals == 0:
        return sign + text
    return f"{sign}{text[:-decimals]}.{text[-decimals:]}".rstrip("0").rstrip(".")


def is_text(value: str) -> bool:
    """Tell whether this may stand as a category."""
    return 1 <= len(value) <= MAX_TEXT and value.isprintable()


def _check_names(name: str, source: str) -> None:
    _check(_NAME.fullmatch(name) is not None, "a column has a name here of lower-case letters, "
           "digits and underscores, a letter first; the file's own name of it stands under "
           "`column`")  # fmt: skip
    _check(is_text(source), f"the file's column of {name} is 1 to {MAX_TEXT} printable characters")


def _check_decimals(name: str, decimals: int) -> None:
    _check(0 <= decimals <= MAX_DECIMALS, f"{name} has 0 to {MAX_DECIMALS} decimals")


def _check(fits: bool, rule: str) -> None:
    if not fits:
        raise InvalidParameter(rule)
