"""Bringing together what belongs to one subject, or to one subject and source: a fast stable sort.

Subject, source and position are packed into one number of 64 bits each and sorted as such, which is
several times as fast as sorting by one after the other. Where they do not fit, that is done.
"""

import numpy as np
from numpy.typing import NDArray

from consent.columns import Subjects

Order = NDArray[np.intp]
_SUBJECT_BITS, _KEY_BITS = 32, 64


def by_stream(subjects: Subjects, sources: NDArray[np.uint32]) -> tuple[Order, Order]:
    """Return an order that brings each (subject, source) together, and where each run begins in it.

    Runs rise by subject; within a run positions rise. Neither array may be empty.
    """
    position_bits = int(len(subjects) - 1).bit_length()
    source_bits = int(sources.max()).bit_length()
    if _SUBJECT_BITS + source_bits + position_bits > _KEY_BITS:
        order = np.lexsort((sources, subjects))
        subjects, sources = subjects[order], sources[order]
        change = (subjects[1:] != subjects[:-1]) | (sources[1:] != sources[:-1])
        return order, _runs(change)
    shift = np.uint64(position_bits)
    key = subjects.astype(np.uint64) << np.uint64(source_bits)
    key |= sources
    key <<= shift
    key |= np.arange(len(subjects), dtype=np.uint64)
    key.sort()
    order = (key & np.uint64((1 << position_bits) - 1)).astype(np.intp)
    key >>= shift
    return order, _runs(key[1:] != key[:-1])


def last_of_greatest(values: NDArray[np.int64], starts: Order) -> Order:
    """Return for each run the last position with the greatest value of the run."""
    lengths = np.diff(starts, append=len(values))
    greatest = np.repeat(np.maximum.reduceat(values, starts), lengths)
    position = np.where(values == greatest, np.arange(len(values)), -1)
    found: Order = np.maximum.reduceat(position, starts)
    return found


def _runs(change: NDArray[np.bool_]) -> Order:
    return np.flatnonzero(np.concatenate(([True], change)))
