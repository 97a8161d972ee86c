"""How the columns of a matrix lie in blocks of 16 bytes, and how few bytes of each are sent.

A share of a sum is an integer modulo 256^w, and w, the *width* of a column in bytes, is the
smallest for which no sum within the bounds, with its noise, can be taken for another. Columns of
one width form a *segment*: arrays of blocks, each a row's part of as many columns as fit, in
*lanes* of 1, 2, 4 or 8 bytes. Of a lane wider than w the lower w bytes are sent, in *parts* that
are whole words: 3 bytes are a word of 2 and one of 1.
"""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.ot.aes import BLOCK_BYTES
from protocols.sums.records import SumParams

Lanes = NDArray[np.unsignedinteger]
"""Shape (blocks, rows, lanes of a block)."""

MARGIN_SIGMAS = 10
"""So many scales of noise fit beside the largest sum; noise passes them with at most 2^-71."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Columns of one width, in ascending order, and the blocks that they lie in."""

    width: int
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

    def write(self, lanes: Lanes) -> list[bytes]:
        """Return what is sent of the lanes of some rows: part by part, block by block."""
        sent = []
        for size, at in self.parts():
            step = self.lane // size
            words = lanes.view(f"<u{size}")
            for blocks, used in self.runs():
                sent.append(words[blocks, :, at // size : step * used : step].tobytes())
        return sent

    def read(self, data: memoryview, rows: int, wanted: NDArray[np.intp]) -> Lanes:
        """Return the lanes of the wanted rows among so many; lanes that are not used are 0."""
        lanes: Lanes = np.zeros((self.blocks, len(wanted), self.per_block), f"<u{self.lane}")
        offset = 0
        for size, at in self.parts():
            for blocks, used in self.runs():
                shape = (blocks.stop - blocks.start, rows, used)
                words = np.frombuffer(data, f"<u{size}", shape[0] * rows * used, offset)
                offset += words.nbytes
                some = words.reshape(shape).take(wanted, axis=1)
                lanes[blocks, :, :used] |= some.astype(lanes.dtype) << (8 * at)
        return lanes


@dataclass(frozen=True, slots=True)
class Placing:
    """Where every column lies, and between which values its noisy sums are."""

    segments: tuple[Segment, ...]
    blocks: int
    lows: tuple[int, ...]
    widths: tuple[int, ...]
    byte_of: NDArray[np.intp]
    """For each column, the byte at which its lane begins in a row of all blocks."""

    @property
    def row_bytes(self) -> int:
        """Bytes that are sent for a row."""
        return sum(self.widths)

    def sizes(self, rows: int) -> tuple[int, ...]:
        """Return the bytes of each segment for so many rows."""
        return tuple(s.width * len(s.columns) * rows for s in self.segments)


@functools.lru_cache(maxsize=64)
def placing(params: SumParams, rows: int) -> Placing:
    """Return where the columns lie, and how wide they are, for a sum over so many rows."""
    layout = params.layout
    bounds = [(bound, bound) for bound in layout.dense]
    bounds += [(0, 1)] * sum(layout.one_hot)
    lows, widths = [], []
    for (below, above), sigma_milli in zip(bounds, params.sigma_milli, strict=True):
        margin = -(-MARGIN_SIGMAS * sigma_milli // 1000)
        largest = layout.vector_bound * rows
        lows.append(-below * largest - margin)
        widths.append(width_of((below + above) * largest + 2 * margin))
    segments, first = [], 0
    where = np.zeros(len(widths), np.intp)
    for width in sorted(set(widths)):
        columns = np.flatnonzero(np.array(widths) == width)
        segment = Segment(width, columns, first)
        where[columns] = BLOCK_BYTES * first + segment.lane * np.arange(len(columns))
        segments.append(segment)
        first += segment.blocks
    return Placing(tuple(segments), first, tuple(lows), tuple(widths), where)


def width_of(span: int) -> int:
    """Return in how many bytes `span` + 1 different values can be told apart."""
    return max(1, -(-span.bit_length() // 8))


def fold(lanes: Lanes) -> Lanes:
    """Return the sum over all rows, modulo what a lane holds; the lanes are used up."""
    rows = lanes.shape[1]
    if rows == 0:
        return np.zeros_like(lanes, shape=(len(lanes), lanes.shape[2]))
    while rows > 1:
        # Halves are added to each other: long runs of memory, unlike sums along the middle axis.
        half = rows // 2
        lanes[:, :half] += lanes[:, rows - half : rows]
        rows -= half
    return lanes[:, 0]
