"""Numbers by subject number, for many subjects at once: columns that may have holes.

Pages of one block of memory, allocated where somebody is; reading and writing many values is a few
array operations, whoever they belong to. No object stands for a single person.
"""

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

Subjects = NDArray[np.uint32]
"""Subject numbers, shape (n,); where it is said, distinct and rising."""

_BITS = 12
_PAGE = 1 << _BITS
_MASK = _PAGE - 1


class SparseColumn:
    """One number for each subject; `absent` where nothing was put."""

    __slots__ = ("_absent", "_pages", "_place", "_used")

    def __init__(self, dtype: str, absent: int) -> None:
        self._absent = absent
        self._pages = np.full((1, _PAGE), absent, dtype=dtype)
        """Page 0 is never written: it stands for every page that does not exist."""
        self._place = np.zeros(1, dtype=np.int32)
        self._used = 1

    def get(self, subjects: Subjects) -> NDArray[Any]:
        """Return the numbers of these subjects, shape (n,)."""
        page = subjects >> np.uint32(_BITS)
        known = page < len(self._place)
        place = self._place[np.where(known, page, 0)]
        found: NDArray[Any] = self._pages[np.where(known, place, 0), subjects & np.uint32(_MASK)]
        return found

    def put(self, subjects: Subjects, numbers: Any) -> None:
        """Set the numbers of these distinct subjects; `numbers` is one for all, or one for each."""
        if len(subjects) == 0:
            return
        page = subjects >> np.uint32(_BITS)
        self._reserve(np.unique(page))
        self._pages[self._place[page], subjects & np.uint32(_MASK)] = numbers

    def one(self, subject: int) -> int:
        """Return the number of one subject."""
        page = subject >> _BITS
        place = int(self._place[page]) if page < len(self._place) else 0
        return int(self._pages[place, subject & _MASK])

    def members(self) -> Subjects:
        """Return who has a number, in rising order."""
        pages = np.flatnonzero(self._place)
        rows, offsets = np.nonzero(self._pages[self._place[pages]] != self._absent)
        return (pages[rows].astype(np.uint32) << np.uint32(_BITS)) + offsets.astype(np.uint32)

    def _reserve(self, pages: NDArray[np.uint32]) -> None:
        """Make every one of these pages exist."""
        last = int(pages[-1])
        if last >= len(self._place):
            grown = np.zeros(max(last + 1, 2 * len(self._place)), dtype=np.int32)
            grown[: len(self._place)] = self._place
            self._place = grown
        fresh = pages[self._place[pages] == 0]
        if len(fresh) == 0:
            return
        needed = self._used + len(fresh)
        if needed > len(self._pages):
            more = np.full(
                (max(needed, len(self._pages) + len(self._pages) // 2), _PAGE),
                self._absent,
                dtype=self._pages.dtype,
            )
            more[: self._used] = self._pages[: self._used]
            self._pages = more
        self._place[fresh] = np.arange(self._used, needed, dtype=np.int32)
        self._used = needed


def bitmap(subjects: NDArray[Any]) -> BitMap:
    """Return a set of subject numbers as a bitmap; fast for arrays, unlike `BitMap(array)`."""
    return BitMap(array("I", np.ascontiguousarray(subjects, dtype=np.uint32).tobytes()))


def members(of: BitMap) -> Subjects:
    """Return the members of a bitmap as an array, rising."""
    return np.frombuffer(of.to_array(), dtype=np.uint32)
