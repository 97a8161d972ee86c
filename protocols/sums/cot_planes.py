"""Several planes of a piece at once: what is sent of them, and what they add up to.

A plane is one vector and binary digit. What is sent and added up is that of plane after plane; only
that arrays are long enough to be worth a call, and short enough to stay in the processor's cache.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.ot.aes import BLOCK_BYTES, Words
from protocols.sums.cot_lanes import Lanes, Segment, fold
from protocols.sums.cot_records import Run
from protocols.sums.cot_shares import Totals

WORKED_BYTES = 2**18
"""Pads that are worked on at once have about so many bytes, or are those of one plane."""

Bits = NDArray[np.uint8]


def together(run: Run, rows: int, sets: int) -> Iterator[range]:
    """Return the planes of a piece of so many rows, as many at a time as are worked on at once.

    `sets` says how many pads there are of each row.
    """
    each = sets * run.placing.blocks * rows * BLOCK_BYTES
    count = max(1, WORKED_BYTES // each)
    return (range(at, min(at + count, run.planes)) for at in range(0, run.planes, count))


def lanes_of(segment: Segment, made: NDArray[np.uint64]) -> Lanes:
    """Return a segment's lanes, a view, of all blocks of some planes, shape (planes, blocks, rows,
    2): (planes, blocks of the segment, rows, lanes of a block).
    """
    own = made[:, segment.first : segment.first + segment.blocks]
    return own.view(f"<u{segment.lane}")


def write(segment: Segment, lanes: Lanes, into: NDArray[np.uint8]) -> None:
    """Write what is sent of the lanes of some planes: `into` has the bytes of each plane."""
    for words, place in _places(segment, lanes.shape[0], lanes.shape[2], into):
        blocks, used, size, at = place
        step = segment.lane // size
        words[:] = lanes.view(f"<u{size}")[:, blocks, :, at // size : step * used : step]


def read_chosen(segment: Segment, given: NDArray[np.uint8], bits: Bits) -> Lanes:
    """Return the lanes that `write` was given, or 0 where the bit of a row is; the time does not
    depend on the bits, shape (planes, rows).
    """
    planes, rows = bits.shape
    masks = np.repeat(-bits.astype(np.uint64), BLOCK_BYTES // 8, axis=1)
    lanes: Lanes = np.empty((planes, segment.blocks, rows, segment.per_block), f"<u{segment.lane}")
    if segment.width < segment.lane or len(segment.columns) % segment.per_block:
        lanes[:] = 0
    for words, (blocks, used, _, at) in _places(segment, planes, rows, given):
        into = lanes[:, blocks, :, :used]
        if at:
            into |= words.astype(lanes.dtype) << (8 * at)
        else:
            into[:] = words
    held = lanes.view("<u8").reshape(planes, segment.blocks, -1)
    held &= masks[:, None]
    return lanes


_Place = tuple[slice, int, int, int]


def _places(
    segment: Segment, planes: int, rows: int, data: NDArray[np.uint8]
) -> Iterator[tuple[NDArray[np.unsignedinteger], _Place]]:
    """Yield the words of each part of the segment, a view of the bytes of some planes, and which
    these are: blocks, lanes used, bytes of a word, number of its first byte in the lane.
    """
    if data.shape != (planes, segment.width * len(segment.columns) * rows):
        raise LocalError("a segment has other bytes than are due")
    offset = 0
    for size, at in segment.parts():
        for blocks, used in segment.runs():
            count = blocks.stop - blocks.start
            part = data[:, offset : offset + size * count * rows * used]
            offset += part.shape[1]
            words = part.view(f"<u{size}").reshape(planes, count, rows, used)
            yield words, (blocks, used, size, at)


class Found:
    """Sums of a stretch, plane by plane, modulo 2^64."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sums: Words = np.zeros((run.planes, run.params.layout.columns), np.uint64)

    def add(self, planes: range, segment: Segment, lanes: Lanes, sign: int) -> None:
        """Add what the lanes of some planes add up to, or with `sign` -1 take it off.

        A sum counts modulo what a lane holds. The lanes are used up.
        """
        sums = fold(lanes).reshape(len(planes), -1)[:, : len(segment.columns)]
        here = self._sums[planes.start : planes.stop]
        here[:, segment.columns] += (-sums if sign < 0 else sums).astype(np.uint64)

    def add_to(self, totals: Totals) -> None:
        """Add each digit's sums to those of its vector."""
        run = self._run
        each = self._sums.reshape(run.params.layout.vectors, run.digits, -1)
        for digit in range(run.digits):
            totals += each[:, digit] << np.uint64(digit)
