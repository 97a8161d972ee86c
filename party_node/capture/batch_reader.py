"""Rows to batches: everything that a cell can be wrong in is decided here, a column at a time.

Most columns say the same few things over and over, so what they say together is worked out once
and looked up afterwards. A row ends as events, as refused or as skipped, and is always counted.
"""

import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from consent.rules import SKEW_MS
from party_node.capture import said
from party_node.capture.batches import NO_EXTRAS, Batch
from party_node.capture.columns import BY_NAME, SHARED
from party_node.capture.mapping import SKIP, EventPart, FileMapping
from party_node.capture.refusals import Refusal, RowRefused
from party_node.capture.row_source import Row, RowSource
from party_node.capture.said import Cell, Context, Said
from party_node.capture.times import Instant, TimeFormat
from protocols import identifiers

BATCH_ROWS = 5_000
MAX_EVENT_ID = 500
EVENT_ID_LABEL = b"accord/source-event-id/1\x00"
_EXTRAS = ("served_event_id", "evidence_sha256", "evidence_reference")
_MAX_REMEMBERED = 10_000

Outcome: TypeAlias = "Said | Refusal | None"
"""What the shared cells of an event come to; None: the mapping says to skip it."""
Columns: TypeAlias = "Mapping[str, Sequence[Any]]"
"""The file's name of a column → its cells."""


class BatchReader:
    """Reads the rows of one file by one mapping.

    `now_ms` is this machine's time; `event_id_key` names events that the file has no id for.
    """

    def __init__(
        self, mapping: FileMapping, context: Context, now_ms: int, event_id_key: bytes
    ) -> None:
        self._mapping, self._region, self._key = mapping, context.region, event_id_key
        self._parts = [_Part(part, context, now_ms + SKEW_MS) for part in mapping.events]

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
            parts = [part.read(columns, len(whole)) for part in self._parts]
            _collect(batch, [line for line, _ in whole], people, self._ids(columns), parts)
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
        given = [columns.get(mapped.get(kind, ""), nothing) for kind in identifiers.KINDS]
        self.emails, self.phones = (
            [None] * count
            if texts is nothing
            else identifiers.normalise_column(kind, texts, region).values
            for kind, texts in zip(identifiers.KINDS, given, strict=True)
        )
        self.faults: dict[int, Refusal] = {}
        for row, (email, phone) in enumerate(zip(self.emails, self.phones, strict=True)):
            if email is None and phone is None:
                blank = not any(texts[row].strip() for texts in given)
                self.faults[row] = (
                    Refusal.MISSING_IDENTIFIER if blank else Refusal.REFUSED_IDENTIFIER
                )


@dataclass(slots=True)
class _ReadPart:
    """One event of each row, as far as its own columns say."""

    outcomes: list[Outcome]
    times: Sequence[Instant]
    untils: "Sequence[Instant] | None"
    """None: no row has an end; in it, -1 stands for a row without."""
    extras: "Sequence[tuple[str, str, str]] | None"
    suffix: str
    latest_ms: int


_NO_END = -1


class _Part:
    """Reads the columns of one event of the mapping."""

    def __init__(self, part: EventPart, context: Context, latest_ms: int) -> None:
        self._part, self._context, self._latest_ms = part, context, latest_ms
        self._shared = [name for name in part.columns if BY_NAME[name].shared]
        self._known: dict[tuple[Cell, ...], Outcome] = {}
        self._event_time = _instants(part, "event_time")
        self._valid_until = _instants(part, "valid_until")

    def read(self, columns: Columns, count: int) -> _ReadPart:
        """Read `count` rows."""
        times = self._event_time(columns, count)
        assert times is not None  # a mapping without it is refused
        return _ReadPart(
            self._outcomes(columns, count),
            times,
            self._valid_until(columns, count),
            self._extras(columns, count),
            self._part.suffix,
            self._latest_ms,
        )

    def _outcomes(self, columns: Columns, count: int) -> list[Outcome]:
        if len(self._known) > _MAX_REMEMBERED:
            self._known.clear()
        names = [n for n in self._shared if self._part.columns[n] in columns]
        if not names:
            return [self._outcome((), ())] * count
        known, outcomes = self._known, list[Outcome]()
        for cells in zip(*(columns[self._part.columns[n]] for n in names), strict=True):
            if cells not in known:
                known[cells] = self._outcome(names, cells)
            outcomes.append(known[cells])
        return outcomes

    def _outcome(self, names: Sequence[str], cells: tuple[Cell, ...]) -> Outcome:
        """Put our words in the place of the file's and read them."""
        part, texts = self._part, dict[str, Cell](self._part.constants)
        unmapped = False
        for name, cell in zip(names, cells, strict=True):
            text = cell.strip() if isinstance(cell, str) else cell
            words = part.values.get(name)
            if words is not None:
                ours = words.ours(text) if isinstance(text, str) else None
                if ours == SKIP:
                    return None
                unmapped |= ours is None
                text = ours or ""
            texts[name] = text
        if unmapped:
            return Refusal.UNMAPPED_VALUE
        try:
            return said.read([texts.get(name, "") for name in SHARED], self._context)
        except RowRefused as e:
            return e.reason

    def _extras(self, columns: Columns, count: int) -> "list[tuple[str, str, str]] | None":
        given = [columns.get(self._part.columns.get(name, "")) for name in _EXTRAS]
        if not any(given):
            return None
        filled = [[""] * count if texts is None else [t.strip() for t in texts] for texts in given]
        return list(zip(*filled, strict=True))


