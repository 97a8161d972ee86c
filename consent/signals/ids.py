"""A set of small positive ids (vendors, purposes, sections) as runs: its size is what was written.

A signal of a few characters can name 65 535 vendors, and can do so thousands of times. A set of
runs costs what its text cost, so no text unfolds into memory.
"""

import dataclasses
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Self

from consent.signals.errors import MalformedSignal

MAX_ID = (1 << 16) - 1
"""Ids are written in 16 bits; 0 is none."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ids:
    """Ids from 1 to 65 535; `runs` are (first, last), rising, and never touch each other.

    Raises: MalformedSignal for other runs.
    """

    runs: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        before = -1
        for start, end in self.runs:
            if not before + 1 < start <= end:
                raise MalformedSignal("runs of ids rise and do not touch each other")
            before = end
        if self.runs and (self.runs[0][0] < 1 or before > MAX_ID):
            raise MalformedSignal(f"an id is a number from 1 to {MAX_ID}")

    @classmethod
    def of(cls, ids: Iterable[int]) -> Self:
        """Return the set of some ids, in any order."""
        return cls.joined((i, i) for i in ids)

    @classmethod
    def joined(cls, runs: Iterable[tuple[int, int]]) -> Self:
        """Return the union of runs in any order, overlapping or not."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted(runs):
            if end < start:
                raise MalformedSignal("a range of ids ends before it starts")
            if merged and start <= merged[-1][1] + 1:
                merged[-1] = merged[-1][0], max(merged[-1][1], end)
            else:
                merged.append((start, end))
        return cls(tuple(merged))

    @property
    def highest(self) -> int:
        """The highest id, 0 if there is none."""
        return self.runs[-1][1] if self.runs else 0

    def run_before(self, value: int) -> tuple[int, int]:
        """Return the last run that starts at `value` or before it, (0, 0) if there is none."""
        position = bisect_right(self.runs, (value, MAX_ID))
        return self.runs[position - 1] if position else (0, 0)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and 0 < value <= self.run_before(value)[1]

    def __len__(self) -> int:
        return sum(end - start + 1 for start, end in self.runs)

    def __iter__(self) -> Iterator[int]:
        for start, end in self.runs:
            yield from range(start, end + 1)

    def __le__(self, other: "Ids") -> bool:
        """Whether every id of this set is in the other."""
        return all(end <= other.run_before(start)[1] for start, end in self.runs)
