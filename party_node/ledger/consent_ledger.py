"""The party's consent ledger: an append-only log of who said what, and of every use of it.

    append      one transaction for a batch; the same event again becomes no second entry
    checkpoint  a signed statement of size and root: one for each size, on disk before it is seen
    projection  the state of consent in memory, always up to date with what is committed
    snapshot    the same, sealed in the database from time to time: a start reads only what follows

Every call first reads what another process may have committed since, so a withdrawal counts as soon
as it was acknowledged. The primary key of the entries makes a fork by a second writer fail. Formats
and rules are those of the package `consent`.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from consent.checkpoint import LogSigner
from consent.decision import Decision, decide
from consent.events import ConsentEvent
from consent.fields import Entry
from consent.merkle import HashTree
from consent.milestones import LedgerOpened, PolicyChanged
from consent.note import Verified
from consent.policy import Policy
from consent.projection import Projection
from consent.rules import LoggedEvent, Query
from consent.snapshot import Snapshot
from consent.vocabulary import DEFAULT_VOCABULARY, Vocabulary
from consent.words import Operation
from party_node.clock import Clock, system_clock
from party_node.database import Database
from party_node.errors import (
    DatabaseUnreachable,
    DiskFull,
    IdempotencyConflict,
    LedgerDamaged,
    LedgerForked,
    LedgerMoved,
    NotFound,
)
from party_node.identity import Identity
from party_node.ledger.checkpoints import Checkpoints
from party_node.ledger.entries import EntryReader, LedgerEntry
from party_node.ledger.keyring import Keyring
from party_node.ledger.snapshots import Snapshots
from party_node.ledger.writer import LedgerWriter, NewEntry, Submission, Submitted
from party_node.tables import EntryRow, ImportBatchRow
from party_node.vault import Vault
from protocols.session import Rng

_MANY = 50_000
"""So many entries since the last snapshot, and a quarter of the ledger, make a new one."""
_SOME = 2_000
"""So many make a new one after an import and at the start; reading that many takes a moment."""
_FEW = 200
"""So many make a new one in an orderly end."""

Also = Callable[[Session, list[int]], None]
"""What else happens in the transaction of an append: gets the session and the new indices."""


@dataclass(frozen=True, slots=True)
class Head:
    """The ledger as it stands: all that a decision needs."""

    size: int
    root: bytes
    newest_ms: int
    """When the newest entry was recorded; 0 in an empty ledger."""
    projection: Projection
    """The live one: only to be read while the head is held."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why one person may or may not be used: the answer, and the entry that decided it."""

    decision: Decision
    subject_id: str
    evaluated_ms: int
    tree_size: int
    deciding: LedgerEntry | None


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What verifying found; it returns only if everything fits."""

    size: int
    root: bytes
    checkpoints: int
    published: int


class ConsentLedger:
    """One party's ledger; `seed` (32 bytes) signs its checkpoints under the name `origin`."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        origin: str,
        seed: bytes,
        clock: Clock = system_clock,
        rng: Rng = secrets.token_bytes,
        *,
        controller: str | None = None,
        vocabulary: Vocabulary | None = None,
    ) -> None:
        self._db, self._vault, self._clock = db, vault, clock
        self._signer = LogSigner(origin, seed)
        self._checkpoints = Checkpoints(db, self._signer)
        self._controller = controller or origin
        self._vocabulary = vocabulary or DEFAULT_VOCABULARY
        self._identity = Identity(db, vault, rng)
        self._keyring = keyring = Keyring(vault, rng)
        self._reader = EntryReader(keyring, self._controller)
        self._snapshots, self._kept = Snapshots(vault), 0
        self._writer = LedgerWriter(keyring, self._controller, vault.derive("event-content/1"), rng)
        self._lock = threading.RLock()
        self._tree, self._newest_ms = HashTree(), 0
        self._projection = Projection(self._vocabulary)
        self._policy: bytes | None = None
        with self._db.reading() as session:
            self._resume(session)
            self._catch_up(session)
            self._checkpoints.require_continued(session, self._tree)

    @property
    def origin(self) -> str:
        """Name of the log."""
        return self._signer.origin

    @property
    def database(self) -> Database:
        """Where the ledger lies."""
        return self._db

    @property
    def vault(self) -> Vault:
        """Seals what belongs to the ledger."""
        return self._vault

    @property
    def vkey(self) -> str:
        """Public key of the log, as C2SP text."""
        return self._signer.vkey

    @property
    def vocabulary(self) -> Vocabulary:
        """The purposes that are decided by."""
        return self._vocabulary

    # -- writing -----------------------------------------------------------------------------------

    def open(self, by: str = "node") -> None:
        """Write the first entry, or that the vocabulary changed; nothing if neither is needed."""
        policy, now = self._vocabulary.digest(), self._now()
        with self.hold() as head:
            if head.size == 0:
                first = LedgerOpened(
                    origin=self.origin,
                    controller=self._controller,
                    opened_at_ms=now,
                    log_vkey=self.vkey,
                    policy_hash=policy,
                )
                self.append([first], at_size=0)
            elif self._policy is not None and self._policy != policy:
                changed = PolicyChanged(
                    policy_hash=policy,
                    previous_policy_hash=self._policy,
                    changed_at_ms=now,
                    changed_by=by,
                )
                self.append([changed])
            self._keep_after(_SOME)

    def close(self) -> None:
        """End in order: what is in memory is kept for the next start. Nothing is lost without."""
        self._keep_after(_FEW)

    def append(
        self, records: Sequence[Entry], *, at_size: int | None = None, also: Also | None = None
    ) -> list[int]:
        """Append records in one transaction; return their indices once they are on disk.

        An event that its source sent before gets the index that it has. With `at_size` the ledger
        must have exactly that size. Raises: IdempotencyConflict, UnknownSubject, MalformedRecord,
        LedgerMoved, LedgerForked, DiskFull; then nothing is written.
        """
        return [s.index for s in self._append(records, at_size, also, strict=True)]

    def submit(self, records: Sequence[Entry]) -> list[Submission]:
        """Append like `append`, but leave out conflicting events and say so for each.

        Raises: UnknownSubject, MalformedRecord, LedgerForked, DiskFull; then nothing is written.
        """
        return self._append(records, None, None, strict=False)

    def note_import(
        self, source_id: str, sha256: str, accepted: int, repeated: int, refused: int, now_ms: int
    ) -> None:
        """Keep the counts of one imported file."""
        with self._db.writing() as session:
            session.add(
                ImportBatchRow(
                    source_id=source_id,
                    sha256=sha256,
                    accepted=accepted,
                    repeated=repeated,
                    refused=refused,
                    imported_ms=now_ms,
                )
            )
        self._keep_after(_SOME)

    def _append(
        self, records: Sequence[Entry], at_size: int | None, also: Also | None, *, strict: bool
    ) -> list[Submission]:
        with self._lock:
            try:
                with self._db.writing() as session:
                    self._catch_up(session)
                    if at_size is not None and at_size != self._tree.size:
                        raise LedgerMoved
                    submissions, entries = self._writer.write(
                        session, records, self._tree, self._now()
                    )
                    if strict and any(s.status is Submitted.CONFLICT for s in submissions):
                        raise IdempotencyConflict
                    if also is not None:
                        also(session, [s.index for s in submissions])
            except IntegrityError as e:
                raise LedgerForked from e
            self._take_in(entries)
            self._keep_after(max(_MANY, self._tree.size // 4))
        return submissions

    def snapshot(self) -> None:
        """Keep what the ledger comes to, for the next start.

        Raises: DiskFull.
        """
        with self._lock, self._db.writing() as session:
            self._catch_up(session)
            snapshot = Snapshot(
                size=self._tree.size,
                root=self._tree.root(),
                newest_ms=self._newest_ms,
                policy=self._policy,
                projection=self._projection,
            )
            self._snapshots.keep(session, snapshot)
        self._kept = snapshot.size

    def _keep_after(self, entries: int) -> None:
        """Make a snapshot if there are that many entries since the last."""
        with self._lock:
            if self._tree.size - self._kept >= entries:
                # It only saves time: that it failed is no reason to fail what was committed.
                with suppress(DiskFull, DatabaseUnreachable):
                    self.snapshot()

    def _take_in(self, entries: Sequence[NewEntry]) -> None:
        """Follow in memory what was just committed."""
        self._tree.extend(e.sealed.leaf_hash for e in entries)
        for e in entries:
            self._follow(e.index, e.record, e.subject, e.recorded_ms)

    def _follow(
        self, index: int, record: Entry | None, subject: int | None, recorded_ms: int
    ) -> None:
        self._newest_ms = max(self._newest_ms, recorded_ms)
        match record:
            case ConsentEvent() if subject is not None:
                self._projection.apply(index, record, subject, recorded_ms)
            case LedgerOpened() | PolicyChanged():
                self._policy = record.policy_hash
            case _:
                pass

    def _now(self) -> int:
        """Recorded times never go back, whatever the machine's clock does."""
        return max(self._clock(), self._newest_ms)

    # -- reading -----------------------------------------------------------------------------------

    @contextmanager
    def hold(self) -> Iterator[Head]:
        """Nobody else in this process appends while this is held."""
        with self._lock:
            with self._db.reading() as session:
                self._catch_up(session)
            yield Head(self._tree.size, self._tree.root(), self._newest_ms, self._projection)

    def head(self) -> tuple[int, bytes]:
        """Return size and root of what is on disk."""
        with self.hold() as head:
            return head.size, head.root

    def projection(self) -> Projection:
        """Return the state of consent; hold the ledger while you read it in a threaded process."""
        with self.hold() as head:
            return head.projection

    def leaf_hash(self, index: int) -> bytes:
        """Return the leaf hash of an entry.

        Raises: LedgerInconsistent if there is none.
        """
        with self.hold():
            return self._tree.leaf(index)

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the hashes that prove an entry in the tree of that size, the whole one by default.

        Raises: LedgerInconsistent.
        """
        with self.hold() as head:
            return self._tree.inclusion_proof(index, head.size if size is None else size)

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Return the hashes that prove that the tree of size `old` is the start of that of `new`.

        Raises: LedgerInconsistent.
        """
        with self.hold() as head:
            return self._tree.consistency_proof(old, head.size if new is None else new)

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[LedgerEntry]:
        """Return entries `start` to `stop` (not included) in order, for exports and lists.

        Raises: LedgerDamaged.
        """
        last = self.head()[0] if stop is None else stop
        index = col(EntryRow.index)
        with self._db.reading() as session:
            yield from self._reader.read(session, index >= start, index < last)

    def events_of(self, dense: int) -> list[LedgerEntry]:
        """Return the entries about one person in order; erased ones without their record."""
        with self._db.reading() as session:
            return list(self._reader.read(session, col(EntryRow.subject) == dense))

    def explain(
        self, kind: str, value: str, purpose: str, recipient: str, operation: str
    ) -> Explanation:
        """Say whether one person may be used now, why, and which entry decides it.

        `value` is a normalised identifier. Raises: NotFound if nobody here has it; UnknownPurpose.
        """
        dense = self._identity.find(kind, value)
        if dense is None:
            raise NotFound("nobody with this identifier is known here")
        with self.hold() as head:
            entries = self.events_of(dense)
            at_ms, size = max(self._clock(), head.newest_ms), head.size
        events = [
            LoggedEvent(e.index, e.recorded_ms, e.record)
            for e in entries
            if isinstance(e.record, ConsentEvent)
        ]
        query = Query(
            purpose=purpose, operation=Operation(operation), at_ms=at_ms, recipient=recipient
        )
        decision = decide(events, query, self._vocabulary)
        deciding = next((e for e in entries if e.index == decision.deciding_index), None)
        (subject_id,) = self._identity.subject_ids([dense]).values()
        return Explanation(decision, subject_id, at_ms, size, deciding)

    # -- checkpoints -------------------------------------------------------------------------------

    def checkpoint(self) -> str:
        """Return the signed note for the ledger as it stands; there is one for each size, for ever.

        Raises: LedgerDamaged if the ledger no longer continues an earlier checkpoint.
        """
        with self._lock, self._db.writing() as session:
            self._catch_up(session)
            return self._checkpoints.issue(session, self._tree)

    def covering(self, index: int) -> tuple[int, bytes]:
        """Return size and root of the first checkpoint that includes entry `index`, made if needed.

        Raises: NotFound if there is no such entry; LedgerDamaged.
        """
        covering = self._checkpoints.covering(index)
        if covering is None:
            self.checkpoint()
            covering = self._checkpoints.covering(index)
        if covering is None:
            raise NotFound("there is no such entry in the ledger")
        return covering

    def add_cosignatures(self, size: int, cosignatures: Iterable[Verified]) -> str:
        """Keep verified cosignatures with the checkpoint of that size; return the whole note.

        Raises: NotFound.
        """
        return self._checkpoints.add_cosignatures(size, cosignatures)

    def publish(self, size: int, policy: Policy) -> None:
        """Mark the checkpoint of that size as published.

        Raises: BadSignature if the policy's quorum has not cosigned it; NotFound.
        """
        self._checkpoints.publish(size, policy)

    def cosigned(self, size: int) -> str:
        """Return the checkpoint of that size with the cosignatures that are there so far.

        Raises: NotFound.
        """
        return self._checkpoints.cosigned(size)

    def latest_checkpoint(self) -> str | None:
        """Return the newest checkpoint's note, with the cosignatures that are there so far."""
        return self._checkpoints.latest()

    def latest_published(self) -> str | None:
        """Return the newest checkpoint that a quorum of its witnesses has cosigned, or None."""
        return self._checkpoints.latest_published()

    def verify(self) -> LedgerReport:
        """Recompute the tree from the leaves, open every entry, and compare with every checkpoint.

        Raises: LedgerDamaged.
        """
        tree = HashTree()
        with self._db.reading() as session:
            for entry in self._reader.read(session):
                if entry.index != tree.size:
                    raise LedgerDamaged(f"entry {tree.size} is missing")
                tree.append(entry.leaf_hash)
            checkpoints, published = self._checkpoints.verify(session, tree)
        return LedgerReport(tree.size, tree.root(), checkpoints, published)

    def _resume(self, session: Session) -> None:
        """Start from the snapshot, if there is one that fits the log."""
        snapshot = self._snapshots.load(session, self._vocabulary)
        if snapshot is None:
            return
        tree = HashTree(self._reader.leaf_hashes(session, snapshot.size))
        if (tree.size, tree.root()) != (snapshot.size, snapshot.root):
            return
        projection = snapshot.projection
        for erased in projection.subjects - self._keyring.holders(session):
            projection.forget(erased)
        self._tree, self._projection = tree, projection
        self._newest_ms, self._policy = snapshot.newest_ms, snapshot.policy
        self._kept = snapshot.size

    def _catch_up(self, session: Session) -> None:
        """Read what is committed but not in memory."""
        for entry in self._reader.read(session, col(EntryRow.index) >= self._tree.size):
            if entry.index != self._tree.size:
                raise LedgerDamaged(f"entry {self._tree.size} is missing")
            self._tree.append(entry.leaf_hash)
            self._follow(entry.index, entry.record, entry.subject, entry.recorded_ms)
