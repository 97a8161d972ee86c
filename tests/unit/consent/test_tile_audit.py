"""An auditor with nothing but published hash tiles and a checkpoint."""

import pytest

from consent.errors import ConsentError, LedgerInconsistent, MalformedRecord
from consent.merkle import EMPTY_ROOT, verify_consistency, verify_inclusion
from consent.tile_audit import open_tiles, prove_inclusion, verify_tiles
from consent.tiles import MAX_SIZE, WrongTile, parse_path, tiles_of
from tests.support.tile_store import hash_tree, leaf_hashes, published

LARGEST = 70_000
SIZES = [1, 255, 256, 257, 1000, 65_535, 65_536, 65_537, LARGEST]
SMALL = 1000
FILES, ROOT = published(SMALL), hash_tree(LARGEST).root(SMALL)


def with_flipped_bit(files: dict[str, bytes], path: str, bit: int) -> dict[str, bytes]:
    changed = bytearray(files[path])
    changed[bit // 8] ^= 1 << bit % 8
    return files | {path: bytes(changed)}


@pytest.mark.parametrize("size", SIZES)
def test_the_tiles_of_a_tree_are_accepted_and_each_is_read_once(size: int) -> None:
    files, read = published(size), []

    def reading(path: str) -> bytes | None:
        read.append(path)
        return files.get(path)

    assert verify_tiles(reading, size, hash_tree(LARGEST).root(size)) == len(files)
    assert sorted(read) == sorted(files)


def test_the_empty_tree_has_nothing_to_read() -> None:
    assert verify_tiles({}.get, 0, EMPTY_ROOT) == 0
    for check in (verify_tiles, open_tiles):
        with pytest.raises(LedgerInconsistent):
            check({}.get, 0, ROOT)


def test_a_flipped_bit_in_any_tile_is_found_and_the_tile_is_named() -> None:
    for path, data in FILES.items():
        for bit in (0, len(data) * 3, len(data) * 8 - 1):
            with pytest.raises(WrongTile) as refused:
                verify_tiles(with_flipped_bit(FILES, path, bit).get, SMALL, ROOT)
            assert refused.value.tile == parse_path(path)
            assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize("size", [65_536, 65_537, LARGEST])
def test_a_flipped_bit_in_a_large_tree_is_found_at_every_level(size: int) -> None:
    files, root = published(size), hash_tree(LARGEST).root(size)
    for tile in list(tiles_of(size))[::-20]:
        with pytest.raises(WrongTile) as refused:
            verify_tiles(with_flipped_bit(files, tile.path, 99).get, size, root)
        assert refused.value.tile == tile


def test_a_tile_that_is_missing_cut_or_too_long_is_named() -> None:
    for path, data in FILES.items():
        for spoiled in ({}, {path: data[:-1]}, {path: data[:-32]}, {path: data + data[:32]}):
            files = {p: d for p, d in FILES.items() if p != path} | spoiled
            with pytest.raises(WrongTile) as refused:
                verify_tiles(files.get, SMALL, ROOT)
            assert refused.value.tile == parse_path(path)


def test_two_tiles_that_were_exchanged_are_found() -> None:
    files = FILES | {"tile/0/000": FILES["tile/0/001"], "tile/0/001": FILES["tile/0/000"]}
    with pytest.raises(WrongTile, match="tile/0/000"):
        verify_tiles(files.get, SMALL, ROOT)


def test_tiles_of_another_tree_that_fit_each_other_are_refused() -> None:
    other = hash_tree(LARGEST).root(999)
    with pytest.raises(LedgerInconsistent):
        verify_tiles(FILES.get, SMALL, other)
    with pytest.raises(LedgerInconsistent, match="another tree"):
        verify_tiles(published(512).get, 512, other)


def test_a_partial_tile_and_one_beneath_it_that_are_both_wrong_are_refused() -> None:
    files = with_flipped_bit(FILES, "tile/1/000.p/3", 5)
    files = with_flipped_bit(files, "tile/0/002", 77)
    with pytest.raises(WrongTile, match=r"tile/1/000\.p/3"):
        verify_tiles(files.get, SMALL, ROOT)


@pytest.mark.parametrize(
    ("spoiled", "named"),
    [
        # The level above fits its root, so the changed edge beside a changed tile is told apart.
        (("tile/1/001.p/17", "tile/1/000"), "tile/1/001.p/17"),
        (("tile/2/000.p/1", "tile/0/256"), "tile/2/000.p/1"),
        # Here no single tile explains it: the highest that does not fit is named.
        (("tile/1/001.p/17", "tile/2/000.p/1"), "tile/2/000.p/1"),
    ],
)
def test_of_two_wrong_tiles_the_one_that_keeps_the_root_away_is_named(
    spoiled: tuple[str, str], named: str
) -> None:
    files = published(LARGEST)
    for path in spoiled:
        files = with_flipped_bit(files, path, 40)
    with pytest.raises(WrongTile) as refused:
        verify_tiles(files.get, LARGEST, hash_tree(LARGEST).root(LARGEST))
    assert refused.value.tile == parse_path(named)


def test_partial_tiles_that_were_deleted_are_read_from_the_full_ones() -> None:
    later = {path: data for path, data in published(LARGEST).items() if ".p/" not in path}
    later |= {p: d for p, d in FILES.items() if p.startswith("tile/1/")}
    assert "tile/0/003.p/232" not in later
    assert verify_tiles(later.get, SMALL, ROOT) == len(FILES)
    assert prove_inclusion(later.get, 999, SMALL, ROOT) == hash_tree(LARGEST).inclusion_proof(
        999, SMALL
    )


def test_proofs_are_made_from_tiles_alone() -> None:
    files, root = published(LARGEST), hash_tree(LARGEST).root(LARGEST)
    tree = open_tiles(files.get, LARGEST, root)
    for index in (0, 255, 256, 65_535, 65_536, LARGEST - 1):
        proof = prove_inclusion(files.get, index, LARGEST, root)
        verify_inclusion(leaf_hashes(LARGEST)[index], index, LARGEST, proof, root)
        assert tree.inclusion_proof(index, LARGEST) == proof
        old = index + 1
        consistent = tree.consistency_proof(old, LARGEST)
        verify_consistency(old, LARGEST, consistent, hash_tree(LARGEST).root(old), root)


def test_no_proof_is_made_from_a_wrong_tile_or_for_a_leaf_that_is_not_there() -> None:
    for path in ("tile/0/001", "tile/1/000.p/3", "tile/0/003.p/232"):
        with pytest.raises(WrongTile, match=path):
            prove_inclusion(with_flipped_bit(FILES, path, 3).get, 300, SMALL, ROOT)
    for index in (-1, SMALL):
        with pytest.raises(LedgerInconsistent):
            prove_inclusion(FILES.get, index, SMALL, ROOT)


def test_a_checkpoint_of_a_size_that_was_never_published_ends_at_once() -> None:
    for size in (SMALL + 1, MAX_SIZE):
        with pytest.raises(WrongTile, match="missing"):
            verify_tiles(FILES.get, size, ROOT)
    for size in (-1, MAX_SIZE + 1):
        with pytest.raises(MalformedRecord):
            verify_tiles(FILES.get, size, ROOT)
        with pytest.raises(ConsentError):
            prove_inclusion(FILES.get, 0, size, ROOT)
