"""A set whose members leave at known instants: one bitmap of all, and who leaves by the hour.

Asking at a later hour than before only takes away who left in between, so the present is cheap. An
earlier instant is worked out anew.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap

from consent.columns import SparseColumn, Subjects, bitmap, members
from consent.instants import FOREVER, NEVER

_BUCKET_MS = 3_600_000

Ends = NDArray[np.int64]
"""For each subject the first instant at which it is no member; FOREVER and NEVER are allowed."""


class TimedSet:
    """Members and the first instant at which each is no longer one."""

    __slots__ = ("_all", "_buckets", "_ends", "_gone", "_gone_before")

    def __init__(self) -> None:
        self._all = BitMap()
        self._ends = SparseColumn("<i8", NEVER)
        """Of those who leave; NEVER stands for all others."""
        self._buckets: dict[int, BitMap] = {}
        self._gone = BitMap()
        """Everybody in a bucket before `_gone_before`."""
        self._gone_before = 0

    def __bool__(self) -> bool:
        return bool(self._all)

    def put(self, subjects: Subjects, ends: Ends) -> None:
        """Make each of these distinct subjects a member until its end."""
        who = bitmap(subjects)
        if self._buckets:
            self._take_out(subjects)
        self._all -= who
        self._all |= bitmap(subjects[ends > 0])
        leaving = (ends > 0) & (ends < FOREVER)
        if leaving.any():
            self._put_in(subjects[leaving], ends[leaving])

    def among(self, at_ms: int, who: BitMap) -> BitMap:
        """Return which of `who` are members at an instant."""
        found = self._all & who
        if not found or not self._buckets:
            return found
        hour = at_ms // _BUCKET_MS
        found -= self._left_before(hour)
        edge = self._buckets.get(hour)
        if edge is not None:
            found -= self._left_by(at_ms, edge & found)
        return found

    def ends(self, subjects: Subjects) -> Ends:
        """Return until when each of these is a member: NEVER, an instant, FOREVER."""
        ends: Ends = self._ends.get(subjects)
        inside = np.fromiter((int(s) in self._all for s in subjects), np.bool_, len(subjects))
        return np.where(inside & (ends == NEVER), FOREVER, ends)

    def leaving(self, after_ms: int, until_ms: int) -> BitMap:
        """Return who leaves in the instants after `after_ms` up to and including `until_ms`."""
        hours = range(after_ms // _BUCKET_MS, until_ms // _BUCKET_MS + 1)
        numbers = [n for n in self._buckets if n in hours]
        who = members(BitMap.union(BitMap(), *(self._buckets[n] for n in numbers)))
        ends = self._ends.get(who)
        return bitmap(who[(ends > after_ms) & (ends <= until_ms)])

    def canonical(self) -> bytes:
        """Return the whole content in one encoding."""
        who = members(BitMap.union(BitMap(), *self._buckets.values()))
        pairs = np.rec.fromarrays([who, self._ends.get(who)], dtype=[("s", ">u4"), ("e", ">i8")])
        return canonical_bitmap(self._all) + len(who).to_bytes(8, "big") + pairs.tobytes()

    def __len__(self) -> int:
        return len(self._all)

    def _take_out(self, subjects: Subjects) -> None:
        ends = self._ends.get(subjects)
        had = ends != NEVER
        if not had.any():
            return
        subjects = subjects[had]
        self._ends.put(subjects, NEVER)
        for hour, part in _by_hour(subjects, ends[had]):
            bucket = self._buckets[hour]
            bucket -= bitmap(part)
            if not bucket:
                del self._buckets[hour]
        self._gone -= bitmap(subjects)

    def _put_in(self, subjects: Subjects, ends: Ends) -> None:
        self._ends.put(subjects, ends)
        for hour, part in _by_hour(subjects, ends):
            bucket = self._buckets.setdefault(hour, BitMap())
            bucket |= bitmap(part)
        self._gone |= bitmap(subjects[ends // _BUCKET_MS < self._gone_before])

    def _left_before(self, hour: int) -> BitMap:
        if hour < self._gone_before:
            return BitMap.union(BitMap(), *(b for n, b in self._buckets.items() if n < hour))
        if hour > self._gone_before:
            new = (b for n, b in self._buckets.items() if self._gone_before <= n < hour)
            self._gone = BitMap.union(self._gone, *new)
            self._gone_before = hour
        return self._gone

    def _left_by(self, at_ms: int, edge: BitMap) -> BitMap:
        who = members(edge)
        return bitmap(who[self._ends.get(who) <= at_ms])


def _by_hour(subjects: Subjects, ends: Ends) -> Iterator[tuple[int, Subjects]]:
    """Return each hour in which somebody leaves, and who."""
    hours = ends // _BUCKET_MS
    order = np.argsort(hours, kind="stable")
    subjects, hours = subjects[order], hours[order]
    starts = np.flatnonzero(np.diff(hours, prepend=NEVER))
    yield from zip(hours[starts].tolist(), np.split(subjects, starts[1:]), strict=True)


def canonical_bitmap(of: BitMap) -> bytes:
    """Return the portable roaring serialisation of a set, in the one form that depends on nothing
    else.

    A bitmap may hold the same run of numbers in several kinds of container; this is the form
    without run containers, preceded by its length in 8 bytes.
    """
    data: bytes = BitMap(of.to_array()).serialize()
    return len(data).to_bytes(8, "big") + data
