"""One event of each row of a batch, a column at a time.

Most columns say the same few things over and over, so what the shared cells of a row say together
is worked out once and looked up afterwards. Rows are only looked at one by one where something in
their columns is out of the ordinary.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from party_node.capture import said
from party_node.capture.batches import NO_EXTRAS
from party_node.capture.columns import BY_NAME, SHARED
from party_node.capture.mapping import SKIP, EventPart
from party_node.capture.refusals import Refusal, RowRefused
from party_node.capture.said import Cell, Context, Said
from party_node.capture.times import Instant, TimeFormat

MAX_EVENT_ID = 500
_EXTRAS = ("served_event_id", "evidence_sha256", "evidence_reference")
_MAX_REMEMBERED = 10_000
_NO_END = -1
"""Stands where a row says nothing about the end of its consent."""

Outcome: TypeAlias = "Said | Refusal | None"
"""What the shared cells of an event come to; None: the mapping says to skip it."""
Columns: TypeAlias = "Mapping[str, Sequence[Any]]"
"""The file's name of a column → its cells."""


@dataclass(slots=True)
class PartEvents:
    """What became of one event of each row; the first six lists go together."""

    rows: list[int]
    ids: list[str] = field(repr=False)
    times_ms: list[int]
    untils_ms: list[int | None]
    said: list[Said]
    extras: list[tuple[str, str, str]] = field(repr=False)
    refused: list[tuple[int, Refusal]]
    """(row, reason)."""
    skipped: list[int]


@dataclass(slots=True)
class _Read:
    """The columns of a part, before it is known which rows are events."""

    ids: Sequence[str]
    outcomes: list[Outcome]
    times: Sequence[Instant]
    untils: Sequence[Instant] | None
    extras: Sequence[tuple[str, str, str]] | None


class PartReader:
    """Reads the columns of one event of the mapping."""

    def __init__(self, part: EventPart, context: Context, latest_ms: int) -> None:
        self._part, self._context, self._latest_ms = part, context, latest_ms
        self._shared = [name for name in part.columns if BY_NAME[name].shared]
        self._known: dict[tuple[Cell, ...], Outcome] = {}
        self._event_time = _instants(part, "event_time")
        self._valid_until = _instants(part, "valid_until")

    def read(
        self, columns: Columns, ids: Sequence[str], faults: Mapping[int, Refusal]
    ) -> PartEvents:
        """Read some rows; `faults` says which of them name nobody."""
        count = len(ids)
        times = self._event_time(columns, count)
        assert times is not None  # a mapping or a file without it is refused
        found = _Read(
            ids,
            self._outcomes(columns, count),
            times,
            self._valid_until(columns, count),
            self._extras(columns, count),
        )
        good, refused, skipped = [True] * count, [], []
        for row in self._suspects(found, faults):
            reason = faults.get(row) or self._fault(found, row)
            if found.outcomes[row] is None:
                skipped.append(row)
            elif reason is not None:
                refused.append((row, reason))
            else:
                continue
            good[row] = False
        return self._events(found, good, refused, skipped)

    def _events(
        self, found: _Read, good: list[bool], refused: list[tuple[int, Refusal]], skipped: list[int]
    ) -> PartEvents:
        """Put together what is left when the rows that are no events are gone."""

        def keep(column: Sequence[Any]) -> list[Any]:
            return list(itertools.compress(column, good))

        outcomes, times, suffix = keep(found.outcomes), keep(found.times), self._part.suffix
        ids, rows = keep(found.ids), keep(range(len(good)))
        untils = [None] * len(rows) if found.untils is None else keep(found.untils)
        if found.untils is not None:
            firsts = [until[0] if type(until) is tuple else until for until in untils]
            untils = [None if until == _NO_END else until for until in firsts]
        if set(map(type, times)) != {int}:
            times = [_chosen(time, said) for time, said in zip(times, outcomes, strict=True)]
        return PartEvents(
            rows,
            [name + suffix for name in ids] if suffix else ids,
            times,
            untils,
            outcomes,
            [NO_EXTRAS] * len(rows) if found.extras is None else keep(found.extras),
            refused,
            skipped,
        )

    def _suspects(self, found: _Read, faults: Mapping[int, Refusal]) -> list[int]:
        """Return the rows that have to be looked at, in their order."""
        suspects = set(faults)
        longest = MAX_EVENT_ID - len(self._part.suffix)
        suspects.update(row for row, name in enumerate(found.ids) if not 0 < len(name) <= longest)
        if set(map(type, found.outcomes)) != {Said}:
            suspects.update(r for r, o in enumerate(found.outcomes) if type(o) is not Said)
        times: Any = found.times
        if set(map(type, times)) != {int} or max(times) > self._latest_ms:
            latest = self._latest_ms
            suspects.update(r for r, t in enumerate(times) if type(t) is not int or t > latest)
        if found.untils is not None:
            suspects.update(r for r, end in enumerate(found.untils) if end != _NO_END)
        if found.extras is not None:
            suspects.update(r for r, extra in enumerate(found.extras) if extra != NO_EXTRAS)
        return sorted(suspects)

    def _fault(self, found: _Read, row: int) -> Refusal | None:
        """Return what is wrong with an event, or None."""
        outcome = found.outcomes[row]
        if not isinstance(outcome, Said):
            return outcome
        if found.times[row] is None:
            return Refusal.BAD_EVENT_TIME
        time = _chosen(found.times[row], outcome)
        if outcome.grants and time > self._latest_ms:
            return Refusal.FUTURE_EVENT_TIME
        if found.untils is not None:
            until = found.untils[row]
            end = until[0] if isinstance(until, tuple) else until
            if end is None or _NO_END != end < time:
                return Refusal.BAD_VALID_UNTIL
        if not 0 < len(found.ids[row]) <= MAX_EVENT_ID - len(self._part.suffix):
            return Refusal.BAD_EVENT_ID
        return None if found.extras is None else _fault_of(*found.extras[row])

    # -- columns -----------------------------------------------------------------------------------

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

    def _extras(self, columns: Columns, count: int) -> list[tuple[str, str, str]] | None:
        given = [columns.get(self._part.columns.get(name, "")) for name in _EXTRAS]
        if not any(given):
            return None
        filled = [[""] * count if texts is None else [t.strip() for t in texts] for texts in given]
        return list(zip(*filled, strict=True))


def _instants(part: EventPart, name: str) -> Callable[[Columns, int], Sequence[Instant] | None]:
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


def _chosen(time: Instant, what: Said) -> int:
    """Where two instants may be meant, a consent is of the earlier and an objection the later."""
    if isinstance(time, tuple):
        return time[0] if what.grants else time[1]
    assert time is not None
    return time


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
