"""Each person's own chain of entries, followed in a few bytes a person."""

import numpy as np

from consent.columns import SparseColumn
from consent.statements import SubjectEntry

_UNKNOWN = -1
"""In place of a hash: the entry before could not be read, so nobody can say how it goes on."""


class Chains:
    """How far each person's chain is: the number of entries, and how the last one's hash begins."""

    def __init__(self) -> None:
        self._count, self._last = SparseColumn("<i4", 0), SparseColumn("<i8", 0)

    def continues(self, subject: int, record: SubjectEntry, leaf_hash: bytes) -> bool:
        """Return whether the record is the next of its person's chain, and go on from it."""
        one = np.array([subject], dtype=np.uint32)
        count, last = int(self._count.get(one)[0]), int(self._last.get(one)[0])
        number = record.subject_seq or 0
        previous = 0 if record.previous is None else _begin(record.previous)
        self._count.put(one, number)
        self._last.put(one, _begin(leaf_hash))
        return number == count + 1 and last in (previous, _UNKNOWN)

    def skip(self, subject: int) -> None:
        """Count an entry of the person that cannot be read."""
        one = np.array([subject], dtype=np.uint32)
        self._count.put(one, int(self._count.get(one)[0]) + 1)
        self._last.put(one, _UNKNOWN)


def _begin(leaf_hash: bytes) -> int:
    """Return 63 bits of a hash, which leaves `_UNKNOWN` free."""
    return int.from_bytes(leaf_hash[:8], "big") >> 1
