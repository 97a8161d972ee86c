"""The rows of a stretch of the matrix, as entries in the lanes of blocks."""

import numpy as np

from protocols.errors import LocalError
from protocols.ot.aes import BLOCK_BYTES, Blocks
from protocols.session import Fetch
from protocols.sums.cot_lanes import Placing, Segment
from protocols.sums.cot_records import Run
from protocols.sums.layout import NONE, columns_chunk, read_columns


class Entries:
    """The matrix of one stretch.

    Raises: LocalError for a chunk of another length, or an entry outside its bound.
    """

    def __init__(self, run: Run, index: int, fetch: Fetch) -> None:
        layout = run.params.layout
        chunk, low, high = run.stretch(index)
        data, length = fetch(columns_chunk(chunk)), run.chunk_length(chunk)
        if len(data) != layout.row_bytes * length:
            raise LocalError("a chunk of columns has the wrong length")
        # Only these rows: a chunk has several stretches, and each row is checked once.
        dense, codes = 4 * len(layout.dense), 2 * len(layout.one_hot)
        behind = data[dense * length :]
        rows = data[dense * low : dense * high] + behind[codes * low : codes * high]
        self._dense, self._codes = read_columns(layout, rows)
        self._offsets = layout.offsets()
        self._placing: Placing = run.placing

    def blocks(self, low: int, high: int) -> Blocks:
        """Return the entries of rows `low` to `high` of the stretch, shape (blocks, rows, 2)."""
        rows = len(self._dense[low:high])
        blocks = np.zeros((self._placing.blocks, rows, 2), np.uint64)
        for segment in self._placing.segments:
            self._put_dense(segment, low, high, blocks)
        places, numbers = blocks.reshape(-1).view(np.uint8), np.arange(rows)
        for feature, at in enumerate(self._offsets):
            codes = self._codes[low:high, feature]
            told = codes != NONE
            column = at + np.where(told, codes, 0).astype(np.intp)
            block, byte = np.divmod(self._placing.byte_of[column], BLOCK_BYTES)
            # The lowest byte of a lane comes first. Rows that have no category write a 0: so the
            # time does not depend on how many they are.
            places[BLOCK_BYTES * (block * rows + numbers) + byte] = told
        return blocks

    def _put_dense(self, segment: Segment, low: int, high: int, blocks: Blocks) -> None:
        """Put the dense columns into the first lanes of their segment, negative ones modulo."""
        columns = segment.columns[segment.columns < self._dense.shape[1]]
        if not len(columns):
            return
        first, last = int(columns[0]), int(columns[-1])
        together = last - first + 1 == len(columns)
        entries = self._dense[low:high, slice(first, last + 1) if together else columns]
        if segment.group:
            entries = entries.astype(np.uint64) + self._placing.offsets[columns]
        lanes, each = segment.lanes_of(blocks), segment.per_block
        full, rest = divmod(len(columns), each)
        whole = entries[:, : full * each].reshape(len(entries), full, each)
        lanes[:full] = whole.transpose(1, 0, 2).astype(lanes.dtype)
        if rest:
            lanes[full, :, :rest] = entries[:, full * each :].astype(lanes.dtype)
