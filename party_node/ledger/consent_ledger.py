"""The party's consent ledger: an append-only log of who said what, and of every use of it.

    append      one transaction for a batch, or for many small ones at once (`group_commit.py`)
    state       tree, facts and projection in memory, always in step with what is committed
    checkpoint  a signed statement of size and root: one for each size, on disk before it is seen
    policy      the vocabulary that is decided by; a change of it is an entry

Every call first reads what another process may have committed since, so a withdrawal counts as soon
as it was acknowledged. The primary key of the entries makes a fork by a second writer fail. Formats
and rules are those of the package `consent`.
"""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from consent.checkpoint import LogSigner
from consent.defaults import DEFAULT_VOCABULARY
from consent.facts import About, What, facts_of
from consent.fields import Entry
from consent.milestones import LedgerOpened, PolicyChanged
from consent.projection import Projection
from consent.tiled_tree import TiledTree
from consent.vocabulary import Vocabulary
from party_node.clock import Clock, system_clock
from party_node.database import Database
from party_node.errors import (
    IdempotencyConflict,
    LedgerDamaged,
    LedgerForked,
    LedgerMoved,
    NotFound,
)
from party_node.identity import Identity
from party_node.ledger.checkpoints import Checkpoints
from party_node.ledger.entries import EntryReader, LedgerEntry
from party_node.ledger.group_commit import GroupCommit
from party_node.ledger.keyring import Keyring
from party_node.ledger.policies import keep_policy, load_policy
from party_node.ledger.state import LedgerState, Reach, StateStore, policy_after
from party_node.ledger.tree_store import TreeStore
from party_node.ledger.verifying import LedgerReport, verify
from party_node.ledger.writer import LedgerWriter, NewEntry, Submission, Submitted, Written
from party_node.tables import EntryRow, ImportBatchRow, SourceEventRow
from party_node.vault import Vault
from protocols.session import Rng

Also = Callable[[Session, list[int]], None]
"""What else happens in the transaction of an append: gets the session and the new indices."""
OnAppended = Callable[[Session, Sequence[NewEntry]], None]
"""Is told of every new entry in the transaction that writes it: for outboxes."""


@dataclass(frozen=True, slots=True)
class Head:
    """The ledger as it stands: all that a decision needs."""

    size: int
    root: bytes
    newest_ms: int
    """When the newest entry was recorded; 0 in an empty ledger."""
    projection: Projection
    """The live one: only to be read while the head is held."""

    @property
    def vocabulary(self) -> Vocabulary:
        """What is decided by."""
        return self.projection.vocabulary


