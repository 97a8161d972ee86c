"""What each source last said about one scope, for everybody: one row of numbers for each stream.

A stream is (subject, source). Its row has 68 bytes; what many streams have in common (source, rank,
reasons, trust, covered purposes) is a *kind*, kept once and named by a number. Rows live in one
block of memory, and `Stream` objects only while an event is folded in.
"""

import struct
from collections.abc import Iterator
from typing import Final

from consent.canonical import Json
from consent.errors import MalformedRecord
from consent.events import ConsentEvent
from consent.number_column import ABSENT, NumberColumn
from consent.rules import Place, Reason, covers, failure
from consent.timed import FOREVER, NEVER
from consent.vocabulary import Vocabulary

NOWHERE: Final[Place] = (-1, -1, -1)

_OBJECTION_RANK = 2
_NEW = -1
_END = -1
_ROW = struct.Struct("<7qIIi")
"""newest, latest (time, index), objected (time, index), cleared, until; subject, kind, next row."""

Kind = tuple[str, int, Reason | None, Reason | None, bool, int, int, tuple[str, ...]]
"""(source, rank of the latest, objection, failure, explicit, trust, worst trust, covered)."""


class Stream:
    """The latest of what one source said about the scope, for one subject."""

    __slots__ = (
        "cleared_ms", "covered", "explicit", "failure", "latest", "newest_ms", "objected",
        "objection", "row", "source", "trust", "until", "worst_trust",
    )  # fmt: skip

    def __init__(self, source: str) -> None:
        self.source, self.row = source, _NEW
        self.latest = self.objected = NOWHERE
        self.newest_ms = -1
        """When the newest event was recorded."""
        self.objection: Reason | None = None
        self.cleared_ms = -1
        self.worst_trust = 0
        self.until = NEVER
        self.failure: Reason | None = None
        self.explicit = False
        self.trust = 0
        self.covered: tuple[str, ...] = ()

    def fold(
        self, where: Place, event: ConsentEvent, recorded_at_ms: int, vocabulary: Vocabulary
    ) -> None:
        """Take in one event; every field is a maximum, so order does not matter."""
        explicit = event.is_explicit_grant
        if recorded_at_ms > self.newest_ms:
            self.newest_ms = recorded_at_ms
        if event.source_trust > self.worst_trust:
            self.worst_trust = event.source_trust
        if explicit and where[0] > self.cleared_ms:
            self.cleared_ms = where[0]
        if where[1] == _OBJECTION_RANK and where > self.objected:
            self.objected, self.objection = where, Reason(event.state.value)
        if where > self.latest:
            self.latest, self.explicit, self.trust = where, explicit, event.source_trust
            self.failure = failure(event, vocabulary)
            self.until = NEVER
            self.covered = ()
            if self.failure is None:
                self.until = FOREVER if event.valid_until_ms is None else event.valid_until_ms
                if event.listed:
                    self.covered = _covered(event, vocabulary)

    @property
    def objects(self) -> bool:
        """Whether a no stands that no explicit grant of this source came after."""
        return self.objection is not None and self.cleared_ms <= self.objected[0]


