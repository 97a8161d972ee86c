"""The published ledger as static files (C2SP tlog-tiles): what may be read by whom.

    checkpoint            the newest published note
    tile/<L>/<N>          hashes, which say nothing about anybody: auditors may have them
    tile/entries/<N>      the leaves themselves: only for who may read entries

Nothing is given out that is not under the newest published checkpoint: what no quorum of witnesses
has cosigned may still turn out to be no part of the ledger that others know.
"""

from sqlalchemy import select
from sqlmodel import col

from consent.checkpoint import checkpoint_of
from consent.entry_bundle import encode_entries
from consent.errors import MalformedRecord
from consent.tiles import TILE_HEIGHT, TILE_WIDTH, EntryBundle, Tile, parse_path
from party_node.errors import LedgerDamaged, NotFound, NotPublished
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.witnessing import Witnessing
from party_node.tables import EntryRow

_PREFIX = "tile/"


class Publishing:
    """Gives out the published part of one ledger."""

    def __init__(self, ledger: ConsentLedger, witnessing: Witnessing) -> None:
        self._ledger, self._witnessing = ledger, witnessing

    def checkpoint(self) -> str:
        """Return the newest published checkpoint.

        Raises: NotPublished.
        """
        note = self._witnessing.published()
        if note is None:
            raise NotPublished("no checkpoint of this ledger is published yet")
        return note

    def tile(self, path: str) -> bytes:
        """Return the hash tile at this path, without its `tile/`.

        Raises: NotFound if the published tree does not have it; NotPublished; LedgerInconsistent.
        """
        tile = self._parse(path)
        if not isinstance(tile, Tile) or not self._has(tile, tile.level):
            raise NotFound("the published ledger does not have that tile")
        with self._ledger.tree() as tree:
            return tree.tile(tile)

    def entries(self, path: str) -> bytes:
        """Return the hash tile or the entry bundle at this path, without its `tile/`.

        Raises: as `tile`; LedgerDamaged.
        """
        bundle = self._parse(path)
        if isinstance(bundle, Tile):
            return self.tile(path)
        if not self._has(bundle, 0):
            raise NotFound("the published ledger does not have that entry bundle")
        index, first = col(EntryRow.index), bundle.number * TILE_WIDTH
        leaves = select(col(EntryRow.leaf)).where(index >= first, index < first + bundle.width)
        with self._ledger.database.reading() as session:
            found = session.execute(leaves.order_by(index)).scalars().all()
        if len(found) != bundle.width:
            raise LedgerDamaged(f"an entry from {first} on is missing")
        return encode_entries(found)

    def _parse(self, path: str) -> Tile | EntryBundle:
        try:
            return parse_path(_PREFIX + path)
        except MalformedRecord as e:
            raise NotFound(str(e)) from e

    def _has(self, tile: Tile | EntryBundle, level: int) -> bool:
        hashes = checkpoint_of(self.checkpoint()).size >> TILE_HEIGHT * level
        return tile.number * TILE_WIDTH + tile.width <= hashes
