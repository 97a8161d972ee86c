"""The bytes of an entry bundle (C2SP tlog-tiles): up to 256 leaves, each after its length.

The length has two bytes, the higher first, so a leaf has at most 65,535. The bundle of a full tile
has exactly 256 leaves, and their hashes are that tile. Hash tiles say nothing about anybody and may
go to an auditor; entry bundles hold the leaves and go only to those who may read entries.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from consent.errors import MalformedRecord
from consent.tiles import TILE_WIDTH, EntryBundle, ReadPath, WrongTile, entry_bundles_of

MAX_ENTRY_BYTES: Final = 0xFFFF
_LENGTH_BYTES = 2


def encode_entries(entries: Sequence[bytes]) -> bytes:
    """Return the entry bundle of these leaves.

    Raises: MalformedRecord if there are none or more than 256, or one is too long.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise MalformedRecord("an entry bundle has from 1 to 256 entries")
    if max(map(len, entries)) > MAX_ENTRY_BYTES:
        raise MalformedRecord("an entry has at most 65535 bytes")
    return b"".join([len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries])


def decode_entries(data: bytes, width: int = TILE_WIDTH) -> list[bytes]:
    """Return the `width` leaves of an entry bundle.

    Raises: MalformedRecord if it does not have exactly that many, and nothing else.
    """
    if not 1 <= width <= TILE_WIDTH:
        raise MalformedRecord("an entry bundle has from 1 to 256 entries")
    entries, end = [], 0
    for _ in range(width):
        start = end + _LENGTH_BYTES
        end = start + int.from_bytes(data[end:start], "big")
        if end > len(data):
            raise MalformedRecord("the entry bundle ends too soon")
        entries.append(data[start:end])
    if end != len(data):
        raise MalformedRecord("the entry bundle has more than its entries")
    return entries


def published_leaves(read: ReadPath, size: int) -> Iterator[bytes]:
    """Yield the first `size` leaves of a log from its entry bundles, one bundle in memory.

    A partial bundle that was deleted when it became full is read from the full one.
    Raises: WrongTile, naming the first bundle that is missing or cannot be read; MalformedRecord if
    a log cannot have that size. Whether they are the log's is for `leaf_stream.verify_leaves`.
    """
    for bundle in entry_bundles_of(size):
        yield from _published(read, bundle)


def _published(read: ReadPath, bundle: EntryBundle) -> list[bytes]:
    full = EntryBundle(bundle.number)
    for published in dict.fromkeys((bundle, full)):
        data = read(published.path)
        if data is None:
            continue
        try:
            return decode_entries(data, published.width)[: bundle.width]
        except MalformedRecord as e:
            raise WrongTile(published, str(e)) from e
    raise WrongTile(bundle, "it is missing")
