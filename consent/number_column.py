"""One whole number for each of many subject numbers, in pages: a column that may have holes.

Eight bytes a number and no object for any of them: what long-lived state needs, because a small
object for each person keeps whole pages of memory from being given back.
"""

from array import array
from typing import Final

ABSENT: Final = -1
"""What stands where there is no number."""

_BITS = 8
_MASK = (1 << _BITS) - 1
_EMPTY_PAGE = array("q", [ABSENT]) * (1 << _BITS)


class NumberColumn:
    """Numbers from 0 to 2^63 - 1 by subject number; `ABSENT` everywhere else."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}

    def get(self, member: int) -> int:
        """Return the number of `member`, or `ABSENT`."""
        page = self._pages.get(member >> _BITS)
        return ABSENT if page is None else page[member & _MASK]

    def put(self, member: int, number: int) -> None:
        """Set the number of `member`; `ABSENT` takes it away."""
        page = self._pages.get(member >> _BITS)
        if page is None:
            page = self._pages[member >> _BITS] = _EMPTY_PAGE[:]
        page[member & _MASK] = number

    def members(self) -> list[int]:
        """Return who has a number, in rising order."""
        return [
            (number << _BITS) + place
            for number in sorted(self._pages)
            for place, value in enumerate(self._pages[number])
            if value != ABSENT
        ]
