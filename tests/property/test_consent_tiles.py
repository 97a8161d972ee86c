"""Tiles: one path each, one tree however it grew, and no changed bit unseen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.entry_bundle import decode_entries, encode_entries
from consent.errors import LedgerInconsistent
from consent.leaf_stream import tiles_of_leaves, verify_leaves
from consent.merkle import HASH_BYTES, HashTree, leaf_hash
from consent.tile_audit import open_tiles, verify_tiles
from consent.tiled_tree import TiledTree
from consent.tiles import (
    MAX_SIZE,
    EntryBundle,
    Tile,
    WrongTile,
    parse_path,
    partial_tiles,
    tiles_completed,
    tiles_of,
)
from tests.support.depth import examples
from tests.support.tile_store import TileStore, hash_tree, leaf, leaf_hashes, published

LARGEST = 5000
# Around the edges of tiles more often than elsewhere.
sizes = st.integers(0, LARGEST) | st.builds(
    lambda n, off: max(0, min(LARGEST, 256 * n + off)), st.integers(0, 19), st.integers(-2, 2)
)
numbers = st.integers(0, MAX_SIZE) | st.integers(0, 10_000)


@st.composite
def grown_trees(draw: st.DrawFn, size: int) -> tuple[TiledTree, TileStore]:
    """A tree of that size that grew in drawn batches, and its store."""
    store = TileStore()
    tree = TiledTree(store.read_tile, warm_tiles=draw(st.integers(0, 4)))
    while tree.size < size:
        batch = draw(st.integers(1, 600) | st.just(size))
        store.keep(tree.extend(leaf_hashes(LARGEST)[tree.size : min(size, tree.size + batch)]))
    return tree, store


@given(st.integers(0, 63), numbers, st.integers(1, 256))
def test_a_path_is_read_back_and_no_two_tiles_have_one(level: int, number: int, width: int) -> None:
    for address in (Tile(level, number, width), EntryBundle(number, width)):
        assert parse_path(address.path) == address


@given(sizes)
def test_the_tiles_of_a_tree_hold_each_complete_node_of_their_heights_once(size: int) -> None:
    tiles = list(tiles_of(size))
    level = 0
    while size >> 8 * level:
        widths = [t.width for t in tiles if t.level == level]
        assert sum(widths) == size >> 8 * level
        assert set(widths[:-1]) <= {256}
        level += 1
    assert {t.level for t in tiles} == set(range(level))
    assert [t for t in tiles if not t.is_full] == partial_tiles(size)


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_growth_completes_what_the_larger_tree_has_and_the_smaller_had_not(a: int, b: int) -> None:
    old, new = sorted((a, b))
    before = {t for t in tiles_of(old) if t.is_full}
    after = {t for t in tiles_of(new) if t.is_full}
    assert set(tiles_completed(old, new)) == after - before
    assert before <= after


@settings(max_examples=examples(10))
@given(st.data())
def test_roots_and_proofs_are_those_of_the_tree_in_memory(data: st.DataObject) -> None:
    size = data.draw(sizes.filter(bool))
    tree, store = data.draw(grown_trees(size))
    other = hash_tree(LARGEST)
    assert sorted(Tile(*place) for place in store.tiles) == list(tiles_completed(0, size))
    assert tree.root() == other.root(size)
    for _ in range(30):
        at = data.draw(st.integers(1, size))
        index, old = data.draw(st.integers(0, at - 1)), data.draw(st.integers(0, at))
        assert tree.root(at) == other.root(at)
        assert tree.leaf(index) == other.leaf(index)
        assert tree.inclusion_proof(index, at) == other.inclusion_proof(index, at)
        assert tree.consistency_proof(old, at) == other.consistency_proof(old, at)


@settings(max_examples=examples(10))
@given(st.data())
def test_a_tree_that_was_resumed_at_any_size_is_the_one_that_went_on(data: st.DataObject) -> None:
    first = data.draw(sizes)
    last = data.draw(st.integers(first, LARGEST))
    stopped, store = data.draw(grown_trees(first))
    edges = {tile.level: hashes for tile, hashes in stopped.partial()}
    root = data.draw(st.sampled_from([None, stopped.root()]))
    resumed = TiledTree.resume(first, edges, store.read_tile, root=root)
    before = dict(store.tiles)
    for tree in (resumed, stopped.copy()):
        store.tiles = dict(before)
        store.keep(tree.extend(leaf_hashes(LARGEST)[first:last]))
        whole = {f"tile/{k[0]}/{k[1]:03}": v for k, v in store.tiles.items()}
        whole |= {tile.path: hashes for tile, hashes in tree.partial()}
        assert whole == published(last)
        assert tree.root() == hash_tree(LARGEST).root(last)
    assert stopped.size == first


@settings(max_examples=examples(15))
@given(st.data())
def test_an_auditor_finds_any_flipped_bit_and_names_its_tile(data: st.DataObject) -> None:
    size = data.draw(sizes.filter(bool))
    files, root = published(size), hash_tree(LARGEST).root(size)
    assert verify_tiles(files.get, size, root) == len(files)
    path = data.draw(st.sampled_from(sorted(files)))
    changed = bytearray(files[path])
    bit = data.draw(st.integers(0, len(changed) * 8 - 1))
    changed[bit // 8] ^= 1 << bit % 8
    files = files | {path: bytes(changed)}
    with pytest.raises(WrongTile) as refused:
        verify_tiles(files.get, size, root)
    assert refused.value.tile == parse_path(path)
    if parse_path(path) in tiles_completed(0, size):
        with pytest.raises(WrongTile, match=f"hash {bit // 8 // HASH_BYTES} ") as named:
            verify_leaves((leaf(i) for i in range(size)), size, root, lambda tile: files[tile.path])
        assert named.value.tile == parse_path(path)


@settings(max_examples=examples(10))
@given(st.data())
def test_proofs_from_published_tiles_are_those_of_the_tree(data: st.DataObject) -> None:
    size = data.draw(sizes.filter(bool))
    other = hash_tree(LARGEST)
    tree = open_tiles(published(size).get, size, other.root(size))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    assert tree.inclusion_proof(index, size) == other.inclusion_proof(index, size)
    assert tree.consistency_proof(old, size) == other.consistency_proof(old, size)


@given(st.lists(st.binary(max_size=400), min_size=1, max_size=256))
def test_an_entry_bundle_is_read_back(entries: list[bytes]) -> None:
    assert decode_entries(encode_entries(entries), len(entries)) == entries


@settings(max_examples=examples(10))
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=700), st.data())
def test_leaves_are_those_of_the_tree_that_they_make_and_no_others_are(
    leaves: list[bytes], data: st.DataObject
) -> None:
    root = HashTree(map(leaf_hash, leaves)).root()
    verify_leaves(leaves, len(leaves), root)
    assert [tile for tile, _ in sorted(tiles_of_leaves(leaves))] == list(tiles_of(len(leaves)))
    index = data.draw(st.integers(0, len(leaves) - 1))
    changed = [*leaves[:index], leaves[index] + b"\x00", *leaves[index + 1 :]]
    with pytest.raises(LedgerInconsistent):
        verify_leaves(changed, len(leaves), root)
