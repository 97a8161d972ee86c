"""What the ledger comes to, in memory: tree, facts folded into sets, time and policy.

It always follows from what is committed. `load` makes it from tiles and facts, in seconds for
millions of entries; `catch_up` adds what another process has committed since. Where facts are
missing or damaged they are made again from the payloads.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from sqlalchemy import func, select
from sqlmodel import Session, col

from consent.errors import LedgerInconsistent
from consent.facts import WITH_FACT, About, Whats, facts_of
from consent.fields import Entry
from consent.merkle import EMPTY_ROOT
from consent.milestones import LedgerOpened, PolicyChanged
from consent.projection import Projection
from consent.tiled_tree import TiledTree
from consent.vocabulary import Vocabulary
from party_node.database import Database, put_row, select_among
from party_node.errors import LedgerDamaged, LedgerStateDamaged, SealBroken
from party_node.ledger.entries import EntryReader, LedgerEntry
from party_node.ledger.fact_store import FactStore
from party_node.ledger.policies import load_policy
from party_node.ledger.tree_store import TreeStore
from party_node.observability import log
from party_node.tables import EntryRow, HeadRow
from party_node.vault import Vault
from protocols.codec import Record, decode, encode

_CONTEXT = "ledger-head"
_ONE = 1
_BATCH = 20_000
Numbers = Callable[[str], int]
"""Returns the number of a subject id."""
VocabularyOf = Callable[[Session, bytes | None], Vocabulary]
"""Returns what to decide by, given the digest of the policy in force."""


@dataclass(frozen=True, slots=True)
class Reach(Record):
    """How far the ledger is; kept sealed beside it and rewritten by each append."""

    KIND: ClassVar[str] = "ledger-head/1"
    size: int
    root: bytes
    newest_ms: int
    facts: int
    whats: int
    policy: bytes | None


EMPTY = Reach(0, EMPTY_ROOT, 0, 0, 0, None)


@dataclass(slots=True)
class LedgerState:
    """What follows from the first `reach.size` entries, under one vocabulary."""

    reach: Reach
    tree: TiledTree
    whats: Whats
    projection: Projection


class StateStore:
    """Keeps the state of one ledger in step with the database."""

    def __init__(
        self, vault: Vault, reader: EntryReader, tiles: TreeStore, numbers: Numbers
    ) -> None:
        self._vault, self._reader, self.tiles, self._numbers = vault, reader, tiles, numbers
        self.facts = FactStore(vault)

    def reach(self, session: Session) -> Reach:
        """Return how far the ledger is; EMPTY if it never said.

        Raises: LedgerDamaged.
        """
        found = next(select_among(session, HeadRow, ("sealed",), "one", [_ONE]), None)
        if found is None:
            return EMPTY
        try:
            return decode(Reach, self._vault.open(_CONTEXT, bytes(found[0])))
        except SealBroken as e:
            raise LedgerDamaged("what the ledger says about its own length was changed") from e

    def keep_reach(self, session: Session, reach: Reach) -> None:
        """Store how far the ledger is, in the caller's transaction."""
        sealed = self._vault.seal(_CONTEXT, encode(reach))
        put_row(session, HeadRow, "one", {"one": _ONE, "sealed": sealed})

    def open(self, db: Database, vocabulary_of: VocabularyOf) -> LedgerState:
        """Make the state of everything that is committed.

        Raises: LedgerDamaged if the entries are not those that the ledger had.
        """
        with db.reading() as session:
            reach = self.reach(session)
            vocabulary = vocabulary_of(session, reach.policy)
            try:
                return self._load(session, reach, vocabulary)
            except LedgerStateDamaged as e:
                log.warning("ledger-state-rebuilt", cause=e.code)
        with db.writing() as session:
            self.rebuild(session)
            found = self.reach(session)
            if reach.size and (reach.size, reach.root) != (found.size, found.root):
                raise LedgerDamaged("the entries do not lead to the root that the ledger had")
        with db.reading() as session:
            return self._load(session, found, vocabulary_of(session, found.policy))

    def _load(self, session: Session, reach: Reach, vocabulary: Vocabulary) -> LedgerState:
        there = self._entries(session)
        if reach == EMPTY and there:
            raise LedgerStateDamaged("there are entries, and nothing of what follows from them")
        if reach.size != there:
            raise LedgerDamaged(f"the ledger had {reach.size} entries, and {there} are there")
        try:
            tree = self.tiles.resume(session, reach.size, reach.root)
        except LedgerInconsistent as e:
            raise LedgerStateDamaged(f"the tree of the ledger: {e}") from e
        whats = Whats()
        state = LedgerState(reach, tree, whats, Projection(vocabulary, whats))
        self._load_whats(session, whats, reach)
        state.projection.take_in(self.facts.load(session, reach.facts))
        return state

    def _load_whats(self, session: Session, whats: Whats, reach: Reach) -> None:
        self.facts.load_whats(session, whats)
        if len(whats) != reach.whats:
            raise LedgerStateDamaged("some of the ledger's whats are missing")

    def judge_again(self, session: Session, state: LedgerState, vocabulary: Vocabulary) -> None:
        """Decide by another vocabulary from now on."""
        projection = Projection(vocabulary, state.whats)
        projection.take_in(self.facts.load(session, state.reach.facts))
        state.projection = projection

    def catch_up(self, session: Session, state: LedgerState) -> None:
        """Add what was committed since; cheap if nothing was."""
        reach = self.reach(session)
        if reach.size == state.reach.size:
            return
        if reach.size < state.reach.size:
            raise LedgerDamaged("entries of the ledger have disappeared while it was open")
        index = col(EntryRow.index)
        fresh = select(col(EntryRow.leaf_hash)).where(index >= state.reach.size)
        state.tree.extend(session.execute(fresh.order_by(index)).scalars())
        if (state.tree.size, state.tree.root()) != (reach.size, reach.root):
            raise LedgerDamaged("the entries that were added do not lead to the ledger's root")
        self._load_whats(session, state.whats, reach)
        newest, known = state.reach.size - 1, state.reach.facts
        state.projection.take_in(self.facts.after(session, newest, known, reach.facts))
        state.reach = reach
        if state.projection.vocabulary.digest() != reach.policy and reach.policy is not None:
            self.judge_again(session, state, load_policy(session, reach.policy))

    def rebuild(self, session: Session) -> None:
        """Make head, tiles and facts again from the entries, in the caller's transaction.

        Raises: LedgerDamaged.
        """
        self.facts.clear(session)
        self.tiles.clear(session)
        tree, whats, reach = self.tiles.empty(), Whats(), EMPTY
        entries = self._reader.read(session)
        while batch := list(islice(entries, _BATCH)):
            if batch[0].index != tree.size or batch[-1].index != tree.size + len(batch) - 1:
                raise LedgerDamaged(f"an entry after {tree.size} of the ledger is missing")
            self.tiles.add(session, tree.extend(entry.leaf_hash for entry in batch))
            facts = facts_of(_about(batch), whats, self._numbers)
            bearing = [entry.index for entry in batch if entry.type in WITH_FACT]
            self.facts.add(session, facts, reach.facts, whats, reach.whats, bearing)
            reach = Reach(
                tree.size,
                tree.root(),
                max(reach.newest_ms, *(entry.recorded_ms for entry in batch)),
                reach.facts + len(bearing),
                len(whats),
                policy_after(reach.policy, (entry.record for entry in batch)),
            )
        self.keep_reach(session, reach)

    def _entries(self, session: Session) -> int:
        """Return how many entries there are, if none is missing."""
        newest = session.execute(select(func.max(EntryRow.index))).scalar_one()
        return 0 if newest is None else newest + 1


def policy_after(before: bytes | None, records: Iterable[Entry | None]) -> bytes | None:
    """Return the digest of the policy in force after some records."""
    for record in records:
        if isinstance(record, LedgerOpened | PolicyChanged):
            before = record.policy_hash
    return before


def _about(entries: Iterable[LedgerEntry]) -> Iterator[About]:
    """Return the entries about persons, where they are not erased."""
    for e in entries:
        if e.subject is not None and e.record is not None:
            yield About(e.index, e.recorded_ms, e.subject, e.record)
