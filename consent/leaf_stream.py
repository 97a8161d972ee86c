"""A log verified leaf by leaf, in order, with the memory of its right edge and one batch.

The leaves are hashed 256 at a time, so at most 16 MiB of them are held however long they are. The
tiles that fall out on the way are those that a sound store has; what differs is named.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator

from consent.errors import LedgerInconsistent
from consent.merkle import HASH_BYTES, hash_leaves
from consent.right_edge import RightEdge
from consent.tiles import TILE_WIDTH, Tile, WrongTile

StoredTile = Callable[[Tile], bytes | None]
"""Returns a full tile as it is stored, or None."""


def verify_leaves(
    leaves: Iterable[bytes], size: int, root: bytes, stored: StoredTile | None = None
) -> None:
    """Return if these are the leaves of the tree with this size and root.

    With `stored`, each full tile is compared with the stored one as soon as its leaves were read.
    Raises: LedgerInconsistent if there are more or fewer leaves or they lead to another root;
    WrongTile for the first stored tile that is not what the leaves come to.
    """
    edge = RightEdge()
    for hashes in _hashed(leaves):
        if edge.size + len(hashes) > size:
            raise LedgerInconsistent(f"there are more than {size} leaves")
        for tile, data in edge.extend(hashes):
            if stored is not None:
                _compare(tile, data, stored(tile))
    if edge.size != size:
        raise LedgerInconsistent(f"there are {edge.size} leaves, not {size}")
    if edge.root() != root:
        raise LedgerInconsistent("the leaves do not lead to the root")


def tiles_of_leaves(leaves: Iterable[bytes]) -> Iterator[tuple[Tile, bytes]]:
    """Yield every tile of the tree of these leaves: full ones as they fill, partial ones last."""
    edge = RightEdge()
    for hashes in _hashed(leaves):
        yield from edge.extend(hashes)
    yield from edge.partial()


def _hashed(leaves: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the hashes of the leaves, a tile of them at a time."""
    following = iter(leaves)
    while hashes := hash_leaves(itertools.islice(following, TILE_WIDTH)):
        yield hashes


def _compare(tile: Tile, data: bytes, found: bytes | None) -> None:
    if found is None:
        raise WrongTile(tile, "it is missing")
    if found == data:
        return
    if len(found) != len(data):
        raise WrongTile(tile, "it does not have 8192 bytes")
    first = next(i for i, pair in enumerate(zip(found, data, strict=True)) if pair[0] != pair[1])
    raise WrongTile(tile, f"hash {first // HASH_BYTES} is not what the leaves come to")
