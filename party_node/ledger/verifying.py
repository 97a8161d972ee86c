"""Recomputing the tree from its leaves, and comparing it with every tile and every checkpoint.

Leaves are read in order and hashed in batches; what is held is the tree's right edge and one batch.
No payload is opened: `fsck.py` does that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session

from consent.errors import LedgerInconsistent
from consent.leaf_stream import verify_leaves
from consent.tiles import Tile
from party_node.database import Database
from party_node.errors import LedgerDamaged
from party_node.ledger.checkpoints import Checkpoints
from party_node.ledger.entries import EntryReader
from party_node.ledger.state import StateStore


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What verifying found; it returns only if everything fits."""

    size: int
    root: bytes
    checkpoints: int
    published: int


def verify(
    db: Database, store: StateStore, reader: EntryReader, checkpoints: Checkpoints
) -> LedgerReport:
    """Verify everything that is committed.

    Raises: LedgerDamaged.
    """
    with db.reading() as session:
        reach = store.reach(session)

        def stored(tile: Tile) -> bytes | None:
            return store.tiles.read_in(session, tile.level, tile.number) or None

        try:
            verify_leaves(_leaves(session, reader), reach.size, reach.root, stored)
            tree = store.tiles.resume(session, reach.size, reach.root)
        except LedgerInconsistent as e:
            raise LedgerDamaged(f"the leaves of the ledger: {e}") from e
        found, published = checkpoints.verify(session, tree)
    return LedgerReport(reach.size, reach.root, found, published)


def _leaves(session: Session, reader: EntryReader) -> Iterator[bytes]:
    for expected, (index, leaf, _) in enumerate(reader.leaves(session)):
        if index != expected:
            raise LedgerDamaged(f"entry {expected} is missing")
        yield leaf
