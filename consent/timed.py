"""A set whose members leave at known instants: roaring bitmaps in buckets of one hour."""

import hashlib

from pyroaring import BitMap

from consent.number_column import ABSENT, NumberColumn

FOREVER = 2**62
NEVER = -1
_BUCKET_MS = 3_600_000


class TimedSet:
    """Members and the first instant at which each is no longer one."""

    __slots__ = ("_buckets", "_ends", "_forever")

    def __init__(self) -> None:
        self._forever = BitMap()
        self._ends = NumberColumn()
        self._buckets: dict[int, BitMap] = {}

    def __bool__(self) -> bool:
        return bool(self._forever) or bool(self._buckets)

    def put(self, member: int, end_ms: int) -> None:
        """Make `member` one until `end_ms`; `FOREVER` and `NEVER` are allowed."""
        old = self._ends.get(member) if self._buckets else ABSENT
        if old != ABSENT:
            self._ends.put(member, ABSENT)
            bucket = self._buckets[old // _BUCKET_MS]
            bucket.discard(member)
            if not bucket:
                del self._buckets[old // _BUCKET_MS]
        if end_ms >= FOREVER:
            self._forever.add(member)
            return
        self._forever.discard(member)
        if end_ms > 0:
            self._ends.put(member, end_ms)
            number = end_ms // _BUCKET_MS
            self._buckets.setdefault(number, BitMap()).add(member)

    def put_forever(self, members: BitMap) -> None:
        """Make all of these members for ever; none of them may be one that leaves."""
        self._forever |= members

    def at(self, at_ms: int) -> BitMap:
        """Return the members at an instant."""
        now = at_ms // _BUCKET_MS
        later = [b for number, b in self._buckets.items() if number > now]
        members = BitMap.union(self._forever, *later) if later else self._forever.copy()
        edge = self._buckets.get(now)
        if edge is not None:
            members.update(m for m in edge if self._ends.get(m) > at_ms)
        return members

    def digest_into(self, state: "hashlib._Hash") -> None:
        """Feed the whole content, in one order, to a hash."""
        state.update(canonical_bitmap(self._forever))
        leaving = BitMap.union(BitMap(), *self._buckets.values())
        state.update(len(leaving).to_bytes(8, "big"))
        for member in leaving:
            state.update(member.to_bytes(4, "big") + self._ends.get(member).to_bytes(8, "big"))


def canonical_bitmap(members: BitMap) -> bytes:
    """Return the portable roaring serialisation of a set, in the one form that depends on nothing
    else.

    A bitmap may hold the same run of numbers in several kinds of container; this is the form
    without run containers, preceded by its length in 8 bytes.
    """
    data: bytes = BitMap(members.to_array()).serialize()
    return len(data).to_bytes(8, "big") + data
