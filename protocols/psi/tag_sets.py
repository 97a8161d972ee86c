"""Sets of tags that are kept: their one order, buckets by prefix, checksum, differences.

A set is written in rising byte order, so that no position tells when an element came or whose it
is. It is cut into 2^bits *buckets* by the first bits of a tag; tags are uniform, so buckets are
about equally large, and a change touches only the buckets that it falls into.

Set operations see a tag as one string of bytes (numpy's `S`): among strings of one length its order
is byte order, and no two of them are equal.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.errors import InvalidParameter, LocalError, MalformedMessage
from protocols.psi.join import Tags, tags_from_bytes

Strings = NDArray[np.bytes_]

MAX_BITS = 16
_DIGEST_LABEL = b"accord/prepared-set/1\x00"
_MODULUS = 2**128


@dataclass(frozen=True, slots=True)
class Checksum(Record):
    """Number and sum of the tags of a set: follows additions and removals without the rest.

    It finds mistakes (lost, repeated or damaged tags), not a sender that wants to lie: that one can
    send any set from the start.
    """

    KIND: ClassVar[str] = "tag-checksum/1"
    count: int
    sum: bytes
    """16 bytes: the sum modulo 2^128 of all tags as numbers, little-endian."""

    def __post_init__(self) -> None:
        if len(self.sum) != 16 or not 0 <= self.count < 2**63:
            raise InvalidParameter("a checksum has 16 bytes and counts no less than nothing")

    def plus(self, added: Tags) -> "Checksum":
        """Return the checksum of the set with these too."""
        return self._moved(len(added), tag_sum(added))

    def minus(self, removed: Tags) -> "Checksum":
        """Return the checksum of the set without these."""
        return self._moved(-len(removed), -tag_sum(removed))

    def digest(self, epoch_ctx: bytes, number: int) -> bytes:
        """Return what both sides compare: 32 bytes for version `number` in this epoch."""
        parts = (epoch_ctx, number.to_bytes(8, "big"), self.count.to_bytes(8, "big"), self.sum)
        return hashlib.sha256(_DIGEST_LABEL + b"".join(parts)).digest()

    def _moved(self, count: int, total: int) -> "Checksum":
        moved = (int.from_bytes(self.sum, "little") + total) % _MODULUS
        return Checksum(self.count + count, moved.to_bytes(16, "little"))


EMPTY = Checksum(0, bytes(16))


def tag_sum(tags: Tags) -> int:
    """Return the sum of all tags as little-endian numbers."""
    columns = tags.sum(axis=0, dtype=np.uint64).tolist()
    return sum(column << (8 * place) for place, column in enumerate(columns))


def strings(tags: Tags) -> Strings:
    """Return tags as strings, for numpy's set operations."""
    rows = np.ascontiguousarray(tags)
    if not len(rows):
        return np.zeros(0, dtype=f"S{tags.shape[1]}")
    return rows.view(f"S{tags.shape[1]}").reshape(-1)


def rows(found: Strings) -> Tags:
    """Return strings as tags: the other way round."""
    plain: Any = np.ascontiguousarray(found)
    if not len(plain):
        return np.zeros((0, found.dtype.itemsize), dtype=np.uint8)
    tags: Tags = plain.view(np.uint8).reshape(-1, found.dtype.itemsize)
    return tags


def in_order(tags: Tags) -> Tags:
    """Return the same tags in byte order."""
    first = np.ascontiguousarray(tags[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
    ordered = tags[np.argsort(first)]
    words = np.ascontiguousarray(ordered[:, :8]).view("<u8").reshape(-1)
    if bool((words[1:] == words[:-1]).any()):  # the rest of the bytes decides: once in a great many
        return rows(np.sort(strings(tags)))
    return ordered


def check_order(tags: Tags) -> None:
    """Return if tags rise strictly, so that none is there twice. Raises: MalformedMessage."""
    found = strings(tags)
    if not bool((found[1:] > found[:-1]).all()):
        raise MalformedMessage("tags are not in their order, or one is there twice")


def bits_for(count: int, bucket_tags: int) -> int:
    """Return the bits that cut `count` tags into buckets of `bucket_tags` or fewer on average."""
    return min(MAX_BITS, max(0, -(-count // bucket_tags) - 1).bit_length())


def largest_bucket(bucket_tags: int) -> int:
    """Return how many tags a bucket may have at most: uniform tags never come near it."""
    return 2 * bucket_tags + 4096


def bucket_of(tags: Tags, bits: int) -> NDArray[np.uint16]:
    """Return the bucket of each tag: its first `bits` bits."""
    first = tags[:, 0].astype(np.uint32) << np.uint32(8) | tags[:, 1]
    return (first >> np.uint32(MAX_BITS - bits)).astype(np.uint16)


def cut(ordered: Tags, bits: int) -> list[Tags]:
    """Cut tags, which are in order, into all 2^bits buckets; some may be empty."""
    buckets = bucket_of(ordered, bits)
    edges = np.searchsorted(buckets, np.arange(1, 1 << bits, dtype=np.uint32))
    return list(np.split(ordered, edges))


def changed(bucket: Tags, removed: Tags, added: Tags) -> Tags:
    """Return a bucket without some of its tags and with others, all in order.

    Raises: MalformedMessage if one to remove is not there, or one to add is there already.
    """
    if not bool(contained(removed, bucket).all()):
        raise MalformedMessage("a tag is to be removed that is not in the set")
    kept = np.delete(strings(bucket), np.searchsorted(strings(bucket), strings(removed)))
    if bool(contained(added, rows(kept)).any()):
        raise MalformedMessage("a tag is to be added that is in the set")
    return rows(np.insert(kept, np.searchsorted(kept, strings(added)), strings(added)))


def contained(needles: Tags, ordered: Tags) -> NDArray[np.bool]:
    """Tell for each of `needles` whether it is among tags that are in order."""
    if not len(ordered) or not len(needles):
        return np.zeros(len(needles), dtype=np.bool)
    kept, wanted = strings(ordered), strings(needles)
    places = np.minimum(np.searchsorted(kept, wanted), len(kept) - 1)
    found: NDArray[np.bool] = kept[places] == wanted
    return found


def read_tags(data: bytes, tag_bytes: int) -> Tags:
    """Return kept tags. Raises: LocalError if these are no whole tags."""
    if len(data) % tag_bytes:
        raise LocalError("a kept chunk has the wrong length")
    return tags_from_bytes(data, tag_bytes)
