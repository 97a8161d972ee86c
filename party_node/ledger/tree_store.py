"""The tree of the ledger in the database: its full tiles, each written once.

What a batch of leaves completes goes into the transaction that stores the leaves. In memory is only
the right edge; a restart finds it again from at most 255 tiles a level.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import delete, select
from sqlmodel import Session, col

from consent.tiled_tree import TiledTree, edges_from_tiles
from consent.tiles import TILE_WIDTH, Tile
from party_node.database import Database, insert_many
from party_node.tables import EntryRow, TileRow


class TreeStore:
    """The tiles of one ledger's tree."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def empty(self) -> TiledTree:
        """Return a tree without leaves."""
        return TiledTree(self.read)

    def resume(self, session: Session, size: int, root: bytes) -> TiledTree:
        """Return the tree of that size.

        Raises: LedgerInconsistent if what is stored does not lead to that root.
        """
        index = col(EntryRow.index)
        tail = select(col(EntryRow.leaf_hash)).where(
            index >= size - size % TILE_WIDTH, index < size
        )
        hashes = session.execute(tail.order_by(index)).scalars()
        edges = edges_from_tiles(size, b"".join(hashes), _reader(session))
        return TiledTree.resume(size, edges, self.read, root=root)

    def add(self, session: Session, tiles: Sequence[tuple[Tile, bytes]]) -> None:
        """Store full tiles, in the caller's transaction."""
        rows = [(tile.level, tile.number, data) for tile, data in tiles]
        insert_many(session, TileRow, ("level", "number", "hashes"), rows)

    def read(self, level: int, number: int) -> bytes:
        """Return a full tile; nothing if there is none."""
        with self._db.reading() as session:
            return self.read_in(session, level, number)

    def read_in(self, session: Session, level: int, number: int) -> bytes:
        """Return a full tile as this transaction sees it; nothing if there is none."""
        return _reader(session)(level, number)

    def clear(self, session: Session) -> None:
        """Take all tiles away, to be made again."""
        session.execute(delete(TileRow))


def _reader(session: Session) -> Callable[[int, int], bytes]:
    def read(level: int, number: int) -> bytes:
        where = col(TileRow.level) == level, col(TileRow.number) == number
        found = session.execute(select(col(TileRow.hashes)).where(*where)).scalar_one_or_none()
        return found or b""

    return read
