"""Tiles in memory for tests, as a node stores them and as a log publishes them."""

import hashlib
from collections.abc import Iterable
from functools import cache

from consent.entry_bundle import encode_entries
from consent.leaf_stream import tiles_of_leaves
from consent.merkle import HashTree, hash_leaves
from consent.tiled_tree import TiledTree
from consent.tiles import TILE_WIDTH, Tile, entry_bundles_of


def leaf(index: int) -> bytes:
    """Return a leaf like no other."""
    return b"entry %d" % index


@cache
def leaf_hashes(size: int) -> tuple[bytes, ...]:
    """Return the hashes of the first `size` leaves."""
    return tuple(hash_leaves(leaf(i) for i in range(size)))


@cache
def hash_tree(size: int) -> HashTree:
    """Return the tree in memory of the first `size` leaves; not to be changed."""
    return HashTree(leaf_hashes(size))


class TileStore:
    """Full tiles by level and number, and which were read."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.read: list[tuple[int, int]] = []

    def keep(self, tiles: Iterable[tuple[Tile, bytes]]) -> None:
        """Store tiles; none may be there already."""
        for tile, data in tiles:
            assert tile.is_full
            assert (tile.level, tile.number) not in self.tiles
            self.tiles[tile.level, tile.number] = data

    def read_tile(self, level: int, number: int) -> bytes:
        """Return a tile, or nothing if there is none."""
        self.read.append((level, number))
        return self.tiles.get((level, number), b"")


def grown(size: int, batch: int = 1000, **options: int) -> tuple[TiledTree, TileStore]:
    """Return a tiled tree of the first `size` leaves, grown batch by batch, and its store."""
    store = TileStore()
    tree = TiledTree(store.read_tile, **options)
    hashes = leaf_hashes(size)
    for start in range(0, size, batch):
        store.keep(tree.extend(hashes[start : start + batch]))
    return tree, store


def published(size: int) -> dict[str, bytes]:
    """Return what a log of the first `size` leaves publishes: hash tiles, by path."""
    return {tile.path: data for tile, data in tiles_of_leaves(leaf(i) for i in range(size))}


def published_entries(size: int) -> dict[str, bytes]:
    """Return the entry bundles of the first `size` leaves, by path."""
    return {
        bundle.path: encode_entries(
            [leaf(bundle.number * TILE_WIDTH + i) for i in range(bundle.width)]
        )
        for bundle in entry_bundles_of(size)
    }


def fingerprint(files: dict[str, bytes]) -> str:
    """Return one hash over paths and bytes."""
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(path.encode() + b"\n" + hashlib.sha256(files[path]).digest())
    return whole.hexdigest()
