"""A tree whose full tiles lie elsewhere: it keeps its right edge and reads the rest when asked.

    grown = tree.copy()
    for tile, data in grown.extend(leaf_hashes):
        …store it, in the transaction that stores the entries…
    tree = grown                                            …once that is committed

Proofs and roots of any size that the tree has passed through are those of `HashTree`. A tile that
is read is compared with its hash in the tile above, and so on up to the edge: a damaged tile is
named, never proved from. The last tiles that were read stay in memory with their nodes, 16 KiB
each. Not to be used by two threads at once.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Self

from typing_extensions import override

from consent.errors import LedgerInconsistent
from consent.merkle import HASH_BYTES, ProofTree
from consent.right_edge import RightEdge
from consent.tile_nodes import expanded, node_in, tile_root
from consent.tiles import (
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    WrongTile,
    partial_tiles,
    partial_width,
)

ReadTile = Callable[[int, int], bytes]
"""Returns the 8,192 bytes of a full tile, by level and number; nothing if there is none."""

WARM_TILES: Final = 128
"""Tiles that stay in memory unless told otherwise: about 2.1 MB."""


class TiledTree(ProofTree):
    """An empty tree, or what it grows to; `read_tile` finds the full tiles that it gave out."""

    __slots__ = ("_edge", "_read_tile", "_warm", "_warm_tiles")

    def __init__(self, read_tile: ReadTile, *, warm_tiles: int = WARM_TILES) -> None:
        self._edge, self._read_tile, self._warm_tiles = RightEdge(), read_tile, warm_tiles
        self._warm: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    @classmethod
    def resume(
        cls,
        size: int,
        edges: Mapping[int, bytes],
        read_tile: ReadTile,
        *,
        root: bytes | None = None,
        warm_tiles: int = WARM_TILES,
    ) -> Self:
        """Return the tree of that size from its partial tiles, by level.

        With `root` they must lead to it, and nothing is read yet. Without, every hash above level 0
        must be the root of the full tile beneath it; at most 255 tiles a level are read.
        Raises: LedgerInconsistent if they do not, WrongTile if a tile that was read is none.
        """
        edge = RightEdge.restore(size, edges)
        if root is None:
            found = edges_from_tiles(size, edges.get(0, b""), read_tile)
            for level, data in edges.items():
                if data != found[level]:
                    raise LedgerInconsistent(f"the edge of level {level} does not fit its tiles")
        elif edge.root() != root:
            raise LedgerInconsistent("the stored edge does not lead to the root")
        return cls._with(edge, read_tile, warm_tiles, OrderedDict())

    @classmethod
    def _with(
        cls,
        edge: RightEdge,
        read_tile: ReadTile,
        warm_tiles: int,
        warm: OrderedDict[tuple[int, int], bytes],
    ) -> Self:
        tree = cls(read_tile, warm_tiles=warm_tiles)
        tree._edge, tree._warm = edge, warm
        return tree

    @property
    @override
    def size(self) -> int:
        """Number of leaves."""
        return self._edge.size

    def copy(self) -> Self:
        """Return a tree of its own that starts as this one; its cost does not grow with size."""
        return self._with(self._edge.copy(), self._read_tile, self._warm_tiles, self._warm.copy())

    def append(self, hash_of_leaf: bytes) -> int:
        """Add one leaf hash (32 bytes) whose tiles are in the store, or will be; return its index.

        Of `extend` this loses the tiles: it is for following what another process has stored.
        """
        index = self.size
        self._edge.extend((hash_of_leaf,))
        return index

    def extend(self, leaf_hashes: Iterable[bytes]) -> list[tuple[Tile, bytes]]:
        """Add leaf hashes (32 bytes each) in order; return the tiles that this made full.

        They must be in the store before a proof or an older root is asked for; the root of the
        whole tree needs none. A tile comes after those beneath it.
        Raises: LedgerInconsistent if a hash is refused; then none is added.
        """
        return self._edge.extend(leaf_hashes)

    def partial(self) -> list[tuple[Tile, bytes]]:
        """Return the partial tiles: what `resume` takes, and what is published with a checkpoint of
        this size.
        """
        return self._edge.partial()

    def tile(self, tile: Tile) -> bytes:
        """Return the bytes of a tile that the tree has, or had when it was smaller.

        Raises: LedgerInconsistent if it never had it; WrongTile if the stored one is damaged.
        """
        full = self._full_tiles(tile.level)
        if tile.number < full:
            return self._expanded(tile.level, tile.number)[: tile.width * HASH_BYTES]
        if tile.number > full or tile.width > partial_width(self.size, tile.level):
            raise LedgerInconsistent("the tree does not have that tile")
        return b"".join(self._edge.node(tile.level, 0, i) for i in range(tile.width))

    def _full_tiles(self, level: int) -> int:
        return self.size >> TILE_HEIGHT * (level + 1)

    @override
    def _node(self, level: int, position: int) -> bytes:
        level, height = divmod(level, TILE_HEIGHT)
        number, place = divmod(position, TILE_WIDTH >> height)
        if number == self._full_tiles(level):
            return self._edge.node(level, height, place)
        return node_in(self._expanded(level, number), height, place)

    def _expanded(self, level: int, number: int) -> bytes:
        """Return a full tile with its nodes, checked against the tiles above it."""
        nodes = self._warm.get((level, number))
        if nodes is None:
            data = self._read_tile(level, number)
            if len(data) != TILE_BYTES:
                raise WrongTile(Tile(level, number), "it is missing or does not have 8192 bytes")
            nodes = expanded(data)
            if nodes[-HASH_BYTES:] != self._node(TILE_HEIGHT * (level + 1), number):
                raise WrongTile(Tile(level, number), "it does not have the root that is above it")
            self._warm[level, number] = nodes
            if len(self._warm) > self._warm_tiles:
                self._warm.popitem(last=False)
        else:
            self._warm.move_to_end((level, number))
        return nodes


def edges_from_tiles(size: int, tail: bytes, read_tile: ReadTile) -> dict[int, bytes]:
    """Return the partial tiles of a tree from its full tiles and `tail`, the hashes of the leaves
    that are in none. At most 255 tiles a level are read.

    Raises: LedgerInconsistent if the tail is not that of such a tree, WrongTile if a tile that was
    read is none; MalformedRecord if a tree cannot have that size.
    """
    if len(tail) != partial_width(size, 0) * HASH_BYTES:
        raise LedgerInconsistent("the last leaf hashes are not those of a tree of that size")
    edges = {0: tail} if tail else {}
    for tile in partial_tiles(size):
        if tile.level:
            first = tile.number * TILE_WIDTH
            below = [Tile(tile.level - 1, first + i) for i in range(tile.width)]
            edges[tile.level] = b"".join([_root_of(t, read_tile) for t in below])
    return edges


def _root_of(tile: Tile, read_tile: ReadTile) -> bytes:
    data = read_tile(tile.level, tile.number)
    if len(data) != TILE_BYTES:
        raise WrongTile(tile, "it is missing or does not have 8192 bytes")
    return tile_root(data)
