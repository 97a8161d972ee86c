"""What both halves of `psi-ot` do alike: items into buckets and bins, names, tweaks, tags."""

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.groups import has_duplicates
from protocols.ot.aes import Blocks, Permutation, Words, derive_key
from protocols.ot.code import hash_key, robust_hash
from protocols.ot.matrix import Rows
from protocols.psi import buckets, chunks, cuckoo
from protocols.psi.columns import Layout
from protocols.psi.join import Tags
from protocols.psi.ot_records import Session
from protocols.session import Fetch

_FOR_LABELS = np.uint64(2**63)
"""Set in the tweak where the second output of the pseudorandom function is meant."""

_ITEMS = Layout(("<u8", 2), ("<u4", 1))
"""Block of the item, its position in the input."""


def items_by_bucket(session: Session, room: int, fetch: Fetch) -> dict[str, bytes]:
    """Return a chunk for each bucket with the blocks and positions of this side's items in it.

    Raises: HashingFailed if one has more than `room`.
    """
    items = session.run.items
    blocks = np.empty((items.count, 2), dtype=np.uint64)
    for i in range(items.chunk_count()):
        part = slice(i * items.chunk_items, (i + 1) * items.chunk_items)
        blocks[part] = buckets.blocks_of(session.session, chunks.read_own(fetch, items, i))
    split = buckets.split(blocks, session.plan().buckets, room)
    return {
        chunks.kept("items", bucket): _ITEMS.pack(blocks.take(at, axis=0), at)
        for bucket, at in enumerate(split)
    }


def items_from(chunk: bytes) -> tuple[Blocks, NDArray[np.uint32]]:
    """Return blocks and positions of a bucket's items.

    Raises: LocalError if one is there twice.
    """
    blocks, positions = _ITEMS.unpack(chunk)
    if has_duplicates(blocks):
        raise LocalError("the input has an item twice")
    return blocks, positions


def positions_from(chunk: bytes) -> NDArray[np.uint32]:
    """Return the positions of a bucket's items."""
    positions: NDArray[np.uint32] = _ITEMS.unpack(chunk)[1]
    return positions


def bins_for(session: Session, bucket: int, salt: bytes, blocks: Blocks) -> cuckoo.Bins:
    """Return the three bins of each item of a bucket."""
    permutation = Permutation(derive_key(session.session, "bins", bucket, salt=salt))
    return cuckoo.bins_of(permutation(blocks), session.plan().bins)


def named(what: str, bucket: int) -> str:
    """Return the name of a kind of chunk, another for a bucket than for the one before it."""
    return f"{what}-{'odd' if bucket % 2 else 'even'}"


def nonce_of(bucket: int, index: int) -> bytes:
    """Return the first counter block of the columns of a message."""
    return bucket.to_bytes(4, "big") + index.to_bytes(4, "big") + bytes(8)


def tweaks_of(rows: NDArray[np.integer], hashes: NDArray[np.uint8]) -> Words:
    """Return 4 · row of the bucket + number of the hash."""
    tweaks = rows.astype(np.uint64)
    tweaks <<= np.uint64(2)
    tweaks |= hashes
    return tweaks


class Hashes:
    """The hash of rows of one bucket in a session, cut to what the parameters say."""

    def __init__(self, session: Session, bucket: int) -> None:
        self._session, self._bucket, self._params = session.session, bucket, session.run.params

    def values(self, first: int, key_row: int, rows: Rows, tweaks: Words) -> Tags:
        """Return the tag of each row, and beside it the pad for its label.

        The rows are of one key, that of row `key_row` of the message that begins with row `first`.
        """
        params = self._params
        key = hash_key(self._session, self._bucket, first + key_row)
        tags = _cut(robust_hash(key, rows, tweaks), params.tag_bytes)
        if params.label_bytes == 0:
            return tags
        pads = _cut(robust_hash(key, rows, tweaks | _FOR_LABELS), params.label_bytes)
        return np.concatenate([tags, pads], axis=1)


def _cut(values: Blocks, size: int) -> Tags:
    """Return the first bytes of each value."""
    return values.view(np.uint8).reshape(-1, 16)[:, :size]
