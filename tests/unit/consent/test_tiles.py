"""Addresses of tiles and entry bundles: the examples of C2SP tlog-tiles, and other spellings."""

from collections import Counter

import pytest

from consent.errors import LedgerInconsistent, MalformedRecord
from consent.tiles import (
    MAX_SIZE,
    EntryBundle,
    Tile,
    WrongTile,
    entry_bundles_of,
    parse_path,
    partial_tiles,
    partial_width,
    tiles_completed,
    tiles_of,
)

PATHS = {
    "tile/0/000": Tile(0, 0),
    "tile/0/x001/x234/067": Tile(0, 1_234_067),
    "tile/0/x001/x234/067.p/8": Tile(0, 1_234_067, 8),
    "tile/1/000.p/17": Tile(1, 0, 17),
    "tile/63/999.p/255": Tile(63, 999, 255),
    "tile/2/x001/000": Tile(2, 1000),
    "tile/0/x009/x223/x372/x036/x854/x775/807": Tile(0, MAX_SIZE),
    "tile/entries/x001/x234/067": EntryBundle(1_234_067),
    "tile/entries/000.p/1": EntryBundle(0, 1),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_that_of_one_tile(path: str) -> None:
    assert parse_path(path) == PATHS[path]
    assert PATHS[path].path == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/1234067",
        "tile/00/000",
        "tile/01/000",
        "tile/64/000",
        "tile/100/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/data/000",
        "tile/8/0/000",
        "tile/0/x000/067",
        "tile/0/x000/x001/067",
        "tile/0/001/067",
        "tile/0/x001/x067",
        "tile/0/X001/067",
        "tile/0/x01/067",
        "tile/0/x001//067",
        "tile/0/x001/x234/067.p",
        "tile/0/x001/x234/067.p/",
        "tile/0/x001/x234/067.p/0",
        "tile/0/x001/x234/067.p/08",
        "tile/0/x001/x234/067.p/256",
        "tile/0/x001/x234/067.p/1000",
        "tile/0/x001/x234/067.p/8/",
        "tile/0/x001/x234/067.P/8",
        "tile/0/x001.p/8/067",
        "tile/0/../0/000",
        "tile/0/٠٠٠",
        "tile/٠/000",
        "TILE/0/000",
        "tile/entries",
        "tile/entries/0",
        "tile/entries/x000/001",
        "tile/Entries/000",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
        "tile/0/" + "x001/" * 100_000 + "000",
    ],
)
def test_every_other_spelling_is_refused(path: str) -> None:
    with pytest.raises(MalformedRecord):
        parse_path(path)


@pytest.mark.parametrize(
    ("level", "number", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, MAX_SIZE + 1, 1), (0, 0, 0), (0, 0, 257)],
)
def test_a_tile_that_cannot_be_is_refused(level: int, number: int, width: int) -> None:
    with pytest.raises(MalformedRecord):
        Tile(level, number, width)
    if 0 <= level < 64:
        with pytest.raises(MalformedRecord):
            EntryBundle(number, width)


def test_the_tree_of_seventy_thousand_of_the_specification() -> None:
    assert partial_tiles(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    tiles = list(tiles_of(70_000))
    assert Counter((t.level, t.width) for t in tiles) == {
        (0, 256): 273,
        (0, 112): 1,
        (1, 256): 1,
        (1, 17): 1,
        (2, 1): 1,
    }
    assert tiles == sorted(tiles)
    assert list(entry_bundles_of(70_000)) == [
        *(EntryBundle(n) for n in range(273)),
        EntryBundle(273, 112),
    ]


def test_a_tree_of_256_has_a_full_tile_and_one_hash_above_it() -> None:
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(entry_bundles_of(256)) == [EntryBundle(0)]


def test_the_empty_tree_has_no_tiles() -> None:
    assert partial_tiles(0) == list(tiles_of(0)) == list(entry_bundles_of(0)) == []


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000])
def test_the_width_of_a_partial_tile_is_that_of_the_formula(size: int) -> None:
    widths = [size // 256**level % 256 for level in range(4)]
    assert [partial_width(size, level) for level in range(4)] == widths
    assert [t.width for t in partial_tiles(size)] == [w for w in widths if w]


def test_the_largest_tree_has_eight_levels_of_tiles() -> None:
    assert [t.level for t in partial_tiles(MAX_SIZE)] == list(range(8))
    assert next(tiles_of(MAX_SIZE)) == Tile(0, 0)


def test_growing_completes_tiles_at_every_level() -> None:
    assert list(tiles_completed(0, 255)) == []
    assert list(tiles_completed(255, 256)) == [Tile(0, 0)]
    assert list(tiles_completed(256, 256)) == []
    assert list(tiles_completed(65_535, 65_536)) == [Tile(0, 255), Tile(1, 0)]
    assert list(tiles_completed(70_000, 70_400)) == [Tile(0, 273), Tile(0, 274)]


def test_a_size_that_no_tree_has_is_refused() -> None:
    for size in (-1, MAX_SIZE + 1):
        with pytest.raises(MalformedRecord):
            partial_tiles(size)
        with pytest.raises(MalformedRecord):
            partial_width(size, 0)
        with pytest.raises(MalformedRecord):
            next(tiles_of(size))
        with pytest.raises(MalformedRecord):
            next(entry_bundles_of(size))
    for old, new in ((-1, 0), (1, 0), (0, MAX_SIZE + 1)):
        with pytest.raises(MalformedRecord):
            next(tiles_completed(old, new))


def test_a_wrong_tile_is_an_inconsistent_ledger_and_says_which() -> None:
    error = WrongTile(Tile(1, 1, 17), "it is missing")
    assert isinstance(error, LedgerInconsistent)
    assert error.code == "ledger-inconsistent"
    assert str(error) == "tile/1/001.p/17: it is missing"
    assert error.tile == Tile(1, 1, 17)
