"""Turning records into rows of the consent ledger, many at a time, inside one transaction.

For each record: has the source sent it before; whose is it; which number has it in the person's own
chain; with which keys is it sealed. The rows then go in with four bulk inserts. Nothing here keeps
state: what is in memory is changed by `consent_ledger.py` after the commit.
"""

import enum
import hmac
import json
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from sqlmodel import Session

from consent.events import ConsentEvent
from consent.fields import Entry
from consent.ledger import SealedEntry, SubjectKeys, seal_entry
from consent.merkle import HashTree
from party_node.database import insert_many, select_among
from party_node.errors import UnknownSubject
from party_node.ledger.keyring import Keyring
from party_node.tables import EntryRow, PayloadRow, SourceEventRow, SubjectRow
from protocols.session import Rng

EventKey = tuple[str, str]
"""(source_id, source_event_id)."""


class Submitted(enum.StrEnum):
    """What became of one record."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """The source sent the same event before."""
    CONFLICT = "conflict"
    """The source sent another event under this id before; nothing was written."""


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


_CONTENT = tuple(
    (f.name, f.default)
    for f in fields(ConsentEvent)
    if f.name not in ("subject_seq", "previous")  # set by the ledger
)
_VALUES = operator.attrgetter(*(name for name, _ in _CONTENT))


def event_content(event: ConsentEvent) -> bytes:
    """Return bytes that are equal for two events if and only if a source said the same in both.

    Equivalent to `ConsentEvent.content_digest`, at a fifth of its cost; fields at their default are
    left out, so that an event stays the same when a later version adds a field.
    """
    said = {
        name: value
        for (name, default), value in zip(_CONTENT, _VALUES(event), strict=True)
        if value is not default and value != default
    }
    return _ENCODE(said).encode()


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else repr(value)


_ENCODE = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


class LedgerWriter:
    """Writes batches; one for each ledger."""

    def __init__(self, keyring: Keyring, controller: str, content_key: bytes, rng: Rng) -> None:
        self._keyring, self._controller = keyring, controller
        self._content_key, self._rng = content_key, rng

    def write(
        self, session: Session, records: Sequence[Entry], tree: HashTree, recorded_ms: int
    ) -> tuple[list[Submission], list[NewEntry]]:
        """Write records after the last leaf of `tree`; the caller commits, then extends the tree.

        Raises: UnknownSubject, MalformedRecord; then nothing may be committed.
        """
        events = [r for r in records if isinstance(r, ConsentEvent)]
        seen = _known_events(session, events)
        submissions: list[Submission] = []
        fresh: list[tuple[int, Entry]] = []
        sources: list[tuple[str, str, bytes, int]] = []
        next_index = tree.size
        for record in records:
            if isinstance(record, ConsentEvent):
                key = (record.source_id, record.source_event_id)
                content = hmac.digest(self._content_key, event_content(record), "sha256")
                if key in seen:
                    submissions.append(_again(content, *seen[key]))
                    continue
                seen[key] = (content, next_index)
                sources.append((*key, content, next_index))
            submissions.append(Submission(Submitted.ACCEPTED, next_index))
            fresh.append((next_index, record))
            next_index += 1
        entries = self._seal_all(session, fresh, tree, recorded_ms)
        _insert(session, entries, sources)
        return submissions, entries

    def _seal_all(
        self,
        session: Session,
        fresh: Sequence[tuple[int, Entry]],
        tree: HashTree,
        recorded_ms: int,
    ) -> list[NewEntry]:
        dense_of = _dense_of(
            session, {r.subject_id for _, r in fresh if isinstance(r, ConsentEvent)}
        )
        keys = self._keyring.load_or_make(session, dense_of.values())
        chains = _Chains(session, dense_of.values(), tree)
        entries: list[NewEntry] = []
        for index, record in fresh:
            if isinstance(record, ConsentEvent):
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


class _Chains:
    """Each person's own chain: how many events there are, and the leaf hash of the last."""

    def __init__(self, session: Session, people: Iterable[int], tree: HashTree) -> None:
        last: dict[int, tuple[int, int]] = {}
        for dense, index in select_among(
            session,
            EntryRow,
            ("subject", "index"),
            "subject",
            sorted(set(people)),
            type=ConsentEvent.TYPE,
        ):
            count, highest = last.get(dense, (0, index))
            last[dense] = count + 1, max(highest, index)
        self._last = {d: (count, tree.leaf(index)) for d, (count, index) in last.items()}

    def next(self, dense: int) -> tuple[int, bytes | None]:
        """Return the place that the person's next event has in the chain."""
        count, last = self._last.get(dense, (0, None))
        return count + 1, last

    def extend(self, dense: int, leaf_hash: bytes) -> None:
        count = self._last[dense][0] if dense in self._last else 0
        self._last[dense] = (count + 1, leaf_hash)


def _again(content: bytes, first_content: bytes, first_index: int) -> Submission:
    same = hmac.compare_digest(content, first_content)
    return Submission(Submitted.REPEATED if same else Submitted.CONFLICT, first_index)


def _known_events(
    session: Session, events: Sequence[ConsentEvent]
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
