"""The tiled tree beside the tree in memory: its proofs, stopping and going on, damage, memory."""

from collections.abc import Callable
from typing import Any

import pytest

from consent.errors import LedgerInconsistent
from consent.merkle import EMPTY_ROOT, HashTree, ProofTree, verify_consistency, verify_inclusion
from consent.right_edge import RightEdge
from consent.tiled_tree import TiledTree, edges_from_tiles
from consent.tiles import MAX_SIZE, Tile, WrongTile, tiles_completed, tiles_of
from tests.support.tile_store import grown, hash_tree, leaf_hashes, published

LARGEST = 70_000
BOUNDARIES = [1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, LARGEST]
GROWN, STORE = grown(LARGEST)


def edges_of(tree: TiledTree) -> dict[int, bytes]:
    return {tile.level: data for tile, data in tree.partial()}


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def same_proofs(tree: ProofTree, other: ProofTree, index: int, old: int, size: int) -> bool:
    return (
        tree.root(size) == other.root(size)
        and tree.leaf(index) == other.leaf(index)
        and tree.inclusion_proof(index, size) == other.inclusion_proof(index, size)
        and tree.consistency_proof(old, size) == other.consistency_proof(old, size)
    )


@pytest.mark.parametrize("size", BOUNDARIES)
def test_roots_and_proofs_at_the_boundaries_are_those_of_the_tree_in_memory(size: int) -> None:
    other = hash_tree(LARGEST)
    tree, _ = grown(size)
    assert tree.size == size
    assert tree.root() == tree.root(size) == other.root(size)
    for old in [0, *(b for b in BOUNDARIES if b <= size)]:
        for index in {0, size // 2, size - 1, max(old - 1, 0), min(old, size - 1)}:
            assert same_proofs(tree, other, index, old, size)
            assert same_proofs(GROWN, other, index, old, size)


def test_every_proof_of_a_thousand_leaves_is_that_of_the_tree_in_memory() -> None:
    tree, _ = grown(1000)
    other = HashTree(leaf_hashes(1000))
    for i in range(1000):
        assert same_proofs(tree, other, i, i, 1000)
        assert tree.root(i) == other.root(i)


def test_the_proofs_of_a_tiled_tree_verify() -> None:
    root = GROWN.root()
    for index in (0, 255, 256, 65_535, 65_536, LARGEST - 1):
        proof = GROWN.inclusion_proof(index, LARGEST)
        verify_inclusion(leaf_hashes(LARGEST)[index], index, LARGEST, proof, root)
        consistent = GROWN.consistency_proof(index + 1, LARGEST)
        verify_consistency(index + 1, LARGEST, consistent, GROWN.root(index + 1), root)


@pytest.mark.parametrize("batch", [1, 7, 255, 256, 257, 1000])
def test_the_tiles_that_fall_out_do_not_depend_on_the_batches(batch: int) -> None:
    _, store = grown(1000, batch)
    assert store.tiles == {(0, n): STORE.tiles[0, n] for n in range(3)}


def test_one_large_batch_gives_every_tile_once_and_those_beneath_it_first() -> None:
    tiles = [tile for tile, _ in TiledTree(STORE.read_tile).extend(leaf_hashes(LARGEST))]
    assert sorted(tiles) == sorted(tiles_completed(0, LARGEST))
    assert tiles.index(Tile(1, 0)) > tiles.index(Tile(0, 255))


def test_appending_is_extending_by_one() -> None:
    tree, store = TiledTree(STORE.read_tile), HashTree()
    for index, hash_of_leaf in enumerate(leaf_hashes(600)):
        assert tree.append(hash_of_leaf) == store.append(hash_of_leaf) == index
    assert tree.root() == store.root()
    assert tree.partial() == grown(600)[0].partial()


def test_the_empty_tree() -> None:
    tree = TiledTree(STORE.read_tile)
    assert (tree.size, tree.root(), tree.partial()) == (0, EMPTY_ROOT, [])
    assert TiledTree.resume(0, {}, STORE.read_tile).root() == EMPTY_ROOT
    assert TiledTree.resume(0, {}, STORE.read_tile, root=EMPTY_ROOT).size == 0
    assert tree.extend([]) == []


def test_what_is_not_in_the_tree_is_refused() -> None:
    refusals: list[Callable[[], Any]] = [
        lambda: GROWN.leaf(LARGEST),
        lambda: GROWN.leaf(-1),
        lambda: GROWN.root(LARGEST + 1),
        lambda: GROWN.inclusion_proof(LARGEST, LARGEST),
        lambda: GROWN.inclusion_proof(0, LARGEST + 1),
        lambda: GROWN.consistency_proof(0, LARGEST + 1),
        lambda: GROWN.consistency_proof(2, 1),
        lambda: GROWN.tile(Tile(0, 273, 113)),
        lambda: GROWN.tile(Tile(0, 273)),
        lambda: GROWN.tile(Tile(0, 274, 1)),
        lambda: GROWN.tile(Tile(2, 0, 2)),
        lambda: GROWN.tile(Tile(3, 0, 1)),
    ]
    for ask in refusals:
        with pytest.raises(LedgerInconsistent):
            ask()


def test_a_batch_with_one_bad_hash_adds_nothing() -> None:
    tree, _ = grown(300)
    before = tree.partial()
    for bad in (b"", b"x" * 31, b"x" * 33):
        with pytest.raises(LedgerInconsistent):
            tree.extend([*leaf_hashes(300), bad])
        with pytest.raises(LedgerInconsistent):
            tree.append(bad)
    assert (tree.size, tree.partial()) == (300, before)


# -- growing beside a transaction ------------------------------------------------------------------


def test_a_copy_that_was_grown_and_thrown_away_leaves_no_trace() -> None:
    tree, store = grown(500)
    tree.copy().extend([bytes([i]) * 32 for i in range(256)])
    assert (tree.size, tree.root()) == (500, hash_tree(LARGEST).root(500))
    grown_on = tree.copy()
    store.keep(grown_on.extend(leaf_hashes(1000)[500:]))
    assert tree.size == 500
    assert same_proofs(grown_on, hash_tree(LARGEST), 510, 500, 1000)


def test_tiles_read_by_a_copy_are_not_believed_by_the_tree_it_came_from() -> None:
    tree, store = grown(500)
    lost = tree.copy()
    for tile, data in lost.extend([bytes([i]) * 32 for i in range(256)]):
        store.tiles[tile.level, tile.number] = data
    assert lost.leaf(510) == bytes([10]) * 32
    for tile, data in tree.extend(leaf_hashes(1000)[500:]):
        store.tiles[tile.level, tile.number] = data
    assert same_proofs(tree, hash_tree(LARGEST), 510, 500, 1000)


def test_growing_and_the_root_read_no_tile() -> None:
    def none_yet(level: int, number: int) -> bytes:
        raise AssertionError((level, number))

    tree = TiledTree(none_yet)
    for start in range(0, 66_000, 3000):
        tree.extend(leaf_hashes(LARGEST)[start : start + 3000])
        assert tree.root() == hash_tree(LARGEST).root(tree.size)


# -- stopping and going on -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, *BOUNDARIES])
def test_a_resumed_tree_goes_on_as_if_it_had_not_stopped(size: int) -> None:
    stopped, store = grown(size)
    for root in (None, stopped.root()):
        resumed = TiledTree.resume(size, edges_of(stopped), store.read_tile, root=root)
        tiles = resumed.extend(leaf_hashes(LARGEST)[size:])
        assert [tile for tile, _ in tiles if tile.level == 0] == [
            tile for tile in tiles_completed(size, LARGEST) if tile.level == 0
        ]
        assert all(STORE.tiles[t.level, t.number] == data for t, data in tiles)
        assert resumed.partial() == GROWN.partial()
        assert resumed.root() == GROWN.root()


@pytest.mark.parametrize("size", [0, *BOUNDARIES])
def test_edges_are_found_again_from_full_tiles_and_the_last_leaves(size: int) -> None:
    stopped, store = grown(size)
    tail = b"".join(leaf_hashes(size)[size - size % 256 :])
    assert edges_from_tiles(size, tail, store.read_tile) == edges_of(stopped)


def test_resuming_from_any_changed_bit_of_the_edge_is_refused() -> None:
    edges = edges_of(GROWN)
    for level, data in edges.items():
        for bit in (0, len(data) * 4, len(data) * 8 - 1):
            changed = edges | {level: flipped(data, bit)}
            with pytest.raises(LedgerInconsistent):
                TiledTree.resume(LARGEST, changed, STORE.read_tile, root=GROWN.root())
            if level:
                with pytest.raises(LedgerInconsistent, match=f"level {level}"):
                    TiledTree.resume(LARGEST, changed, STORE.read_tile)


def test_resuming_over_a_changed_or_missing_tile_beneath_the_edge_is_refused() -> None:
    edges = edges_of(GROWN)
    for place in ((0, 256), (0, 272), (1, 0)):
        tiles = dict(STORE.tiles)
        tiles[place] = flipped(tiles[place], 4321)
        with pytest.raises(LedgerInconsistent, match=f"level {place[0] + 1}"):
            TiledTree.resume(LARGEST, edges, lambda *at, t=tiles: t[at])
        tiles[place] = b""
        with pytest.raises(WrongTile, match="missing"):
            TiledTree.resume(LARGEST, edges, lambda *at, t=tiles: t[at])


@pytest.mark.parametrize(
    "edges",
    [
        {},
        {0: b"\x01" * 32 * 112},
        {0: b"\x01" * 32 * 111, 1: b"\x01" * 32 * 17, 2: b"\x01" * 32},
        {0: b"\x01" * (32 * 112 - 1), 1: b"\x01" * 32 * 17, 2: b"\x01" * 32},
        {0: b"\x01" * 32 * 112, 1: b"\x01" * 32 * 17, 2: b"\x01" * 32, 3: b""},
        {0: b"\x01" * 32 * 112, 1: b"\x01" * 32 * 17, 2: b"\x01" * 32, -1: b"\x01" * 32},
    ],
)
def test_an_edge_of_another_shape_is_refused(edges: dict[int, bytes]) -> None:
    with pytest.raises(LedgerInconsistent):
        TiledTree.resume(LARGEST, edges, STORE.read_tile)
    with pytest.raises(LedgerInconsistent):
        TiledTree.resume(LARGEST, edges, STORE.read_tile, root=GROWN.root())


def test_a_size_that_no_tree_has_is_refused() -> None:
    for size in (-1, MAX_SIZE + 1):
        with pytest.raises(LedgerInconsistent):
            TiledTree.resume(size, {}, STORE.read_tile)
    with pytest.raises(LedgerInconsistent):
        edges_from_tiles(300, b"\x01" * 32, STORE.read_tile)


# -- reading ---------------------------------------------------------------------------------------


def test_no_proof_is_made_from_a_damaged_tile() -> None:
    for place in ((0, 3), (1, 0)):
        tiles = dict(STORE.tiles)
        tiles[place] = flipped(tiles[place], 8 * 32 * 200 + 5)
        tree = TiledTree.resume(
            LARGEST, edges_of(GROWN), lambda *at, t=tiles: t[at], root=GROWN.root()
        )
        with pytest.raises(WrongTile) as refused:
            tree.inclusion_proof(3 * 256 + 7, LARGEST)
        assert refused.value.tile == Tile(*place)
        assert tree.leaf(LARGEST - 1) == leaf_hashes(LARGEST)[-1]


@pytest.mark.parametrize("data", [b"", b"x" * 8191, b"x" * 8193, b"x" * 8192])
def test_what_the_store_answers_is_checked(data: bytes) -> None:
    tree = TiledTree.resume(LARGEST, edges_of(GROWN), lambda *_: data, root=GROWN.root())
    with pytest.raises(WrongTile):
        tree.leaf(0)


def test_every_tile_of_a_tree_can_be_had_and_of_the_smaller_tree_that_it_was() -> None:
    for size in (LARGEST, 600):
        assert {t.path: GROWN.tile(t) for t in tiles_of(size)} == published(size)


def test_only_so_many_tiles_stay_in_memory() -> None:
    tree, store = grown(LARGEST, warm_tiles=3)
    for index in (0, 300, 0):
        tree.leaf(index)
    # A leaf needs its tile and, to check it, the one above.
    assert store.read == [(0, 0), (1, 0), (0, 1)]
    tree.leaf(600)
    tree.leaf(300)
    assert store.read[3:] == [(0, 2), (0, 1)]
    assert len(tree._warm) == 3
    assert sum(map(len, tree._warm.values())) == 3 * 16_352


def test_a_tree_that_keeps_no_tile_makes_the_same_proofs() -> None:
    tree, _ = grown(LARGEST, warm_tiles=0)
    assert same_proofs(tree, hash_tree(LARGEST), 700, 65_537, LARGEST)


def test_an_edge_holds_at_most_255_hashes_a_level() -> None:
    edge = RightEdge()
    edge.extend(leaf_hashes(65_535))
    assert [[len(nodes) for nodes in level] for level in edge._levels] == [
        [255, 127, 63, 31, 15, 7, 3, 1]
    ] * 2
    edge.extend(leaf_hashes(65_536)[65_535:])
    assert [sum(map(len, level)) for level in edge._levels] == [0, 0, 1]