class StreamTable:
    """The streams of one scope, by subject."""

    __slots__ = ("_first", "_free", "_kinds", "_numbers", "_rows", "_subjects")

    def __init__(self) -> None:
        self._first = NumberColumn()
        self._rows = bytearray()
        self._free: list[int] = []
        self._kinds: list[Kind] = []
        self._numbers: dict[Kind, int] = {}
        self._subjects = 0

    @property
    def subjects(self) -> int:
        """How many subjects have a stream."""
        return self._subjects

    def of(self, dense: int) -> list[Stream]:
        """Return the streams of one subject."""
        streams: list[Stream] = []
        row = self._first.get(dense)
        while row != ABSENT:
            stream, row = self._read(row)
            streams.append(stream)
        return streams

    def keep(self, dense: int, stream: Stream) -> None:
        """Write a stream of `of`, changed, or a new one."""
        if stream.row == _NEW:
            following = self._first.get(dense)
            self._subjects += following == ABSENT
            stream.row = self._free.pop() if self._free else len(self._rows) // _ROW.size
            if stream.row * _ROW.size == len(self._rows):
                self._rows += bytes(_ROW.size)
            self._first.put(dense, stream.row)
        else:
            following = self._values(stream.row)[9]
        self._write(dense, stream, following)

    def drop(self, dense: int) -> None:
        """Take a subject's streams away."""
        for stream in self.of(dense):
            start = stream.row * _ROW.size
            self._rows[start : start + _ROW.size] = bytes(_ROW.size)
            self._free.append(stream.row)
        self._subjects -= self._first.get(dense) != ABSENT
        self._first.put(dense, ABSENT)

    def __iter__(self) -> Iterator[tuple[int, list[Stream]]]:
        """Return every subject with its streams, by rising number."""
        for dense in self._first.members():
            yield dense, self.of(dense)

    def dump(self) -> tuple[list[Json], bytes]:
        """Return kinds and rows in an order that depends on the content alone."""
        rows = [row for dense in self._first.members() for row in self._rows_of(dense)]
        used = sorted({self._values(row)[8] for row in rows}, key=self._in_order)
        numbers = {kind: n for n, kind in enumerate(used)}
        out = bytearray()
        for row in rows:
            *columns, kind, _ = self._values(row)
            out += _ROW.pack(*columns, numbers[kind], _END)
        return [_kind_payload(self._kinds[kind]) for kind in used], bytes(out)

    def load(self, kinds: list[Json], rows: bytes) -> None:
        """Fill an empty table with what `dump` returned.

        Raises: MalformedRecord.
        """
        self._kinds = [_read_kind(k) for k in kinds]
        self._numbers = {kind: n for n, kind in enumerate(self._kinds)}
        if len(rows) % _ROW.size:
            raise MalformedRecord("the rows of a snapshot have 68 bytes each")
        self._rows = bytearray(rows)
        for row, values in enumerate(_ROW.iter_unpack(rows)):
            dense, kind = values[7], values[8]
            if kind >= len(self._kinds):
                raise MalformedRecord("a row of a snapshot names no kind")
            following = self._first.get(dense)
            if following == ABSENT:
                self._subjects += 1
            else:
                _ROW.pack_into(self._rows, row * _ROW.size, *values[:9], following)
            self._first.put(dense, row)

    def _rows_of(self, dense: int) -> list[int]:
        """Return the row numbers of a subject, by source."""
        rows: list[int] = []
        row = self._first.get(dense)
        while row != ABSENT:
            rows.append(row)
            row = self._values(row)[9]
        if len(rows) > 1:
            rows.sort(key=lambda r: self._kinds[self._values(r)[8]][0])
        return rows

    def _values(self, row: int) -> tuple[int, ...]:
        return _ROW.unpack_from(self._rows, row * _ROW.size)

    def _in_order(self, kind: int) -> list[Json]:
        return _kind_payload(self._kinds[kind])

    def _read(self, row: int) -> tuple[Stream, int]:
        newest, at, index, no_at, no_index, cleared, until, _, kind, following = self._values(row)
        (
            source, rank, objection, why, explicit, trust, worst, covered
        ) = self._kinds[kind]  # fmt: skip
        stream = Stream(source)
        stream.row = row
        stream.newest_ms = newest
        stream.latest = at, rank, index
        if objection is not None:
            stream.objected = no_at, _OBJECTION_RANK, no_index
        stream.objection, stream.failure = objection, why
        stream.cleared_ms, stream.until = cleared, until
        stream.explicit, stream.trust, stream.worst_trust = explicit, trust, worst
        stream.covered = covered
        return stream, following

    def _write(self, dense: int, stream: Stream, following: int) -> None:
        kind = _kind(stream)
        number = self._numbers.get(kind)
        if number is None:
            number = self._numbers[kind] = len(self._kinds)
            self._kinds.append(kind)
        start = stream.row * _ROW.size
        self._rows[start : start + _ROW.size] = _pack(dense, stream, number, following)


def _covered(event: ConsentEvent, vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(
        p
        for p in event.listed
        if p != event.purpose and vocabulary.has(p) and covers(event, p, vocabulary)
    )


def _kind(s: Stream) -> Kind:
    return (
        s.source, s.latest[1], s.objection, s.failure, s.explicit, s.trust, s.worst_trust, s.covered
    )  # fmt: skip


def _pack(dense: int, s: Stream, kind: int, following: int) -> bytes:
    at, _, index = s.latest
    no_at, _, no_index = s.objected
    return _ROW.pack(
        s.newest_ms, at, index, no_at, no_index, s.cleared_ms, s.until, dense, kind, following
    )


def _kind_payload(kind: Kind) -> list[Json]:
    source, rank, objection, why, explicit, trust, worst, covered = kind
    reasons = ["" if reason is None else reason.value for reason in (objection, why)]
    return [source, rank, *reasons, explicit, trust, worst, list(covered)]


def _read_kind(payload: Json) -> Kind:
    match payload:
        case [
            str(source), int(rank), str(objection), str(why), bool(explicit), int(trust),
            int(worst), [*covered]
        ]:  # fmt: skip
            names = tuple(str(p) for p in covered)
            return (
                source, rank, _reason(objection), _reason(why), explicit, trust, worst, names
            )  # fmt: skip
        case _:
            raise MalformedRecord("this is no kind of stream")


def _reason(text: str) -> Reason | None:
    try:
        return Reason(text) if text else None
    except ValueError:
        raise MalformedRecord("there is no such reason") from None
