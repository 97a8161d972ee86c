"""A log verified leaf by leaf: what is refused, what is named, and how much is held."""

from collections.abc import Iterator

import pytest

from consent.entry_bundle import published_leaves
from consent.errors import LedgerInconsistent
from consent.leaf_stream import tiles_of_leaves, verify_leaves
from consent.merkle import EMPTY_ROOT
from consent.tiles import Tile, WrongTile, tiles_of
from tests.support.tile_store import hash_tree, leaf, published, published_entries

SIZE = 1000
ROOT = hash_tree(SIZE).root()


def leaves(size: int) -> Iterator[bytes]:
    return (leaf(i) for i in range(size))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 1000])
def test_the_leaves_of_a_tree_are_accepted(size: int) -> None:
    root = hash_tree(SIZE).root(size)
    verify_leaves(leaves(size), size, root)
    files = published(size)
    verify_leaves(leaves(size), size, root, lambda tile: files[tile.path])


def test_entry_bundles_and_hash_tiles_are_compared() -> None:
    files = published(SIZE) | published_entries(SIZE)
    verify_leaves(published_leaves(files.get, SIZE), SIZE, ROOT, lambda t: files.get(t.path))


def test_more_fewer_exchanged_or_changed_leaves_are_refused() -> None:
    changed = list(leaves(SIZE))
    changed[3], changed[700] = changed[700], changed[3]
    for given, size, root in (
        (leaves(SIZE - 1), SIZE, ROOT),
        (leaves(SIZE + 1), SIZE, ROOT),
        (leaves(0), SIZE, ROOT),
        (leaves(0), 0, ROOT),
        (leaves(1), 0, EMPTY_ROOT),
        (iter(changed), SIZE, ROOT),
        (leaves(SIZE), SIZE, hash_tree(SIZE).root(SIZE - 1)),
        (leaves(SIZE), -1, ROOT),
    ):
        with pytest.raises(LedgerInconsistent):
            verify_leaves(given, size, root)


def test_a_log_that_ends_too_soon_says_where() -> None:
    with pytest.raises(LedgerInconsistent, match="there are 999 leaves, not 1000"):
        verify_leaves(leaves(999), SIZE, ROOT)


def test_leaves_without_end_are_refused_soon() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x"

    with pytest.raises(LedgerInconsistent, match="more than 1000"):
        verify_leaves(endless(), SIZE, ROOT)
    assert taken <= 1024


def test_a_stored_tile_that_differs_is_named_with_the_place_in_it() -> None:
    files = published(SIZE)
    whole = files["tile/0/001"]
    changed = bytearray(whole)
    changed[200 * 32 + 5] ^= 4
    for spoiled, why in (
        (bytes(changed), "hash 200 is not"),
        (whole[:-1], "8192"),
        (b"", "8192"),
        (None, "missing"),
    ):
        stored = {**files, "tile/0/001": spoiled}
        with pytest.raises(WrongTile, match=why) as refused:
            verify_leaves(leaves(SIZE), SIZE, ROOT, lambda t, s=stored: s[t.path])
        assert refused.value.tile == Tile(0, 1)


def test_every_tile_is_made_from_the_leaves() -> None:
    tiles = dict(tiles_of_leaves(leaves(SIZE)))
    assert sorted(tiles) == list(tiles_of(SIZE))
    assert tiles == {tile: published(SIZE)[tile.path] for tile in tiles_of(SIZE)}
    assert list(tiles_of_leaves([])) == []
