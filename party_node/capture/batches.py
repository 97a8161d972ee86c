"""What is read of a consent file before it is known whom it is about, a batch of rows at a time.

Nothing in a batch needs the node's database, so a process of its own can read ahead (`ahead.py`);
a batch crosses to the node as one line of JSON.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from party_node.capture.said import Cell

NO_EXTRAS = ("", "", "")


@dataclass(slots=True)
class Batch:
    """What was read from some rows that follow one another.

    `lines`, `emails` and `phones` have one item for each row that has an event; `row_of` and what
    follows it have one for each event, in the order of the file.
    """

    rows_read: int = 0
    lines: list[int] = field(default_factory=list)
    emails: list[str | None] = field(default_factory=list, repr=False)
    phones: list[str | None] = field(default_factory=list, repr=False)
    row_of: list[int] = field(default_factory=list)
    """Position in `lines`."""
    part_of: list[int] = field(default_factory=list)
    """Which of the mapping's events it is."""
    ids: list[str] = field(default_factory=list, repr=False)
    times_ms: list[int] = field(default_factory=list)
    untils_ms: list[int | None] = field(default_factory=list)
    said_of: list[int] = field(default_factory=list)
    """Position in `said`."""
    extras: list[tuple[str, str, str]] = field(default_factory=list, repr=False)
    """Served event, digest and reference of the evidence; the list is empty if no event has any."""
    said: list[tuple[Cell, ...]] = field(default_factory=list)
    """Texts of the shared columns, each combination once."""
    refused: list[tuple[int, int, str]] = field(default_factory=list)
    """(line, which of the mapping's events, reason)."""
    skipped: list[tuple[int, int]] = field(default_factory=list)

    def to_json(self) -> bytes:
        """Return the batch as one line."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps(values, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> "Batch":
        """Return what `to_json` wrote."""
        found: dict[str, Any] = json.loads(line)
        found["said"] = [_tupled(texts) for texts in found["said"]]
        for name in ("extras", "refused", "skipped"):
            found[name] = [tuple(item) for item in found[name]]
        return cls(**found)


def _tupled(texts: Sequence[Any]) -> tuple[Cell, ...]:
    return tuple(tuple(text) if type(text) is list else text for text in texts)
