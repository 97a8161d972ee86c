"""A run's items with others mixed in at secret positions: dummies, and strangers that nobody has.

The items come in a secret, uniformly random order already (`Items`). The others take uniformly
random positions among them, drawn once and kept as one chunk, so that any chunk of the mixed list
can be read by itself, again after a crash too, and says nothing about which is which.
"""

import numpy as np
from numpy.typing import NDArray

from protocols import groups, shuffle
from protocols.errors import LocalError
from protocols.groups import Points
from protocols.psi import chunks
from protocols.session import Fetch, Items

OTHERS = "others"
"""The chunk: for each of the others its position (4 bytes, little-endian), ascending, and its
digest (32 bytes). Secret."""

_ROW = np.dtype([("position", "<u4"), ("digest", "u1", (32,))])


def place(count: int, others: list[bytes], seed: bytes) -> bytes:
    """Return the chunk `others` for `count` items; `seed` is 32 fresh random bytes."""
    rows = np.zeros(len(others), dtype=_ROW)
    rows["position"] = shuffle.permutation(seed, count + len(others))[: len(others)]
    rows["digest"] = groups.points_from_bytes(b"".join(others))
    return np.sort(rows, order="position").tobytes()


def read(fetch: Fetch, items: Items, index: int) -> Points:
    """Return the digests of chunk `index` of the mixed list, shape (n, 32).

    Raises: LocalError if the input or the chunk of the others does not fit.
    """
    others = _others(fetch)
    start = index * items.chunk_items
    size = chunks.chunk_length(items.count + len(others), items.chunk_items, index)
    first, last = np.searchsorted(others["position"], [start, start + size])
    here = others[first:last]
    mixed = np.empty((size, 32), dtype=np.uint8)
    is_own = np.ones(size, dtype=np.bool)
    is_own[here["position"] - start] = False
    mixed[~is_own] = here["digest"]
    mixed[is_own] = _own(fetch, items, start - int(first), size - len(here))
    return mixed


def own_positions(fetch: Fetch, items: Items) -> NDArray[np.intp]:
    """Return where each of the run's own items stands in the mixed list, in the items' order."""
    others = _others(fetch)
    is_own = np.ones(items.count + len(others), dtype=np.bool)
    is_own[others["position"]] = False
    return np.flatnonzero(is_own)


def _others(fetch: Fetch) -> "np.ndarray[tuple[int], np.dtype[np.void]]":
    data = fetch(OTHERS)
    if len(data) % _ROW.itemsize:
        raise LocalError("a kept chunk has the wrong length")
    return np.frombuffer(data, dtype=_ROW)


def _own(fetch: Fetch, items: Items, start: int, size: int) -> Points:
    """Return `size` own digests from position `start` on: of one chunk of the input, or of two."""
    if size == 0:
        return np.empty((0, 32), dtype=np.uint8)
    first, last = start // items.chunk_items, (start + size - 1) // items.chunk_items
    rows = np.concatenate([chunks.read_own(fetch, items, i) for i in range(first, last + 1)])
    offset = start - first * items.chunk_items
    return rows[offset : offset + size]
