"""Tiles, paths and entry bundles from an attacker: read or refused, and nothing else."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.entry_bundle import decode_entries, encode_entries, published_leaves
from consent.errors import ConsentError, LedgerInconsistent, MalformedRecord
from consent.leaf_stream import verify_leaves
from consent.merkle import EMPTY_ROOT
from consent.right_edge import RightEdge
from consent.tile_audit import open_tiles, prove_inclusion, verify_tiles
from consent.tile_nodes import expanded, hashes_in, tile_root
from consent.tiled_tree import TiledTree, edges_from_tiles
from consent.tiles import MAX_SIZE, parse_path
from tests.support.depth import examples
from tests.support.tile_store import hash_tree, leaf, published, published_entries

SIZE = 600
ROOT = hash_tree(SIZE).root()
FILES = published(SIZE) | published_entries(SIZE)

sizes = st.sampled_from([SIZE, 0]) | st.integers(-2, 1200) | st.integers(-(2**70), 2**70)
roots = st.sampled_from([ROOT, EMPTY_ROOT, bytes(32), b""])
pieces = st.sampled_from(
    [
        *("tile", "0", "1", "63", "64", "entries", "000", "001", "x001", "x000", "x", ".p"),
        *("000.p", "8", "08", "256", "-1", "..", "", "\n", "٣", "ä", "\x00", "\ud800"),
    ]
)
paths = st.lists(pieces, max_size=9).map("/".join) | st.text(max_size=40)


@st.composite
def spoiled_files(draw: st.DrawFn) -> dict[str, bytes]:
    """What the log published, with some files gone, exchanged, cut, longer or changed."""
    files = dict(FILES)
    names = st.sampled_from(sorted(FILES))
    for _ in range(draw(st.integers(0, 3))):
        name = draw(names)
        data = files.get(name, b"")
        match draw(st.sampled_from(["drop", "swap", "cut", "grow", "change", "any"])):
            case "drop":
                files.pop(name, None)
            case "swap":
                files[name] = FILES[draw(names)]
            case "cut":
                files[name] = data[: draw(st.integers(0, len(data)))]
            case "grow":
                files[name] = data + draw(st.binary(min_size=1, max_size=64))
            case "change" if data:
                at = draw(st.integers(0, len(data) - 1))
                files[name] = data[:at] + draw(st.binary(min_size=1, max_size=1)) + data[at + 1 :]
            case _:
                files[name] = draw(st.binary(max_size=100))
    return files


def refusal(ask: Callable[[], Any]) -> str | None:
    """Return the code of a refusal, or None; any other error passes through."""
    try:
        ask()
    except ConsentError as refused:
        return refused.code
    return None


@settings(max_examples=examples(75))
@given(paths)
def test_a_path_is_read_or_refused(path: str) -> None:
    try:
        address = parse_path(path)
    except MalformedRecord:
        return
    assert address.path == path
    assert re.fullmatch("[a-z0-9/.]+", path)


@settings(max_examples=examples(75))
@given(
    st.binary(max_size=80) | st.sampled_from([p for k, p in FILES.items() if "entries" in k]),
    st.integers(-1, 300),
)
def test_an_entry_bundle_is_read_or_refused_and_has_one_encoding(data: bytes, width: int) -> None:
    try:
        entries = decode_entries(data, width)
    except MalformedRecord:
        return
    assert len(entries) == width
    assert encode_entries(entries) == data


@given(st.binary(max_size=70) | st.integers(0, 300).map(lambda n: bytes(32 * n)))
def test_the_bytes_of_a_tile_are_read_or_refused(data: bytes) -> None:
    whole = 0 < len(data) <= 8192 and len(data) % 32 == 0
    assert refusal(lambda: hashes_in(data)) == (None if whole else "ledger-inconsistent")
    for of_full in (expanded, tile_root):
        code = refusal(lambda f=of_full: f(data))
        assert code == (None if len(data) == 8192 else "ledger-inconsistent")


@settings(max_examples=examples(20))
@given(spoiled_files(), sizes, roots, st.integers(-1, 1200))
def test_published_files_are_accepted_only_if_they_are_those_of_the_checkpoint(
    files: dict[str, bytes], size: int, root: bytes, index: int
) -> None:
    sound = (size, root) == (SIZE, ROOT) or (size, root) == (0, EMPTY_ROOT)
    tiles = {p: d for p, d in files.items() if "entries" not in p}
    if not sound:
        assert refusal(lambda: verify_tiles(files.get, size, root)) is not None
        assert refusal(lambda: open_tiles(files.get, size, root)) is not None
        assert refusal(lambda: prove_inclusion(files.get, index, size, root)) is not None
    if size == SIZE and root == ROOT and tiles == published(SIZE):
        assert verify_tiles(files.get, size, root) == len(tiles)
    refusal(lambda: list(published_leaves(files.get, size)))
    leaves = [leaf(i) for i in range(SIZE)]
    code = refusal(lambda: verify_leaves(published_leaves(files.get, size), size, root))
    assert code is not None or list(published_leaves(files.get, size)) == leaves[:size]


@settings(max_examples=examples(20))
@given(spoiled_files())
def test_spoiled_files_are_refused_and_sound_ones_are_not(files: dict[str, bytes]) -> None:
    tiles, entries = (
        {p: files.get(p) == d for p, d in FILES.items() if ("entries" in p) == of_entries}
        for of_entries in (False, True)
    )
    code = refusal(lambda: verify_tiles(files.get, SIZE, ROOT))
    assert code == (None if all(tiles.values()) else "ledger-inconsistent")
    code = refusal(lambda: verify_leaves(published_leaves(files.get, SIZE), SIZE, ROOT))
    assert code == (None if all(entries.values()) else "ledger-inconsistent")


edges = st.dictionaries(
    st.integers(-1, 9), st.binary(max_size=65) | st.integers(0, 260).map(lambda n: bytes(32 * n))
)


@settings(max_examples=examples(50))
@given(sizes, edges, st.none() | roots, st.binary(max_size=40) | st.just(bytes(8192)))
def test_a_stored_edge_is_taken_up_or_refused(
    size: int, stored: dict[int, bytes], root: bytes | None, tile: bytes
) -> None:
    refusal(lambda: RightEdge.restore(size, stored))
    refusal(lambda: edges_from_tiles(size, stored.get(0, b""), lambda *_: tile))
    code = refusal(lambda: TiledTree.resume(size, stored, lambda *_: tile, root=root))
    assert code in (None, "ledger-inconsistent")


@pytest.mark.parametrize("size", [2**62, MAX_SIZE])
def test_a_huge_size_costs_nothing(size: int) -> None:
    read: list[str] = []

    def nothing(path: str) -> None:
        read.append(path)

    for ask in (
        lambda: verify_tiles(nothing, size, ROOT),
        lambda: open_tiles(nothing, size, ROOT),
        lambda: list(published_leaves(nothing, size)),
        lambda: verify_leaves([], size, ROOT),
    ):
        with pytest.raises(LedgerInconsistent):
            ask()
    assert len(read) <= 6
