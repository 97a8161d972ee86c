"""Where the hashes of a tree lie: tiles of 256, and their paths (C2SP tlog-tiles).

    tile/0/x001/x234/067        tile 1,234,067 of level 0: the leaf hashes from 256 · 1,234,067 on
    tile/1/000.p/17             the first 17 hashes of the first tile of level 1
    tile/entries/x001/x234/067  the entry bundle beside the first: the leaves themselves

Hash i of tile n at level l is the root of the 256^l leaves from (256 · n + i) · 256^l on: at level
0 a leaf hash, above it the root of a full tile of the level below. A full tile never changes. A
tree has at most one partial tile at each level, its right edge there.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from consent.errors import LedgerInconsistent, MalformedRecord
from consent.merkle import HASH_BYTES

TILE_HEIGHT: Final = 8
"""Levels of the tree in one level of tiles."""
TILE_WIDTH: Final = 1 << TILE_HEIGHT
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
MAX_LEVEL: Final = 63
MAX_SIZE: Final = 2**63 - 1
"""Of a tree; no tile or entry bundle has a larger number either."""

_PATH = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile of hashes: `width` of them, 256 if it is full.

    Raises: MalformedRecord if there can be no such tile.
    """

    level: int
    number: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not 0 <= self.level <= MAX_LEVEL:
            raise MalformedRecord("the level of a tile is from 0 to 63")
        _check_place(self.number, self.width)

    @property
    def is_full(self) -> bool:
        """It has all its 256 hashes."""
        return self.width == TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it is published, below the log's prefix."""
        return f"tile/{self.level}/{_place(self.number, self.width)}"


@dataclass(frozen=True, slots=True, order=True)
class EntryBundle:
    """The leaves that the tile of level 0 with this number and width has the hashes of.

    Raises: MalformedRecord if there can be no such entry bundle.
    """

    number: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        _check_place(self.number, self.width)

    @property
    def path(self) -> str:
        """Where it is published, below the log's prefix, for those who may read entries."""
        return f"tile/entries/{_place(self.number, self.width)}"


ReadPath = Callable[[str], bytes | None]
"""Returns what is published at a path, or None."""


class WrongTile(LedgerInconsistent):
    """A tile or entry bundle of the ledger is missing, or is not the one that belongs there."""

    def __init__(self, tile: Tile | EntryBundle, why: str) -> None:
        self.tile = tile
        super().__init__(f"{tile.path}: {why}")


def parse_path(path: str) -> Tile | EntryBundle:
    """Read a path in its one spelling.

    Raises: MalformedRecord if it is none.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        raise MalformedRecord("this is no path of a tile")
    level, place, width = found[1], found[2].replace("x", "").replace("/", ""), found[3]
    number, hashes = int(place), int(width) if width else TILE_WIDTH
    parsed = EntryBundle(number, hashes) if level == "entries" else Tile(int(level), number, hashes)
    if parsed.path != path:
        raise MalformedRecord("the path of a tile has another spelling")
    return parsed


def partial_width(size: int, level: int) -> int:
    """Return how many hashes the partial tile of a level has in a tree of that size; 0 if there is
    none.

    Raises: MalformedRecord if a tree cannot have that size.
    """
    return _hashes_at(size, level) % TILE_WIDTH


def partial_tiles(size: int) -> list[Tile]:
    """Return the partial tiles of a tree of that size, the lowest level first.

    Raises: MalformedRecord if a tree cannot have that size.
    """
    return [
        Tile(level, _hashes_at(size, level) >> TILE_HEIGHT, width)
        for level in _levels(size)
        if (width := partial_width(size, level))
    ]


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield every tile of a tree of that size: level by level, in each the full ones first.

    Raises: MalformedRecord if a tree cannot have that size.
    """
    partial = {tile.level: tile for tile in partial_tiles(size)}
    for level in _levels(size):
        for number in range(_hashes_at(size, level) >> TILE_HEIGHT):
            yield Tile(level, number)
        if level in partial:
            yield partial[level]


def tiles_completed(old: int, new: int) -> Iterator[Tile]:
    """Yield the tiles that become full when a tree of size `old` grows to `new`, level by level.

    Raises: MalformedRecord if a tree cannot have these sizes, or would shrink.
    """
    if old > new:
        raise MalformedRecord("a tree cannot shrink")
    _check_size(old)
    for level in _levels(new):
        full = (_hashes_at(size, level) >> TILE_HEIGHT for size in (old, new))
        for number in range(*full):
            yield Tile(level, number)


def entry_bundles_of(size: int) -> Iterator[EntryBundle]:
    """Yield every entry bundle of a log of that size, in order.

    Raises: MalformedRecord if a log cannot have that size.
    """
    for number in range(_hashes_at(size, 0) >> TILE_HEIGHT):
        yield EntryBundle(number)
    if width := partial_width(size, 0):
        yield EntryBundle(size >> TILE_HEIGHT, width)


def _hashes_at(size: int, level: int) -> int:
    """Return floor(size / 256^level): the complete nodes at that level."""
    _check_size(size)
    return size >> TILE_HEIGHT * level


def _levels(size: int) -> range:
    """Return the levels at which a tree of that size has hashes."""
    _check_size(size)
    return range(-(-size.bit_length() // TILE_HEIGHT))


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise MalformedRecord("a tree has from 0 to 2^63 - 1 leaves")


def _check_place(number: int, width: int) -> None:
    if not 0 <= number <= MAX_SIZE:
        raise MalformedRecord("the number of a tile is from 0 to 2^63 - 1")
    if not 1 <= width <= TILE_WIDTH:
        raise MalformedRecord("a tile is from 1 to 256 wide")


def _place(number: int, width: int) -> str:
    """Return the end of a path: 1234067 as x001/x234/067, and the width where it is partial."""
    rest, last = divmod(number, 1000)
    place = f"{last:03}"
    while rest:
        rest, group = divmod(rest, 1000)
        place = f"x{group:03}/{place}"
    return place if width == TILE_WIDTH else f"{place}.p/{width}"
