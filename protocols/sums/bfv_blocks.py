"""Rows as polynomials, so that one product of two has a sum over 8,192 rows in one coefficient.

A block is up to 8,192 consecutive rows of one chunk. Its vector is y(x) = Σ y_i x^i. The numbers
X_i of one group of columns are X(x) = X_0 - Σ X_i x^(8192-i). Modulo x^8192 + 1 the constant
coefficient of y(x)·X(x) is Σ y_i X_i. All other coefficients are mixtures of no meaning, which a
mask hides. No rotation is needed, and so no key for one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.session import Fetch
from protocols.sums.bfv_packing import Packing
from protocols.sums.layout import (
    NONE,
    SumLayout,
    columns_chunk,
    read_columns,
    read_vector,
    vector_chunk,
)
from protocols.sums.records import AlignedRows
from protocols.sums.seal import DEGREE, Coefficients


@dataclass(frozen=True, slots=True)
class Blocks:
    """How the rows are cut into blocks: those of a chunk never span into the next."""

    rows: AlignedRows

    @property
    def per_chunk(self) -> int:
        """How many blocks every chunk but the last has."""
        return -(-self.rows.chunk_rows // DEGREE)

    @property
    def count(self) -> int:
        """How many blocks there are."""
        whole, rest = divmod(self.rows.count, self.rows.chunk_rows)
        return whole * self.per_chunk + -(-rest // DEGREE)

    def place(self, block: int) -> tuple[int, slice]:
        """Return the chunk of a block and its rows there."""
        chunk, inner = divmod(block, self.per_chunk)
        size = min(self.rows.chunk_rows, self.rows.count - chunk * self.rows.chunk_rows)
        return chunk, slice(inner * DEGREE, min((inner + 1) * DEGREE, size))

    def check_rows(self, chunk: int, found: int) -> None:
        """Return if a chunk has the rows that it must have. Raises: LocalError."""
        due = min(self.rows.chunk_rows, self.rows.count - chunk * self.rows.chunk_rows)
        if found != due:
            raise LocalError("a chunk of the input has the wrong length")


class VectorBlocks:
    """The vectors, block by block; one chunk is held at a time."""

    def __init__(self, layout: SumLayout, blocks: Blocks, fetch: Fetch) -> None:
        self._layout, self._blocks, self._fetch = layout, blocks, fetch
        self._chunk, self._held = -1, np.empty((0, 0), np.int32)

    def polynomial(self, block: int, vector: int) -> Coefficients:
        """Return the polynomial of a block of one vector."""
        chunk, rows = self._blocks.place(block)
        if chunk != self._chunk:
            self._held = read_vector(self._layout, self._fetch(vector_chunk(chunk)))
            self._blocks.check_rows(chunk, len(self._held))
            self._chunk = chunk
        found = np.zeros(DEGREE, np.uint64)
        found[: rows.stop - rows.start] = self._held[rows, vector]
        return found


class MatrixBlocks:
    """The matrix, block by block; one chunk is held at a time."""

    def __init__(self, layout: SumLayout, packing: Packing, blocks: Blocks, fetch: Fetch) -> None:
        self._layout, self._packing = layout, packing
        self._blocks, self._fetch = blocks, fetch
        self._chunk = -1
        self._dense, self._codes = np.empty((0, 0), np.int32), np.empty((0, 0), np.uint16)
        group_of: list[int] = []
        weight_of: list[int] = []
        for number, group in enumerate(packing.groups):
            group_of += [number] * len(group.weights)
            weight_of += group.weights
        self._group_of, self._weight_of = np.array(group_of), np.array(weight_of, np.int64)

    def polynomials(self, block: int) -> Iterator[Coefficients]:
        """Yield the polynomial of each group of columns over a block."""
        chunk, rows = self._blocks.place(block)
        if chunk != self._chunk:
            self._dense, self._codes = read_columns(self._layout, self._fetch(columns_chunk(chunk)))
            self._blocks.check_rows(chunk, len(self._dense))
            self._chunk = chunk
        numbers = self._numbers(self._dense[rows], self._codes[rows])
        low_bits = np.int64((1 << self._packing.plain_bits) - 1)
        n = numbers.shape[1]
        for row in numbers:
            found = np.zeros(DEGREE, np.int64)
            found[0] = row[0]
            found[DEGREE - n + 1 :] = -row[:0:-1]
            found &= low_bits
            yield found.view(np.uint64)

    def _numbers(self, dense: NDArray[np.int32], codes: NDArray[np.uint16]) -> NDArray[np.int64]:
        """Return the number of each group in each row, shape (groups, rows).

        A one-hot feature costs one addition a row, however many columns it has.
        """
        numbers = np.zeros((len(self._packing.groups), len(dense)), np.int64)
        for column, entries in enumerate(np.ascontiguousarray(dense.T)):
            numbers[self._group_of[column]] += self._weight_of[column] * entries.astype(np.int64)
        every = np.arange(len(dense))
        for feature, first in enumerate(self._layout.offsets()):
            told = every[codes[:, feature] != NONE]
            columns = codes[told, feature].astype(np.int64) + first
            numbers[self._group_of[columns], told] += self._weight_of[columns]
        return numbers
