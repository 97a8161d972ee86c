"""Turning records into rows of the consent ledger, many at a time, inside one transaction.

For each record: has the source sent it before; whose is it; which number has it in the person's own
chain; with which keys is it sealed. The rows then go in with four bulk inserts. Nothing here keeps
state: what is in memory is changed by `consent_ledger.py` after the commit.
"""

import enum
import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import Field, dataclass, fields, replace
from typing import Any

from sqlmodel import Session

from consent.fields import Entry
from consent.ledger import SealedEntry, SubjectKeys, seal_entry
from consent.milestones import Anomaly, AnomalyKind
from consent.statements import Statement, SubjectEntry
from consent.templates import Member, Template
from party_node.database import insert_many, select_among
from party_node.errors import UnknownSubject
from party_node.ledger.keyring import Keyring
from party_node.tables import EntryRow, PayloadRow, SourceEventRow, SubjectRow
from protocols.session import Rng

EventKey = tuple[str, str]
"""(source_id, source_event_id)."""

ANOMALIES = "accord:anomalies"
"""Source under which it is kept that a conflict was written down: once for each."""


class Submitted(enum.StrEnum):
    """What became of one record."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The source sent the same event before."""
    CONFLICT = "conflict"
    """The source sent another event under this id before; only that it did is written."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One record's fate and its index in the ledger: the first one's, where it is repeated."""

    status: Submitted
    index: int


@dataclass(slots=True)
class NewEntry:
    """An entry that is written but not committed."""

    index: int
    record: Entry
    subject: int | None
    recorded_ms: int
    sealed: SealedEntry


@dataclass(slots=True)
class Written:
    """What a batch came to: the fate of each record, and the new entries."""

    submissions: list[Submission]
    entries: list[NewEntry]


def event_content(event: Statement) -> bytes:
    """Return bytes that are equal for two events if and only if a source said the same in both.

    Equivalent to `Statement.content_digest`, at a fifth of its cost; fields at their default are
    left out, so that an event stays the same when a later version adds a field.
    """
    kind = type(event)
    content = _CONTENTS.get(kind)
    if content is None:
        content = _CONTENTS[kind] = _content_of(kind)
    return f"{{{content.text(event, {})}}}".encode()


_CONTENTS: dict[type[Statement], Template] = {}


def _content_of(kind: type[Statement]) -> Template:
    return Template(
        [
            _content_member(f)
            for f in fields(kind)
            if f.name not in ("subject_seq", "previous")  # set by the ledger
        ]
    )


def _content_member(of: Field[Any]) -> Member:
    prefix, default = f"{_encode(of.name)}:", of.default

    def text(value: Any) -> str:
        return "" if value is default or value == default else prefix + _encode(value)

    return Member(of.name, text, of.metadata["own"])


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else repr(value)


_JSON = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


def _encode(value: Any) -> str:
    return str(value) if type(value) is int else _JSON(value)  # which is slow to start


