"""Entry bundles: one byte string for each, and what is refused."""

import pytest

from consent.entry_bundle import decode_entries, encode_entries, published_leaves
from consent.errors import MalformedRecord
from consent.tiles import EntryBundle, WrongTile
from tests.support.tile_store import leaf, published_entries


def test_each_entry_stands_after_its_length() -> None:
    assert encode_entries([b"a", b"", b"bcd"]) == bytes.fromhex("000161 0000 0003626364")
    assert decode_entries(bytes.fromhex("000161 0000 0003626364"), 3) == [b"a", b"", b"bcd"]


def test_the_longest_entries_and_a_full_bundle() -> None:
    longest = b"\xff" * 65_535
    assert decode_entries(encode_entries([longest, b"x"]), 2) == [longest, b"x"]
    full = [bytes([i]) for i in range(256)]
    assert decode_entries(encode_entries(full)) == full


@pytest.mark.parametrize("entries", [[], [b""] * 257, [b"x" * 65_536]])
def test_what_is_no_bundle_is_not_written(entries: list[bytes]) -> None:
    with pytest.raises(MalformedRecord):
        encode_entries(entries)


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"", 1),
        (b"\x00", 1),
        (b"\x00\x01", 1),
        (b"\x00\x02a", 1),
        (b"\xff\xff" + b"x" * 65_534, 1),
        (b"\x00\x01a\x00", 1),
        (b"\x00\x01a\x00\x00", 1),
        (b"\x00\x01a", 2),
        (b"\x00\x01a\x00", 2),
        (b"\x00\x01a", 0),
        (b"\x00\x01a", -1),
        (b"\x00\x00" * 257, 257),
        (b"\x00\x00" * 255, 256),
        (b"\x00\x00" * 257, 256),
    ],
)
def test_a_bundle_that_is_cut_or_has_more_or_fewer_entries_is_refused(
    data: bytes, width: int
) -> None:
    with pytest.raises(MalformedRecord):
        decode_entries(data, width)


def test_the_leaves_of_a_published_log_come_in_order() -> None:
    files = published_entries(600)
    assert list(published_leaves(files.get, 600)) == [leaf(i) for i in range(600)]
    assert list(published_leaves({}.get, 0)) == []


def test_a_partial_bundle_that_is_gone_is_read_from_the_full_one() -> None:
    files = published_entries(768)
    assert list(published_leaves(files.get, 600)) == [leaf(i) for i in range(600)]


@pytest.mark.parametrize(
    ("size", "path"), [(600, "tile/entries/001"), (600, "tile/entries/002.p/88")]
)
def test_a_bundle_that_is_missing_or_cut_is_named(size: int, path: str) -> None:
    files = published_entries(size)
    whole = files.pop(path)
    for spoiled in ({}, {path: whole[:-1]}, {path: whole + b"\x00\x00"}, {path: b""}):
        with pytest.raises(WrongTile, match=path) as refused:
            list(published_leaves((files | spoiled).get, size))
        assert isinstance(refused.value.tile, EntryBundle)
        assert refused.value.tile.path == path
