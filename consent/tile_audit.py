"""Checking published hash tiles against a checkpoint, and making proofs from them: no leaves, no
database, only `read`, which finds what was published at a path.

The root in the checkpoint vouches for the partial tiles, and every tile for the tiles beneath it.
So a tile that is not the one that belongs there is found and named, and what proofs are made from
has been checked on the way down.
"""

import itertools
from collections.abc import Iterator

from consent.entry_bundle import published_leaves
from consent.errors import LedgerInconsistent
from consent.merkle import EMPTY_ROOT, HASH_BYTES, hash_leaves
from consent.right_edge import RightEdge
from consent.tile_nodes import hashes_in, tile_root
from consent.tiled_tree import WARM_TILES, TiledTree
from consent.tiles import (
    TILE_WIDTH,
    ReadPath,
    Tile,
    WrongTile,
    entry_bundles_of,
    partial_tiles,
)


def open_tiles(
    read: ReadPath, size: int, root: bytes, *, warm_tiles: int = WARM_TILES
) -> TiledTree:
    """Return the published tree of a checkpoint, for proofs of this size and smaller ones.

    The partial tiles are read and checked here, every other tile when it is needed.
    Raises: WrongTile for one that is missing or wrong; LedgerInconsistent if the tiles are of
    another tree; MalformedRecord if a tree cannot have that size.
    """
    edges = _edges(read, size)
    _check_edges(read, size, root, edges)

    def read_tile(level: int, number: int) -> bytes:
        return _published(read, Tile(level, number))

    return TiledTree.resume(size, edges, read_tile, root=root, warm_tiles=warm_tiles)


def prove_inclusion(read: ReadPath, index: int, size: int, root: bytes) -> tuple[bytes, ...]:
    """Return the hashes that prove leaf `index` in the published tree of a checkpoint.

    Raises: as `open_tiles`; LedgerInconsistent if index ≥ size.
    """
    return open_tiles(read, size, root).inclusion_proof(index, size)


def verify_tiles(read: ReadPath, size: int, root: bytes) -> int:
    """Check every tile of the published tree of a checkpoint; return how many there are.

    Each is read once, a tile before those beneath it; one tile a level is in memory.
    Raises: WrongTile for the first that is missing or wrong; LedgerInconsistent if all fit each
    other but are of another tree; MalformedRecord if a tree cannot have that size.
    """
    edges = _edges(read, size)
    _check_edges(read, size, root, edges)
    return len(edges) + sum(
        1 for tile in partial_tiles(size) for _ in _descend(read, tile, edges[tile.level])
    )


def verified_leaves(read: ReadPath, size: int) -> Iterator[bytes]:
    """Yield the leaves of a published tree whose tiles `verify_tiles` has checked.

    Each bundle is compared with the tile of its hashes before a leaf of it comes out.
    Raises: WrongTile for the first that is missing or wrong; MalformedRecord as `verify_tiles`.
    """
    leaves = published_leaves(read, size)
    for bundle in entry_bundles_of(size):
        found = list(itertools.islice(leaves, bundle.width))
        hashes = hashes_in(_published(read, Tile(0, bundle.number, bundle.width)))
        for i, pair in enumerate(zip(hash_leaves(found), hashes, strict=True)):
            if pair[0] != pair[1]:
                index = bundle.number * TILE_WIDTH + i
                raise WrongTile(bundle, f"entry {index} is not the one that the tiles commit to")
        yield from found


def _descend(read: ReadPath, tile: Tile, data: bytes) -> Iterator[Tile]:
    """Yield every tile beneath `tile` once it is checked."""
    if tile.level == 0:
        return
    for child, root in _children(tile, data):
        found = _published(read, child)
        if tile_root(found) != root:
            raise WrongTile(child, "it does not have the root that is in the tile above it")
        yield child
        yield from _descend(read, child, found)


def _children(tile: Tile, data: bytes) -> Iterator[tuple[Tile, bytes]]:
    """Yield the full tiles beneath a tile, each with the root that it must have."""
    first = tile.number * TILE_WIDTH
    for i, root in enumerate(hashes_in(data)):
        yield Tile(tile.level - 1, first + i), root


def _edges(read: ReadPath, size: int) -> dict[int, bytes]:
    return {tile.level: _published(read, tile) for tile in partial_tiles(size)}


def _published(read: ReadPath, tile: Tile) -> bytes:
    """Return the bytes of a tile; a partial one that was deleted is read from the full one."""
    for published in dict.fromkeys((tile, Tile(tile.level, tile.number))):
        data = read(published.path)
        if data is None:
            continue
        if len(data) != published.width * HASH_BYTES:
            raise WrongTile(published, f"it does not have {published.width * HASH_BYTES} bytes")
        return data[: tile.width * HASH_BYTES]
    raise WrongTile(tile, "it is missing")


def _check_edges(read: ReadPath, size: int, root: bytes, edges: dict[int, bytes]) -> None:
    """Return if the partial tiles lead to the root; find out which one does not fit otherwise."""
    if _root_of(size, edges) == root:
        return
    unfit: Tile | None = None
    for tile in reversed(partial_tiles(size)):
        if tile.level == 0:
            continue
        beneath = [tile_root(_published(read, t)) for t, _ in _children(tile, edges[tile.level])]
        rebuilt = b"".join(beneath)
        if rebuilt == edges[tile.level]:
            continue
        if _root_of(size, edges | {tile.level: rebuilt}) == root:
            raise WrongTile(tile, "its hashes are not the roots of the tiles beneath it")
        unfit = unfit or tile
    if unfit is not None:
        raise WrongTile(unfit, "it and the tiles beneath it do not fit each other")
    if 0 in edges:
        # Nothing beneath it can be asked; everything above fits.
        raise WrongTile(partial_tiles(size)[0], "with it the tiles do not lead to the root")
    raise LedgerInconsistent("the tiles fit each other but are of another tree than the root")


def _root_of(size: int, edges: dict[int, bytes]) -> bytes:
    return RightEdge.restore(size, edges).root() if size else EMPTY_ROOT
