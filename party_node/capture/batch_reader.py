"""Rows to batches: what is a row of text, whom it names, and what it is called by its source.

What a row says is read in `event_columns.py`. A row ends as events, as refused or as skipped, and
is always counted.
"""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from consent.reasons import SKEW_MS
from party_node.capture import said
from party_node.capture.batches import NO_EXTRAS, Batch
from party_node.capture.event_columns import MAX_EVENT_ID, Columns, PartEvents, PartReader
from party_node.capture.mapping import FileMapping
from party_node.capture.refusals import Refusal, RowRefused
from party_node.capture.row_source import Row, RowSource
from party_node.capture.said import Cell, Context
from protocols import identifiers

BATCH_ROWS = 5_000
EVENT_ID_LABEL = b"accord/source-event-id/1\x00"


class BatchReader:
    """Reads the rows of one file by one mapping.

    `now_ms` is this machine's time; `event_id_key` names events that the file has no id for.
    """

    def __init__(
        self, mapping: FileMapping, context: Context, now_ms: int, event_id_key: bytes
    ) -> None:
        self._mapping, self._region, self._key = mapping, context.region, event_id_key
        self._parts = [PartReader(part, context, now_ms + SKEW_MS) for part in mapping.events]

    def batches(self, source: RowSource) -> Iterator[Batch]:
        """Return the file's batches in order.

        Raises: ImportUnreadable, MissingColumn.
        """
        rows = source.rows()
        while some := list(islice(rows, BATCH_ROWS)):
            yield self._batch(some, source.columns)

    def _batch(self, rows: Sequence[Row], names: Sequence[str]) -> Batch:
        batch = Batch(rows_read=len(rows))
        whole = self._readable(rows, batch)
        if whole:
            cells = zip(*(cells for _, cells in whole), strict=True)
            columns = dict(zip(names, cells, strict=True))
            people = _People(self._mapping.columns, columns, len(whole), self._region)
            ids = self._ids(columns)
            parts = [part.read(columns, ids, people.faults) for part in self._parts]
            _collect(batch, [line for line, _ in whole], people, parts)
        return batch

    def _readable(self, rows: Sequence[Row], batch: Batch) -> list[tuple[int, tuple[Cell, ...]]]:
        """Return the rows that are rows of text; the others are refused, with all their events."""
        whole: list[tuple[int, tuple[Cell, ...]]] = []
        for line, cells in rows:
            if isinstance(cells, Refusal):
                self._refuse(batch, line, cells)
            else:
                whole.append((line, cells))
        if all(map(_is_text, zip(*(cells for _, cells in whole), strict=True))):
            return whole
        good = [row for row in whole if _is_text(row[1])]
        for line, cells in whole:
            if not _is_text(cells):
                self._refuse(batch, line, Refusal.NOT_TEXT)
        return good

    def _refuse(self, batch: Batch, line: int, reason: Refusal) -> None:
        batch.refused += [(line, part, reason.value) for part in range(len(self._parts))]

    def _ids(self, columns: Columns) -> list[str]:
        """Return the id of each row; empty where it cannot be one."""
        mapping = self._mapping
        if mapping.event_id:
            named = zip(*(columns[c] for c in mapping.event_id), strict=True)
            return [event_id(self._key, cells) for cells in named]
        ids = [text.strip() for text in columns[mapping.columns["source_event_id"]]]
        together = "".join(ids)
        if together.isascii() and together.isprintable():
            return ids
        return [text if _can_be_id(text) else "" for text in ids]


def event_id(key: bytes, cells: Sequence[str]) -> str:
    """Return the name of an event that its source has no id for.

    HMAC-SHA-256, under a key of the node, of the trimmed cells, each after its length in bytes: who
    reads the database cannot try which address or name stands behind it.
    """
    message = bytearray(EVENT_ID_LABEL)
    for cell in cells:
        text = cell.strip().encode()
        message += len(text).to_bytes(8, "big") + text
    return "row-" + hmac.digest(key, bytes(message), "sha256").hex()


class _People:
    """Whom the rows name, and why some name nobody."""

    def __init__(
        self, mapped: Mapping[str, str], columns: Columns, count: int, region: str | None
    ) -> None:
        nothing = [""] * count
        given = [columns.get(mapped.get(kind, ""), nothing) for kind in identifiers.PERSON_KINDS]
        self.emails, self.phones = (
            [None] * count
            if texts is nothing
            else identifiers.normalise_column(kind, texts, region).values
            for kind, texts in zip(identifiers.PERSON_KINDS, given, strict=True)
        )
        self.faults: dict[int, Refusal] = {}
        for row, (email, phone) in enumerate(zip(self.emails, self.phones, strict=True)):
            if email is None and phone is None:
                blank = not any(texts[row].strip() for texts in given)
                self.faults[row] = (
                    Refusal.MISSING_IDENTIFIER if blank else Refusal.REFUSED_IDENTIFIER
                )


def _collect(
    batch: Batch, lines: Sequence[int], people: _People, parts: Sequence[PartEvents]
) -> None:
    """Put the events of all parts together, row by row."""
    for number, part in enumerate(parts):
        batch.refused += [(lines[row], number, reason.value) for row, reason in part.refused]
        batch.skipped += [(lines[row], number) for row in part.skipped]
    batch.refused.sort()
    batch.skipped.sort()
    events, batch.part_of = _merged(parts)
    rows = list(dict.fromkeys(events.rows))
    batch.lines = [lines[row] for row in rows]
    batch.emails = [people.emails[row] for row in rows]
    batch.phones = [people.phones[row] for row in rows]
    position = {row: at for at, row in enumerate(rows)}
    batch.row_of = [position[row] for row in events.rows]
    batch.ids, batch.times_ms, batch.untils_ms = events.ids, events.times_ms, events.untils_ms
    if set(events.extras) - {NO_EXTRAS}:
        batch.extras = events.extras
    # By identity: comparing what two rows say would cost more than reading it.
    distinct = {id(what): what for what in events.said}
    places = {key: place for place, key in enumerate(distinct)}
    batch.said = [what.texts for what in distinct.values()]
    batch.said_of = [places[id(what)] for what in events.said]


def _merged(parts: Sequence[PartEvents]) -> tuple[PartEvents, list[int]]:
    """Return the events of all parts in the order of the file, and which part each is of."""
    if len(parts) == 1:
        return parts[0], [0] * len(parts[0].rows)
    order = sorted((row, n, at) for n, part in enumerate(parts) for at, row in enumerate(part.rows))

    def column(name: str) -> list[Any]:
        columns = [getattr(part, name) for part in parts]
        return [columns[n][at] for _, n, at in order]

    merged = PartEvents(
        column("rows"),
        column("ids"),
        column("times_ms"),
        column("untils_ms"),
        column("said"),
        column("extras"),
        [],
        [],
    )
    return merged, [n for _, n, _ in order]


def _can_be_id(text: str) -> bool:
    try:
        said.words(text, Refusal.BAD_EVENT_ID, MAX_EVENT_ID)
    except RowRefused:
        return False
    return True


def _is_text(cells: Sequence[Cell]) -> bool:
    """Return whether no cell holds half of a character: it stands for bytes that are none."""
    try:
        together = "".join(cells)  # type: ignore[arg-type]
    except TypeError:  # a cell that is a list
        return all(_is_text((cell,) if isinstance(cell, str) else cell) for cell in cells)
    try:
        return together.isascii() or bool(together.encode())
    except UnicodeEncodeError:
        return False
