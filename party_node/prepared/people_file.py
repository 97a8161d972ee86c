"""Who is behind which tag: rows of dense number, a check of the identifier, and the tag.

Kept in shards by dense number, so that a change of few people rewrites few files.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from protocols.psi.join import Tags

SHARD_BITS = 16
CHECK_BYTES = 16
"""Of a digest of an identifier: enough to see that it is another one."""

Rows = NDArray[np.void]
Dense = NDArray[np.uint32]


def row_type(tag_bytes: int) -> np.dtype[np.void]:
    """Return the type of a row: dense number, check, tag."""
    fields = [("dense", "<u4"), ("check", "u1", (CHECK_BYTES,)), ("tag", "u1", (tag_bytes,))]
    kind: np.dtype[np.void] = np.dtype(fields)
    return kind


def read_rows(data: bytes, tag_bytes: int) -> Rows:
    """Return the rows of a shard."""
    return np.frombuffer(data, dtype=row_type(tag_bytes))


def make_rows(dense: Dense, digests: NDArray[np.uint8], tags: Tags) -> Rows:
    """Return rows for these people."""
    rows = np.zeros(len(dense), dtype=row_type(tags.shape[1]))
    rows["dense"], rows["check"], rows["tag"] = dense, digests[:, :CHECK_BYTES], tags
    return rows


def merged(rows: Rows, without: BitMap, added: Rows) -> Rows:
    """Return rows without some people and with others, by rising dense number."""
    kept = rows[~among(rows["dense"], without)]
    both = np.concatenate([kept, added])
    return both[np.argsort(both["dense"], kind="stable")]


def same_identifier(rows: Rows, dense: Dense, digests: NDArray[np.uint8]) -> NDArray[np.bool]:
    """Tell for each of these people whether `rows` have them with this very identifier."""
    if not len(rows):
        return np.zeros(len(dense), dtype=np.bool)
    places = np.minimum(np.searchsorted(rows["dense"], dense), len(rows) - 1)
    here = rows[places]
    same: NDArray[np.bool] = (here["dense"] == dense) & (
        here["check"] == digests[:, :CHECK_BYTES]
    ).all(axis=1)
    return same


def among(dense: Dense, people: BitMap) -> NDArray[np.bool]:
    """Tell for each dense number whether it is one of these people."""
    found: NDArray[np.bool] = np.isin(dense, np.asarray(people.to_array(), dtype=np.uint32))
    return found


def shards_of(people: Iterable[int]) -> list[int]:
    """Return the numbers of the shards that these people are in, rising."""
    return sorted({dense >> SHARD_BITS for dense in people})


def by_shard(dense: Dense) -> Callable[[int], NDArray[np.bool]]:
    """Return what tells which of these people are in a shard."""
    numbers = dense >> np.uint32(SHARD_BITS)
    return lambda number: numbers == number
