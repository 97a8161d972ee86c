"""Tables: what the brand has seen of the partner's cells, as columns of the partner's.

A table has an entry from 0 to `UNIT` for each cell of a feature, or of two. By it the partner makes
a column of its own rows, which then enters the sums of a joint model beside the others. So the
model says what a curve with few bends cannot, and what two of the partner's columns do together.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.joint.looks import Codes, Look
from protocols.joint.widths import UNIT

Columns = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Table(Record):
    """What each cell of one feature, or pair, is in a column."""

    KIND: ClassVar[str] = "joint-table/1"
    number: int
    """Which of the looked at: features first, then pairs."""
    entries: bytes
    """A byte for each cell."""

    def column(self, cells: Codes) -> Columns:
        """Return what rows have in it; `cells` has the shape (rows, looked at)."""
        return np.frombuffer(self.entries, np.uint8)[cells[:, self.number]]


@dataclass(frozen=True, slots=True)
class Tables(Record):
    """All tables of a model. They come from the other party: `check` says whether they fit."""

    KIND: ClassVar[str] = "joint-tables/1"
    tables: tuple[Table, ...]

    def check(self, look: Look, most: int) -> None:
        """Return if they are about what was looked at. Raises: InvalidParameter."""
        if len(self.tables) > most:
            raise InvalidParameter(f"{most} tables at most")
        if len({table.number for table in self.tables}) != len(self.tables):
            raise InvalidParameter("there is a table for each feature or pair, or none")
        sizes = look.sizes
        for table in self.tables:
            if not 0 <= table.number < len(sizes) or len(table.entries) != sizes[table.number]:
                raise InvalidParameter("a table is about other cells than were looked at")
            if max(table.entries, default=0) > UNIT:
                raise InvalidParameter(f"a table has entries from 0 to {UNIT}")

    def beside(self, columns: Columns, cells: Codes, wide: int) -> Columns:
        """Return rows' columns, those of tables behind them, then columns of zeros: `wide`.

        `cells` has the shape (rows, looked at).
        """
        found = np.zeros((len(columns), wide), np.uint8)
        found[:, : columns.shape[1]] = columns
        for at, table in enumerate(self.tables, columns.shape[1]):
            found[:, at] = table.column(cells)
        return found

    def about(self, look: Look) -> list[tuple[int, ...]]:
        """Return which feature, or two, each is about."""
        return [look.about[table.number] for table in self.tables]


NONE = Tables(())
