"""How the columns of a matrix lie in blocks of 16 bytes, and how few bytes of each are sent.

A share of a sum is an integer modulo 256^w, and w, the *width* of a column in bytes, is the
smallest for which no sum within the bounds, with its noise, can be taken for another. Columns of
one width form a *segment*: arrays of blocks, each a row's part of as many columns as fit, in
*lanes* of 1, 2, 4 or 8 bytes. Of a lane wider than w the lower w bytes are sent, in *parts* that
are whole words: 3 bytes are a word of 2 and one of 1.

**Narrow columns.** In `sums-cot-narrow/1` a column may be sent in fewer bytes than its sums need:
as many as do for the sum of a *group* of rows, with one bit to spare. What passes from one group's
shares to the sum is then found by another transfer for each group (`cot_carries.py`). Entries of
narrow columns are counted from the lowest that the bound allows, so that none is negative.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.ot.aes import BLOCK_BYTES
from protocols.sums.records import SumParams

Lanes = NDArray[np.unsignedinteger]
"""Shape (blocks, rows, lanes of a block)."""

PIECE_ROWS = 508
"""Rows that are worked on at once, so that they stay in the processor's cache: four groups of 127,
the most entries of 0 and 1 whose sum has 7 bits."""
MARGIN_SIGMAS = 10
"""So many scales of noise fit beside the largest sum; noise passes them with at most 2^-71."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Columns that are sent in one way, in ascending order, and the blocks that they lie in."""

    width: int
    """Bytes of an entry."""
    sum_width: int
    """Bytes of a sum: the same, if the columns are not narrow."""
    group: int
    """Rows of a group, at most those of a piece; 0 if the columns are not narrow."""
    columns: NDArray[np.intp]
    first: int
    """Number of its first block."""

    @property
    def lane(self) -> int:
        """Bytes of a lane."""
        return 1 << (self.width - 1).bit_length()

    @property
    def per_block(self) -> int:
        """Lanes in a block."""
        return BLOCK_BYTES // self.lane

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return -(-len(self.columns) // self.per_block)

    def lanes_of(self, blocks: NDArray[np.uint64]) -> Lanes:
        """Return this segment's lanes, a view, of all blocks of some rows: (blocks, rows, 2)."""
        own = blocks[self.first : self.first + self.blocks]
        return own.view(f"<u{self.lane}")

    def runs(self) -> tuple[tuple[slice, int], ...]:
        """Return its full blocks and, where the last is not full, that one; lanes used in each."""
        full, rest = divmod(len(self.columns), self.per_block)
        runs = ((slice(0, full), self.per_block), (slice(full, full + 1), rest))
        return tuple(r for r, used in zip(runs, (full, rest), strict=True) if used)

    def parts(self) -> tuple[tuple[int, int], ...]:
        """Return the words that are sent of a lane: bytes, and the number of the first byte."""
        parts, at = [], 0
        for size in (8, 4, 2, 1):
            if self.width & size:
                parts.append((size, at))
                at += size
        return tuple(parts)

    def groups(self, rows: int) -> int:
        """Return how many groups so many rows of a piece have; 0 if the columns are not narrow."""
        return -(-rows // self.group) if self.group else 0


@dataclass(frozen=True, slots=True)
class Placing:
    """Where every column lies, and between which values its noisy sums are."""

    segments: tuple[Segment, ...]
    blocks: int
    lows: tuple[int, ...]
    widths: tuple[int, ...]
    """Bytes of the sums."""
    offsets: NDArray[np.uint64]
    """What is added to each entry of a column before it is sent: its bound, if it is narrow."""
    byte_of: NDArray[np.intp]
    """For each column, the byte at which its lane begins in a row of all blocks."""

    @property
    def row_bytes(self) -> int:
        """Bytes that are sent for a row."""
        return sum(s.width * len(s.columns) for s in self.segments)

    def sizes(self, rows: int) -> tuple[int, ...]:
        """Return the bytes of each segment for so many rows."""
        return tuple(s.width * len(s.columns) * rows for s in self.segments)

    def carries(self, rows: int) -> int:
        """Return how many sums of groups a piece of so many rows has, of all narrow columns."""
        return sum(s.groups(rows) * len(s.columns) for s in self.segments)


@functools.lru_cache(maxsize=64)
def placing(params: SumParams, rows: int, narrow: bool) -> Placing:
    """Return where the columns lie, and how wide they are, for a sum over so many rows."""
    layout = params.layout
    bounds = [(bound, bound) for bound in layout.dense]
    bounds += [(0, 1)] * sum(layout.one_hot)
    lows, widths, ways = [], [], []
    for (below, above), sigma_milli in zip(bounds, params.sigma_milli, strict=True):
        margin = -(-MARGIN_SIGMAS * sigma_milli // 1000)
        largest = layout.vector_bound * rows
        lows.append(-below * largest - margin)
        widths.append(width_of((below + above) * largest + 2 * margin))
        way = narrowest(widths[-1], below + above) if narrow else (widths[-1], 0)
        ways.append((way[0], widths[-1], way[1]))
    segments, first = [], 0
    where, offsets = np.zeros(len(ways), np.intp), np.zeros(len(ways), np.uint64)
    for width, sum_width, group in sorted(set(ways)):
        columns = np.flatnonzero([way == (width, sum_width, group) for way in ways])
        segment = Segment(width, sum_width, group, columns, first)
        where[columns] = BLOCK_BYTES * first + segment.lane * np.arange(len(columns))
        if group:
            offsets[columns] = [bounds[column][0] for column in columns]
        segments.append(segment)
        first += segment.blocks
    return Placing(tuple(segments), first, tuple(lows), tuple(widths), offsets, where)


def narrowest(sum_width: int, span: int) -> tuple[int, int]:
    """Return in how many bytes an entry is sent, and the rows of a group, for the fewest bytes.

    `span` is the difference between an entry's bounds. (sum_width, 0) if narrower is not cheaper.
    """
    found, cheapest = (sum_width, 0), sum_width * PIECE_ROWS
    for width in range(1, sum_width):
        group = min(PIECE_ROWS, (2 ** (8 * width - 1) - 1) // span)
        if group:
            each = BLOCK_BYTES + sum_width - width
            cost = width * PIECE_ROWS + each * -(-PIECE_ROWS // group)
            if cost < cheapest:
                found, cheapest = (width, group), cost
    return found


def width_of(span: int) -> int:
    """Return in how many bytes `span` + 1 different values can be told apart."""
    return max(1, -(-span.bit_length() // 8))


def fold(lanes: Lanes) -> Lanes:
    """Return the sum over all rows of some planes, shape (planes, blocks, rows, lanes of a block),
    modulo what a lane holds: (planes, blocks, lanes of a block). The lanes are used up.
    """
    return _halved(lanes)


def fold_groups(segment: Segment, lanes: Lanes) -> Lanes:
    """Return the sum of each group of rows of narrow columns, modulo what an entry's bytes hold.

    Shape (groups, columns). The lanes are used up.
    """
    blocks, rows, each = lanes.shape
    whole = rows // segment.group * segment.group
    sums = [_halved(lanes[:, :whole].reshape(blocks, -1, segment.group, each))] if whole else []
    if whole < rows:
        sums.append(_halved(lanes[:, None, whole:]))
    found: Lanes = np.concatenate(sums, axis=1).transpose(1, 0, 2).reshape(-1, blocks * each)
    return found[:, : len(segment.columns)] & found.dtype.type(256**segment.width - 1)


def _halved(lanes: Lanes) -> Lanes:
    """Return the sum along the third axis, of four."""
    rows = lanes.shape[2]
    if rows == 0:
        return np.zeros((*lanes.shape[:2], lanes.shape[3]), lanes.dtype)
    while rows > 1:
        # Halves are added to each other: long runs of memory, unlike sums along a middle axis.
        half = rows // 2
        lanes[:, :, :half] += lanes[:, :, rows - half : rows]
        rows -= half
    return lanes[:, :, 0]