class LedgerWriter:
    """Writes batches; one for each ledger."""

    def __init__(
        self,
        keyring: Keyring,
        controller: str,
        content_key: bytes,
        rng: Rng,
        current: Callable[[int], int],
    ) -> None:
        self._keyring, self._controller = keyring, controller
        self._content_key, self._rng, self._current = content_key, rng, current

    def write(
        self, session: Session, records: Sequence[Entry], start: int, recorded_ms: int
    ) -> Written:
        """Write records as entries from index `start` on; the caller commits, then extends the
        tree.

        Raises: UnknownSubject, MalformedRecord; then nothing may be committed.
        """
        seen = _known_events(session, [r for r in records if isinstance(r, Statement)])
        batch = _Batch(start, seen)
        for record in records:
            if isinstance(record, Statement):
                batch.add_statement(record, self._content(record))
            else:
                batch.add(record)
        self._excuse_merged(session, batch)
        self._note_conflicts(session, batch, recorded_ms)
        entries = self._seal_all(session, batch.fresh, recorded_ms)
        _insert(session, entries, batch.sources)
        return Written(batch.submissions, entries)

    def _content(self, record: Statement) -> bytes:
        return hmac.digest(self._content_key, event_content(record), "sha256")

    def _excuse_merged(self, session: Session, batch: "_Batch") -> None:
        """Take what a source sent before a merge, and sends again after it, for what it is."""
        if not batch.conflicts:
            return
        firsts = sorted({c.first for c in batch.conflicts})
        owners = dict(select_among(session, EntryRow, ("index", "subject"), "index", firsts))
        wanted = sorted({dense for dense in owners.values() if dense is not None})
        columns = ("dense", "subject_id")
        ids = dict(select_among(session, SubjectRow, columns, "dense", wanted))
        dense_of = _dense_of(session, {c.record.subject_id for c in batch.conflicts})
        left: list[_Conflict] = []
        for conflict in batch.conflicts:
            record, before = conflict.record, owners.get(conflict.first)
            now = self._current(dense_of[record.subject_id])
            if before is not None and before in ids and self._current(before) == now:
                moved = self._content(replace(record, subject_id=ids[before]))
                if hmac.compare_digest(moved, conflict.known):
                    batch.submissions[conflict.place] = Submission(
                        Submitted.REPEATED, conflict.first
                    )
                    continue
            left.append(conflict)
        batch.conflicts = left

    def _note_conflicts(self, session: Session, batch: "_Batch", now_ms: int) -> None:
        """Rule 18: write down that a source contradicted itself, once for each contradiction."""
        names = sorted({c.content.hex() for c in batch.conflicts})
        columns = ("source_event_id",)
        known = select_among(
            session, SourceEventRow, columns, "source_event_id", names, source_id=ANOMALIES
        )
        noted = {name for (name,) in known}
        for conflict in batch.conflicts:
            name = conflict.content.hex()
            if name not in noted:
                noted.add(name)
                anomaly = Anomaly(
                    anomaly=AnomalyKind.CONFLICTING_EVENT,
                    source_id=conflict.record.source_id,
                    noticed_at_ms=now_ms,
                    first_index=conflict.first,
                    offered=conflict.content,
                )
                index = batch.append(anomaly)
                batch.sources.append((ANOMALIES, name, conflict.content, index))

    def _seal_all(
        self, session: Session, fresh: Sequence[tuple[int, Entry]], recorded_ms: int
    ) -> list[NewEntry]:
        ids = {r.subject_id for _, r in fresh if isinstance(r, SubjectEntry)}
        dense_of = _dense_of(session, ids)
        keys = self._keyring.load_or_make(session, dense_of.values())
        chains = _Chains(session, dense_of.values())
        entries: list[NewEntry] = []
        for index, record in fresh:
            if isinstance(record, SubjectEntry):
                dense = dense_of[record.subject_id]
                sealed = self._seal(record, keys[dense], recorded_ms, chains.next(dense))
                chains.extend(dense, sealed.leaf_hash)
                entries.append(NewEntry(index, record, dense, recorded_ms, sealed))
            else:
                sealed = self._seal(record, self._keyring.of_node, recorded_ms)
                entries.append(NewEntry(index, record, None, recorded_ms, sealed))
        return entries

    def _seal(
        self,
        record: Entry,
        keys: SubjectKeys,
        recorded_ms: int,
        chain: tuple[int, bytes | None] | None = None,
    ) -> SealedEntry:
        return seal_entry(
            record,
            controller=self._controller,
            keys=keys,
            recorded_at_ms=recorded_ms,
            rng=self._rng,
            chain=chain,
        )


@dataclass(frozen=True, slots=True)
class _Conflict:
    """A statement that says something else than its source said before under this id."""

    place: int
    """Of its submission in the batch."""
    record: Statement
    content: bytes
    first: int
    known: bytes
    """Content of the first."""


