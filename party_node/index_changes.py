"""Who has an identifier in a new index that they had not in the one before.

To whoever compares two lists they stand out as much as somebody who has just come: so they count as
come (`repeats.py`). Compared is what can be matched: a value that nobody shares any more is new.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyroaring import BitMap

from party_node.dataset_index import DENSE
from party_node.identity import NOBODY
from party_node.matchable import Matchable, matchable
from protocols.identifiers import KINDS

_SPREAD = np.uint64(0x9E37_79B9_7F4A_7C15)
"""2^64 over the golden ratio: keeps apart the same value at two people."""


def newly_identified(before: pa.Table, after: pa.Table) -> BitMap:
    """Return everybody with an identifier in `after` that is not theirs in `before`."""
    come = BitMap()
    for kind in (kind for kind in KINDS if kind in after.column_names):
        has = _of(after, kind)
        new = ~np.isin(_keys(has), _keys(_of(before, kind)))
        come |= BitMap(has.people[new])
    return come


def _of(index: pa.Table, kind: str) -> Matchable:
    return matchable(index, [kind], index[DENSE].to_numpy() != NOBODY)


def _keys(held: Matchable) -> NDArray[np.uint64]:
    """Return a number for each identifier of each person: 64 bits of its SHA-256, and whose."""
    words = np.ascontiguousarray(held.digests[:, :8]).view("<u8").ravel()
    keys: NDArray[np.uint64] = words ^ (held.people.astype(np.uint64) * _SPREAD)
    return keys