def _instants(part: EventPart, name: str) -> "Callable[[Columns, int], Sequence[Instant] | None]":
    """Return what reads a column of instants; a constant is read once."""
    read = part.times.get(name, TimeFormat()).reader()
    if name in part.constants:
        always = read(part.constants[name])
        return lambda _columns, count: [always] * count
    theirs = part.columns.get(name)

    def column(columns: Columns, _count: int) -> Sequence[Instant] | None:
        texts = columns.get(theirs) if theirs is not None else None
        if texts is None:
            return None
        if name == "event_time":
            return [read(text.strip()) for text in texts]
        return [read(text) if (text := cell.strip()) else _NO_END for cell in texts]

    return column


def _collect(
    batch: Batch, lines: Sequence[int], people: _People, ids: Sequence[str],
    parts: Sequence[_ReadPart],
) -> None:  # fmt: skip
    """Put together what the columns say, row by row."""
    positions: dict[int, int] = {}
    numbered = list(enumerate(parts))
    has_extras = any(part.extras is not None for part in parts)
    for row, line in enumerate(lines):
        fault, at = people.faults.get(row), -1
        for number, part in numbered:
            found = part.outcomes[row]
            if found is None:
                batch.skipped.append((line, number))
                continue
            event = fault or _event(part, row, found, ids[row])
            if isinstance(event, Refusal):
                batch.refused.append((line, number, event.value))
                continue
            if at < 0:
                at = len(batch.lines)
                batch.lines.append(line)
                batch.emails.append(people.emails[row])
                batch.phones.append(people.phones[row])
            batch.row_of.append(at)
            batch.part_of.append(number)
            batch.ids.append(event[0])
            batch.times_ms.append(event[1])
            batch.untils_ms.append(event[2])
            if has_extras:
                batch.extras.append(NO_EXTRAS if part.extras is None else part.extras[row])
            # By identity: comparing what two rows say would cost more than reading it.
            place = positions.setdefault(id(event[3]), len(batch.said))
            if place == len(batch.said):
                batch.said.append(event[3].texts)
            batch.said_of.append(place)


def _event(
    part: _ReadPart, row: int, found: Said | Refusal, row_id: str
) -> "Refusal | tuple[str, int, int | None, Said]":
    """Return id, time, end and content of an event, or what is wrong with it."""
    if isinstance(found, Refusal):
        return found
    time = part.times[row]
    if isinstance(time, tuple):
        # Where two instants may be meant, a consent is of the earlier and an objection the later.
        time = time[0] if found.grants else time[1]
    if time is None:
        return Refusal.BAD_EVENT_TIME
    if found.grants and time > part.latest_ms:
        return Refusal.FUTURE_EVENT_TIME
    end: int | None = None
    if part.untils is not None:
        until = part.untils[row]
        end = until[0] if isinstance(until, tuple) else until
        if end is None or _NO_END != end < time:
            return Refusal.BAD_VALID_UNTIL
        end = None if end == _NO_END else end
    name = row_id + part.suffix
    if not row_id or len(name) > MAX_EVENT_ID:
        return Refusal.BAD_EVENT_ID
    if part.extras is not None and part.extras[row] != NO_EXTRAS:
        fault = _fault_of(*part.extras[row])
        if fault is not None:
            return fault
    return name, time, end, found


def _fault_of(served: str, digest: str, reference: str) -> Refusal | None:
    try:
        if served:
            said.words(served, Refusal.BAD_SERVED_EVENT_ID)
        if reference:
            said.words(reference, Refusal.BAD_EVIDENCE)
        if digest or reference:
            said.sha256(digest, Refusal.BAD_EVIDENCE)
    except RowRefused as e:
        return e.reason
    return None


def _can_be_id(text: str) -> bool:
    try:
        said.words(text, Refusal.BAD_EVENT_ID, MAX_EVENT_ID)
    except RowRefused:
        return False
    return True


def _is_text(cells: Sequence[Cell]) -> bool:
    """Return whether no cell holds half of a character: it stands for bytes that are none."""
    try:
        together = "".join(cell if isinstance(cell, str) else "".join(cell) for cell in cells)
        return together.isascii() or bool(together.encode())
    except UnicodeEncodeError:
        return False