class _Batch:
    """What a batch of records becomes, before anything is sealed."""

    def __init__(self, start: int, seen: dict[EventKey, tuple[bytes, int]]) -> None:
        self._next, self._seen = start, seen
        self.submissions: list[Submission] = []
        self.fresh: list[tuple[int, Entry]] = []
        self.sources: list[tuple[str, str, bytes, int]] = []
        self.conflicts: list[_Conflict] = []

    def add(self, record: Entry) -> None:
        self.submissions.append(Submission(Submitted.ACCEPTED, self.append(record)))

    def add_statement(self, record: Statement, content: bytes) -> None:
        key = (record.source_id, record.source_event_id)
        first = self._seen.get(key)
        if first is None:
            self._seen[key] = (content, self._next)
            self.sources.append((*key, content, self._next))
            self.add(record)
        elif hmac.compare_digest(content, first[0]):
            self.submissions.append(Submission(Submitted.REPEATED, first[1]))
        else:
            place = len(self.submissions)
            self.submissions.append(Submission(Submitted.CONFLICT, first[1]))
            self.conflicts.append(_Conflict(place, record, content, first[1], first[0]))

    def append(self, record: Entry) -> int:
        """Give a record the next index."""
        self.fresh.append((self._next, record))
        self._next += 1
        return self._next - 1


class _Chains:
    """Each person's own chain: how many entries there are, and the leaf hash of the last."""

    def __init__(self, session: Session, people: Iterable[int]) -> None:
        columns = ("subject", "index", "leaf_hash")
        wanted = sorted(set(people))
        count: dict[int, int] = {}
        last: dict[int, tuple[int, bytes]] = {}
        for dense, index, leaf_hash in select_among(session, EntryRow, columns, "subject", wanted):
            count[dense] = count.get(dense, 0) + 1
            if dense not in last or index > last[dense][0]:
                last[dense] = index, leaf_hash
        self._last = {dense: (count[dense], bytes(last[dense][1])) for dense in last}

    def next(self, dense: int) -> tuple[int, bytes | None]:
        """Return the place that the person's next entry has in the chain."""
        count, last = self._last.get(dense, (0, None))
        return count + 1, last

    def extend(self, dense: int, leaf_hash: bytes) -> None:
        count = self._last[dense][0] if dense in self._last else 0
        self._last[dense] = (count + 1, leaf_hash)


def _known_events(
    session: Session, events: Sequence[Statement]
) -> dict[EventKey, tuple[bytes, int]]:
    by_source: dict[str, set[str]] = {}
    for event in events:
        by_source.setdefault(event.source_id, set()).add(event.source_event_id)
    columns = ("source_event_id", "content", "entry")
    return {
        (source, name): (content, entry)
        for source, names in by_source.items()
        for name, content, entry in select_among(
            session, SourceEventRow, columns, "source_event_id", sorted(names), source_id=source
        )
    }


def _dense_of(session: Session, subject_ids: set[str]) -> dict[str, int]:
    columns = ("subject_id", "dense")
    found = dict(select_among(session, SubjectRow, columns, "subject_id", sorted(subject_ids)))
    if len(found) != len(subject_ids):
        raise UnknownSubject(f"{len(subject_ids) - len(found)} people are not known here")
    return found


def _insert(
    session: Session, entries: Sequence[NewEntry], sources: Sequence[tuple[str, str, bytes, int]]
) -> None:
    leaves: list[tuple[int, bytes, bytes, int | None, str, int]] = []
    payloads: list[tuple[int, bytes, bytes, bytes]] = []
    for e in entries:
        index, sealed = e.index, e.sealed
        leaves.append(
            (index, sealed.leaf, sealed.leaf_hash, e.subject, e.record.TYPE, e.recorded_ms)
        )
        payloads.append((index, sealed.salt, sealed.nonce, sealed.ciphertext))
    columns = ("index", "leaf", "leaf_hash", "subject", "type", "recorded_ms")
    insert_many(session, EntryRow, columns, leaves)
    insert_many(session, PayloadRow, ("index", "salt", "nonce", "ciphertext"), payloads)
    insert_many(
        session,
        SourceEventRow,
        ("source_id", "source_event_id", "content", "entry"),
        sorted(sources),
    )
