"""Made-up aligned rows: entries of both sides, chunk by chunk, from a seed that is no secret."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from party_node.chunks import ChunkStore
from protocols.session import Role
from protocols.sums.layout import (
    SumLayout,
    columns_chunk,
    plain_sums,
    vector_chunk,
    write_columns,
    write_vector,
)
from protocols.sums.records import AlignedRows, SumParams

CODES = 10
"""Codes of a one-hot feature: so many columns for one code a row."""

CHUNK_ROWS = 2**15


@dataclass(frozen=True, slots=True)
class SumsAsked:
    """One measurement of aligned sums."""

    rows: int
    columns: int
    bound: int
    """Of the entries of dense columns; 0 for one-hot columns."""
    route: str
    to_holder: bool

    def params(self) -> SumParams:
        """Return the parameters: one vector of 0 and 1, no noise, so that sums can be compared."""
        full, rest = divmod(self.columns, CODES)
        one_hot = () if self.bound else (*([CODES] * full), *([rest] if rest else []))
        dense = (self.bound,) * self.columns if self.bound else ()
        layout = SumLayout(1, 1, dense, one_hot, max(1, self.rows), CHUNK_ROWS)
        return SumParams(layout, self.to_holder, (0,) * self.columns)

    def aligned(self) -> AlignedRows:
        """Return the input record of either side."""
        return AlignedRows(self.rows, CHUNK_ROWS)


def write_rows(asked: SumsAsked, role: Role, store: ChunkStore) -> None:
    """Write the input of one side."""
    for index, (vector, dense, codes) in enumerate(_chunks(asked)):
        if role is Role.INITIATOR:
            store.keep({vector_chunk(index): write_vector(vector)})
        else:
            store.keep({columns_chunk(index): write_columns(dense, codes)})


def plain(asked: SumsAsked) -> tuple[int, ...]:
    """Return the sums, computed in the clear."""
    layout = asked.params().layout
    total = np.zeros((layout.vectors, layout.columns), np.int64)
    for vector, dense, codes in _chunks(asked):
        total += plain_sums(layout, vector, dense, codes)
    return tuple(int(value) for value in total.reshape(-1))


def _chunks(
    asked: SumsAsked,
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint16]]]:
    layout: SumLayout = asked.params().layout
    for index, at in enumerate(range(0, asked.rows, CHUNK_ROWS)):
        drawn = np.random.default_rng(index)
        n = min(CHUNK_ROWS, asked.rows - at)
        vector = drawn.integers(0, 2, (n, 1), np.int32)
        dense = drawn.integers(-asked.bound, asked.bound + 1, (n, len(layout.dense)), np.int32)
        sizes = np.array(layout.one_hot, np.int64)
        codes = drawn.integers(0, sizes, (n, len(sizes))).astype(np.uint16)
        yield vector, dense, codes
