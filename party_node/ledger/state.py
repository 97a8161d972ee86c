"""What the ledger comes to, in memory: tree, facts folded into sets, time and policy.

It always follows from what is committed. `load` makes it from tiles and facts, in seconds for
millions of entries; `catch_up` adds what another process has committed since. Where facts are
missing or damaged they are made again from the payloads.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sqlalchemy import select
from sqlmodel import Session, col

from consent.errors import LedgerInconsistent
from consent.facts import About, Facts, Whats, facts_of
from consent.merkle import EMPTY_ROOT
from consent.milestones import LedgerOpened, PolicyChanged
from consent.projection import Projection
from consent.tiled_tree import TiledTree
from consent.vocabulary import Vocabulary
from party_node.errors import LedgerDamaged, SealBroken
from party_node.ledger.entries import EntryReader
from party_node.ledger.fact_store import FactStore
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


@dataclass(frozen=True, slots=True)
class Head(Record):
    """How far the ledger is; kept sealed beside it and rewritten by each append."""

    KIND: ClassVar[str] = "ledger-head/1"
    size: int
    root: bytes
    newest_ms: int
    facts: int
    whats: int
    policy: bytes | None


EMPTY = Head(0, EMPTY_ROOT, 0, 0, 0, None)


@dataclass(slots=True)
class LedgerState:
    """What follows from the first `head.size` entries, under one vocabulary."""

    head: Head
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

    def head(self, session: Session) -> Head:
        """Return how far the ledger is; EMPTY if it never said.

        Raises: LedgerDamaged.
        """
        row = session.get(HeadRow, _ONE)
        if row is None:
            return EMPTY
        try:
            return decode(Head, self._vault.open(_CONTEXT, row.sealed))
        except SealBroken as e:
            raise LedgerDamaged("what the ledger says about its own length was changed") from e

    def keep_head(self, session: Session, head: Head) -> None:
        """Store how far the ledger is, in the caller's transaction."""
        session.merge(HeadRow(one=_ONE, sealed=self._vault.seal(_CONTEXT, encode(head))))

    def load(self, session: Session, vocabulary: Vocabulary) -> LedgerState:
        """Make the state of everything that is committed.

        Raises: LedgerDamaged.
        """
        head = self.head(session)
        if head.size != self._entries(session):
            raise LedgerDamaged(
                f"the ledger says that it has {head.size} entries,"
                f" and {self._entries(session)} are there"
            )
        try:
            tree = self.tiles.resume(session, head.size, head.root)
        except LedgerInconsistent as e:
            raise LedgerDamaged(f"the tree of the ledger: {e}") from e
        whats = Whats()
        state = LedgerState(head, tree, whats, Projection(vocabulary, whats))
        self.facts.load_whats(session, whats)
        state.projection.take_in(self.facts.load(session, 0, head.facts))
        return state

    def catch_up(self, session: Session, state: LedgerState) -> None:
        """Add what was committed since; cheap if nothing was."""
        head = self.head(session)
        if head.size == state.head.size:
            return
        if head.size < state.head.size:
            raise LedgerDamaged("entries of the ledger have disappeared while it was open")
        index = col(EntryRow.index)
        fresh = select(col(EntryRow.leaf_hash)).where(index >= state.head.size)
        state.tree.extend(session.execute(fresh.order_by(index)).scalars())
        if (state.tree.size, state.tree.root()) != (head.size, head.root):
            raise LedgerDamaged("the entries that were added do not lead to the ledger's root")
        self.facts.load_whats(session, state.whats)
        state.projection.take_in(self.facts.load(session, state.head.facts, head.facts))
        state.head = head

    def rebuild(self, session: Session) -> None:
        """Make head, tiles and facts again from the entries, in the caller's transaction.

        Raises: LedgerDamaged.
        """
        log.warning("ledger-state-rebuilt")
        self.facts.clear(session)
        self.tiles.clear(session)
        tree, whats, head = self.tiles.empty(), Whats(), EMPTY
        hashes: list[bytes] = []
        facts = 0
        for batch in self._batches(session):
            stored = len(whats)
            hashes = [entry.leaf_hash for entry in batch]
            self.tiles.add(session, tree.extend(hashes))
            ...
        self.keep_head(session, head)
