"""The right edge of a tree in tiles: all that is needed to grow it, and its root.

At each level of tiles the hashes of the partial tile, at most 255, and the nodes between them. What
a batch completes falls out as full tiles, each hashed once, for the caller to keep. A tree of 20
million leaves has four levels; at 33 kB each that is 130 kB at most.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import Self

from consent.errors import LedgerInconsistent
from consent.merkle import EMPTY_ROOT, HASH_BYTES, hash_pairs, node_hash, require_hashes
from consent.tile_nodes import hashes_in
from consent.tiles import MAX_SIZE, TILE_HEIGHT, TILE_WIDTH, Tile, partial_tiles

_AT_ONCE = 1 << 14


class RightEdge:
    """The right edge of an empty tree, and of what it grows to."""

    __slots__ = ("_levels", "_size")

    def __init__(self) -> None:
        self._size = 0
        # Of each level of tiles, by height within it: the nodes at the edge.
        self._levels: list[list[list[bytes]]] = []

    @classmethod
    def restore(cls, size: int, edges: Mapping[int, bytes]) -> Self:
        """Return the edge of a tree of that size from its partial tiles, by level.

        Raises: LedgerInconsistent if they are not those that such a tree has.
        """
        if not 0 <= size <= MAX_SIZE:
            raise LedgerInconsistent("a tree has from 0 to 2^63 - 1 leaves")
        wanted = {tile.level: tile.width * HASH_BYTES for tile in partial_tiles(size)}
        if {level: len(data) for level, data in edges.items()} != wanted:
            raise LedgerInconsistent("the stored edge does not fit its size")
        levels = []
        for level in range(max(wanted, default=-1) + 1):
            heights = [hashes_in(edges[level]) if level in edges else []]
            for _ in range(1, TILE_HEIGHT):
                heights.append(hash_pairs(heights[-1]))
            levels.append(heights)
        return cls._with(size, levels)

    @classmethod
    def _with(cls, size: int, levels: list[list[list[bytes]]]) -> Self:
        edge = cls()
        edge._size, edge._levels = size, levels
        return edge

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def copy(self) -> Self:
        """Return an edge of its own that starts as this one."""
        return self._with(self._size, [[nodes[:] for nodes in heights] for heights in self._levels])

    def extend(self, leaf_hashes: Iterable[bytes]) -> list[tuple[Tile, bytes]]:
        """Add leaf hashes (32 bytes each) in order; return the tiles that this made full.

        A tile comes after those beneath it. Raises: LedgerInconsistent if a hash is refused; then
        none is added.
        """
        fresh = list(leaf_hashes)
        require_hashes(fresh)
        completed: list[tuple[Tile, bytes]] = []
        for start in range(0, len(fresh), _AT_ONCE):
            hashes, level, before = fresh[start : start + _AT_ONCE], 0, self._size
            self._size += len(hashes)
            while hashes:
                hashes = self._grow(level, before >> TILE_HEIGHT * (level + 1), hashes, completed)
                level += 1
        return completed

    def _grow(
        self, level: int, number: int, fresh: list[bytes], completed: list[tuple[Tile, bytes]]
    ) -> list[bytes]:
        """Add hashes to the partial tile `number`; return the roots of the tiles that are full."""
        if level == len(self._levels):
            self._levels.append([[] for _ in range(TILE_HEIGHT)])
        heights = self._levels[level]
        hashes = heights[0]
        hashes += fresh
        for below, above in itertools.pairwise(heights):
            above += hash_pairs(below[2 * len(above) :])
        roots = hash_pairs(heights[-1])
        if roots:
            completed += [
                (Tile(level, number + i), b"".join(hashes[i * TILE_WIDTH : (i + 1) * TILE_WIDTH]))
                for i in range(len(roots))
            ]
            for height, nodes in enumerate(heights):
                del nodes[: len(roots) * (TILE_WIDTH >> height)]
        return roots

    def node(self, level: int, height: int, place: int) -> bytes:
        """Return a node of the partial tile of `level`, `height` levels above its hashes."""
        return self._levels[level][height][place]

    def partial(self) -> list[tuple[Tile, bytes]]:
        """Return the partial tiles, the lowest level first."""
        return [(tile, b"".join(self._levels[tile.level][0])) for tile in partial_tiles(self._size)]

    def root(self) -> bytes:
        """Return the root of the tree."""
        root = None
        for nodes in itertools.chain.from_iterable(self._levels):
            if len(nodes) % 2:
                root = nodes[-1] if root is None else node_hash(nodes[-1], root)
        return EMPTY_ROOT if root is None else root