class ConsentLedger:
    """One party's ledger; `seed` (32 bytes) signs its checkpoints under the name `origin`.

    `vocabulary` is decided by in a ledger that has no policy yet; the default is Accord's own.
    """

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
        self._wanted = vocabulary
        self._identity = Identity(db, vault, rng)
        self.keyring = keyring = Keyring(vault, rng)
        self.content_key = vault.derive("event-content/1")
        self.reader = EntryReader(keyring, self._controller)
        self.store = StateStore(vault, self.reader, TreeStore(db), self._number_of)
        self._writer = LedgerWriter(
            keyring,
            self._controller,
            self.content_key,
            rng,
            lambda subject: self._state.projection.current(subject),
        )
        self._lock, self._owner = threading.RLock(), 0
        self._small = GroupCommit(self._write_many)
        self.on_appended: list[OnAppended] = []
        self._state, self._behind = self._load(), False
        self._wanted = None  # from here on the ledger says what is in force

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
    def controller(self) -> str:
        """Name of the party whose ledger it is."""
        return self._controller

    @property
    def vkey(self) -> str:
        """Public key of the log, as C2SP text."""
        return self._signer.vkey

    @property
    def vocabulary(self) -> Vocabulary:
        """What is decided by."""
        return self._state.projection.vocabulary

    @property
    def checkpoints(self) -> Checkpoints:
        """The signed checkpoints: cosigning, publishing, looking them up."""
        return self._checkpoints

    # -- writing -----------------------------------------------------------------------------------

    def open(self, by: str = "node") -> None:
        """Write the first entry, or that the vocabulary changed; nothing if neither is needed."""
        with self.hold() as head:
            if head.size == 0:
                self._begin(head.vocabulary)
            else:
                self.change_policy(head.vocabulary, by)

    def change_policy(
        self, vocabulary: Vocabulary, by: str, *others: Entry, also: Also | None = None
    ) -> list[int]:
        """Decide by another vocabulary from now on; `others` are written with the change of it.

        Returns the indices of the change and of the others; nothing and none if it is no change.
        Everything that was ever said is judged again. Raises: DiskFull.
        """
        with self.hold():
            policy, before = vocabulary.digest(), self._state.reach.policy
            if policy == before:
                return []
            assert before is not None
            changed = PolicyChanged(
                policy_hash=policy,
                previous_policy_hash=before,
                changed_at_ms=self.now(),
                changed_by=by,
            )

            def keep(session: Session, indices: list[int]) -> None:
                keep_policy(session, vocabulary, indices[0])
                if also is not None:
                    also(session, indices)

            indices = self.append([changed, *others], also=keep)
            with self._following(), self._db.reading() as session:
                self.store.judge_again(session, self._state, vocabulary)
            return indices

    def append(
        self, records: Sequence[Entry], *, at_size: int | None = None, also: Also | None = None
    ) -> list[int]:
        """Append records in one transaction; return their indices once they are on disk.

        An event that its source sent before gets the index that it has. With `at_size` the ledger
        must have exactly that size. Raises: IdempotencyConflict, UnknownSubject, MalformedRecord,
        LedgerMoved, LedgerForked, DiskFull; then nothing is written.
        """
        with self._locked():
            written = self._write(records, at_size, also, strict=True)
        return [s.index for s in written.submissions]

    def submit(self, records: Sequence[Entry]) -> list[Submission]:
        """Append what is new; of events that contradict earlier ones, only that they did.

        Small batches of several threads share a transaction. Raises: UnknownSubject,
        MalformedRecord, LedgerForked, DiskFull; then nothing of these records is written.
        """
        if self._owner == threading.get_ident():  # a leader could not get in
            return self._write(records, None, None, strict=False).submissions
        return self._small.run(records)

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

    def _write_many(self, parts: Sequence[Sequence[Entry]]) -> list[list[Submission]]:
        records = [record for part in parts for record in part]
        with self._locked():
            found = iter(self._write(records, None, None, strict=False).submissions)
        return [[next(found) for _ in part] for part in parts]

    def _write(
        self, records: Sequence[Entry], at_size: int | None, also: Also | None, *, strict: bool
    ) -> Written:
        """Write in one transaction, then follow it in memory; the ledger is locked."""
        state = self._state
        known_whats = len(state.whats)
        try:
            with self._db.writing() as session:
                with self._following():
                    self.store.catch_up(session, state)
                known_whats = len(state.whats)
                if at_size is not None and at_size != state.tree.size:
                    raise LedgerMoved
                written = self._writer.write(session, records, state.tree.size, self.now())
                if strict and any(s.status is Submitted.CONFLICT for s in written.submissions):
                    raise IdempotencyConflict
                grown = self._grow(session, state, written.entries)
                for told in self.on_appended:
                    told(session, written.entries)
                if also is not None:
                    also(session, [s.index for s in written.submissions])
        except IntegrityError as e:
            state.whats.forget_from(known_whats)
            raise LedgerForked from e
        except BaseException:
            state.whats.forget_from(known_whats)
            raise
        with self._following():
            grown()
        return written

    def _grow(
        self, session: Session, state: LedgerState, entries: Sequence[NewEntry]
    ) -> Callable[[], None]:
        """Store what the new entries come to; return what makes memory follow after the commit."""
        if not entries:
            return lambda: None
        tree = state.tree.copy()
        self.store.tiles.add(session, tree.extend(e.sealed.leaf_hash for e in entries))
        about = (About(e.index, e.recorded_ms, e.subject, e.record) for e in entries
                 if e.subject is not None)  # fmt: skip
        facts = facts_of(about, state.whats, self._number_of)
        before = state.reach
        self.store.facts.add(session, facts, before.facts, state.whats, before.whats)
        reach = Reach(
            size=tree.size,
            root=tree.root(),
            newest_ms=max(before.newest_ms, entries[-1].recorded_ms),
            facts=before.facts + len(facts),
            whats=len(state.whats),
            policy=policy_after(before.policy, (e.record for e in entries)),
        )
        self.store.keep_reach(session, reach)

        def follow() -> None:
            state.tree, state.reach = tree, reach
            state.projection.take_in(facts)

        return follow

    def _begin(self, vocabulary: Vocabulary) -> None:
        first = LedgerOpened(
            origin=self.origin,
            controller=self._controller,
            opened_at_ms=self.now(),
            log_vkey=self.vkey,
            policy_hash=vocabulary.digest(),
        )
        self.append(
            [first],
            at_size=0,
            also=lambda session, index: keep_policy(session, vocabulary, index[0]),
        )

    def now(self) -> int:
        """Return the time; recorded times never go back, whatever the machine's clock does."""
        return max(self._clock(), self._state.reach.newest_ms)

    # -- reading -----------------------------------------------------------------------------------

    @contextmanager
    def hold(self) -> Iterator[Head]:
        """Nobody else in this process appends while this is held."""
        with self._locked():
            with self._following(), self._db.reading() as session:
                self.store.catch_up(session, self._state)
            reach = self._state.reach
            yield Head(reach.size, reach.root, reach.newest_ms, self._state.projection)

    def head(self) -> tuple[int, bytes]:
        """Return size and root of what is on disk."""
        with self.hold() as head:
            return head.size, head.root

    @contextmanager
    def tree(self) -> Iterator[TiledTree]:
        """The tree, for proofs and tiles, while nobody appends."""
        with self.hold():
            yield self._state.tree

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[LedgerEntry]:
        """Return entries `start` to `stop` (not included) in order, for exports and lists.

        Raises: LedgerDamaged.
        """
        last = self.head()[0] if stop is None else stop
        index = col(EntryRow.index)
        with self._db.reading() as session:
            yield from self.reader.read(session, index >= start, index < last)

    def entry(self, index: int) -> LedgerEntry:
        """Return one entry.

        Raises: NotFound if there is none; LedgerDamaged.
        """
        for found in self.entries(index, index + 1):
            return found
        raise _no_entry(index)

    def first_of(self, source_id: str, source_event_id: str) -> int | None:
        """Return the index of what a source sent under this id, if it did."""
        with self._db.reading() as session:
            row = session.get(SourceEventRow, (source_id, source_event_id))
            return None if row is None else row.entry

    def what(self, number: int) -> What:
        """Return what many facts have in common, by its number."""
        return self._state.whats[number]

    def events_of(self, dense: int, *, but: Sequence[str] = ()) -> list[LedgerEntry]:
        """Return the entries about one person in order; those of the types `but` are left out."""
        where = [col(EntryRow.subject) == dense]
        if but:
            where.append(col(EntryRow.type).not_in(but))
        with self._db.reading() as session:
            return list(self.reader.read(session, *where))

    def leaf_hash(self, index: int) -> bytes:
        """Return the leaf hash of an entry.

        Raises: LedgerInconsistent if there is none.
        """
        with self.tree() as tree:
            return tree.leaf(index)

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the hashes that prove an entry in the tree of that size, the whole one by default.

        Raises: LedgerInconsistent.
        """
        with self.tree() as tree:
            return tree.inclusion_proof(index, tree.size if size is None else size)

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Return the hashes that prove that the tree of size `old` is the start of that of `new`.

        Raises: LedgerInconsistent.
        """
        with self.tree() as tree:
            return tree.consistency_proof(old, tree.size if new is None else new)

    def verify(self) -> LedgerReport:
        """Recompute the tree from the leaves and compare it with tiles and checkpoints.

        Raises: LedgerDamaged.
        """
        return verify(self._db, self.store, self.reader, self._checkpoints)

    # -- checkpoints -------------------------------------------------------------------------------

    def checkpoint(self) -> str:
        """Return the signed note for the ledger as it stands; there is one for each size, for ever.

        Raises: LedgerDamaged if the ledger no longer continues an earlier checkpoint.
        """
        with self._locked(), self._db.writing() as session:
            with self._following():
                self.store.catch_up(session, self._state)
            return self._checkpoints.issue(session, self._state.tree)

    def covering(self, index: int) -> tuple[int, bytes]:
        """Return size and root of the first checkpoint that includes entry `index`, made if needed.

        Raises: NotFound if there is no such entry; LedgerDamaged.
        """
        covering = self._checkpoints.covering(index)
        if covering is None:
            self.checkpoint()
            covering = self._checkpoints.covering(index)
        if covering is None:
            raise _no_entry(index)
        return covering

    # -- inside ------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with self._lock:
            before, self._owner = self._owner, threading.get_ident()
            try:
                if self._behind:
                    self._catch_up_anew()
                yield
            finally:
                self._owner = before

    @contextmanager
    def _following(self) -> Iterator[None]:
        """What memory could not follow is read anew before anybody is told anything by it: else the
        gate would go on by a state, or a policy, that is not the ledger's any more.
        """
        try:
            yield
        except LedgerDamaged:
            raise  # reading anew must not make that good
        except BaseException:
            self._behind = True
            raise

    def _catch_up_anew(self) -> None:
        state = self._load()
        if state.reach.size < self._state.reach.size:
            raise LedgerDamaged("entries of the ledger have disappeared while it was open")
        self._state, self._behind = state, False

    def _number_of(self, subject_id: str) -> int:
        return self._identity.dense_of([subject_id])[subject_id]

    def _load(self) -> LedgerState:
        state = self.store.open(self._db, self._vocabulary)
        with self._db.reading() as session:
            # In one snapshot: another process may have gone on, and signed, in between.
            self.store.catch_up(session, state)
            self._checkpoints.require_continued(session, state.tree)
        return state

    def _vocabulary(self, session: Session, policy: bytes | None) -> Vocabulary:
        """Return what to decide by: what was asked for, else what is in force, else the default."""
        if self._wanted is not None:
            return self._wanted
        return DEFAULT_VOCABULARY if policy is None else load_policy(session, policy)


def _no_entry(index: int) -> NotFound:
    return NotFound(
        f"there is no entry {index} in the ledger",
        hint="`accord ledger status` says how long it is",
    )
