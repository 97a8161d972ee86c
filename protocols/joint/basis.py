"""Features as a few columns of small whole numbers, on which a sum of ramps and steps can be built.

A numeric feature becomes ramps between the quantiles of its own party's people: a column goes from
0 to `UNIT` between two of them, so that any curve with bends there is a weighted sum. What is
missing has a column of its own; where nobody's value was, that is another ramp. A feature of
categories has a column for each of those that are stated, or of those that most people have. How
many columns there are follows from the specification; which values they stand for is known to the
party that has the feature, and to nobody else.

Where ramps and steps lie is a `Basis`. `basis_learning` makes it of the people that a model is
fitted on; whoever comes later is encoded by the same one, so that a weight means what it meant. It
has quantiles and categories, each of which somebody had, and nothing that says who.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.errors import LocalError
from protocols.joint.widths import UNIT
from protocols.lookalike import encoding
from protocols.lookalike.features import Feature, MisfitColumn
from protocols.lookalike.kept import Array

Columns = NDArray[np.uint8]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ramps(Record):
    """A numeric feature as ramps, and a column for what is missing or for one ramp more; then who
    has none later is taken to be in the middle. Raises: LocalError.
    """

    KIND: ClassVar[str] = "joint-ramps/1"
    feature: Feature
    ramps: int
    ends: Array
    """Where each begins and ends, shape (ramps + 1 or fewer, 2)."""

    def __post_init__(self) -> None:
        shape = self.ends.shape
        if len(shape) != 2 or shape[1] != 2 or shape[0] > self.ramps + 1:
            raise LocalError("a ramp has a beginning and an end")

    @property
    def columns(self) -> int:
        """How many there are."""
        return self.ramps + 1

    def encode(self, column: Any) -> Columns:
        """Return the columns of rows; beyond the ends a ramp is level. Raises: MisfitColumn."""
        values = read_numbers(self.feature, column)
        found = np.zeros((len(values), self.ramps + 1), np.uint8)
        missing = np.isnan(values)
        told, ends = values[~missing], self.ends.read()
        if len(ends) > self.ramps:
            found[missing, : len(ends) // 2] = UNIT
        else:
            found[missing, self.ramps] = UNIT
        for ramp, (low, high) in enumerate(ends):
            # Divided first: the difference of two huge numbers may be infinite.
            part = (np.clip(told, low, high) / 2 - low / 2) / (high / 2 - low / 2)
            found[~missing, ramp] = np.rint(UNIT * part).astype(np.uint8)
        return found


@dataclass(frozen=True, slots=True)
class Ranks(Record):
    """A numeric feature as one column: about the part of people who are below; what is missing is
    the middle. Raises: LocalError.
    """

    KIND: ClassVar[str] = "joint-ranks/1"
    feature: Feature
    starts: Array
    """From which value on the column has the next entry: at most one for each entry, rising."""
    entries: Array

    def __post_init__(self) -> None:
        if len(self.starts.shape) != 1 or self.starts.shape != self.entries.shape:
            raise LocalError("each value that begins has an entry")

    @property
    def columns(self) -> int:
        """How many there are."""
        return 1

    def encode(self, column: Any) -> Columns:
        """Return the column of rows; below all that was there is 0. Raises: MisfitColumn."""
        values = read_numbers(self.feature, column)
        starts, entries = self.starts.read(), self.entries.read()
        missing = np.isnan(values)
        found = np.full((len(values), 1), UNIT // 2, np.uint8)
        if len(starts):
            at = np.searchsorted(starts, values[~missing], "right")
            found[~missing, 0] = np.concatenate([[0], entries])[at]
        return found


@dataclass(frozen=True, slots=True)
class Steps(Record):
    """A feature of categories as a column for each of them; any other value has none."""

    KIND: ClassVar[str] = "joint-steps/1"
    feature: Feature
    width: int
    categories: tuple[str, ...]
    """As many as there are columns, or fewer."""

    def __post_init__(self) -> None:
        if len(self.categories) > self.width:
            raise LocalError("there is a column for each category")

    @property
    def columns(self) -> int:
        """How many there are."""
        return self.width

    def encode(self, column: Any) -> Columns:
        """Return the columns of rows. Raises: MisfitColumn."""
        codes = encoding.Bins(self.feature, None, self.categories).encode(column)
        found = np.zeros((len(codes), self.width), np.uint8)
        known = codes < len(self.categories)
        found[np.flatnonzero(known), codes[known]] = UNIT
        return found


@dataclass(frozen=True, slots=True)
class Basis(Record):
    """What the columns of one party stand for, feature by feature."""

    KIND: ClassVar[str] = "joint-basis/1"
    parts: tuple[Ramps | Ranks | Steps, ...]

    def encode(self, table: Mapping[str, Any]) -> Columns:
        """Return the columns of people, shape (people, columns), entries 0 to `UNIT`.

        `table` has an Arrow array for each feature. Raises: MisfitColumn.
        """
        parts = []
        for part in self.parts:
            name = part.feature.column
            if name not in table:
                raise MisfitColumn(f"there is no column {name}")
            parts.append(part.encode(table[name]))
        return np.ascontiguousarray(np.concatenate(parts, axis=1))


def read_numbers(feature: Feature, column: Any) -> Numbers:
    """Return a numeric column within its bounds; NaN where it says nothing finite.

    Raises: MisfitColumn.
    """
    values = encoding.measured(feature, column)
    return np.where(np.isfinite(values), values, np.nan)
