"""What became of the rows of one consent file: counts, and the lines of what was not taken in."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_REPORTED = 1_000
"""Refused and skipped rows that a report lists; it counts them all."""


class RowNote(NamedTuple):
    """A row, or one event of a wide row, that was not taken in."""

    line: int
    reason: str
    event: str = ""
    """The suffix of the event in a wide file."""


@dataclass(slots=True)
class ImportReport:
    """What became of the rows of one file.

    Every row, or every event of a wide row, ends in one of four counts: accepted, repeated,
    refused, skipped.
    """

    rows: int = 0
    """Rows that were read, whatever became of them; the header is none."""
    accepted: int = 0
    repeated: int = 0
    """Rows that this source had sent before."""
    refused_total: int = 0
    refused_rows: list[RowNote] = field(default_factory=list)
    """The first refused rows, in the order of the file."""
    reasons: Counter[str] = field(default_factory=Counter)
    """How many rows were refused for which reason."""
    skipped_total: int = 0
    skipped_rows: list[RowNote] = field(default_factory=list)
    """The first rows that the mapping says to skip."""
    for_both: int = 0
    """Accepted objections that were taken for two persons."""
    sha256: str = ""
    dry_run: bool = False
    """True: the counts say what would happen; nothing was written."""

    @property
    def refused(self) -> list[tuple[int, str]]:
        """(line, reason) of the first refused rows."""
        return [(note.line, note.reason) for note in self.refused_rows]

    def refuse(self, notes: list[RowNote]) -> None:
        """Count refused rows."""
        self.refused_total += len(notes)
        self.reasons.update(note.reason for note in notes)
        self.refused_rows += notes[: MAX_REPORTED - len(self.refused_rows)]

    def skip(self, notes: list[RowNote]) -> None:
        """Count skipped rows."""
        self.skipped_total += len(notes)
        self.skipped_rows += notes[: MAX_REPORTED - len(self.skipped_rows)]
