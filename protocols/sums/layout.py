"""What an aligned sum is over: rows that both sides have in one order, and who holds what of them.

One side holds a *vector* (or several) over the rows: small integers, often 0 and 1. The other holds
a *matrix*: dense columns of integers within a stated bound, and one-hot columns, kept as one code a
row. The sum is `Xᵀy`: of each column, and for each vector, the sum of their products over all rows.
Columns are numbered: first the dense ones, then those of each one-hot feature, code by code.

Rows come in chunks of `chunk_rows`. Chunk i is `vector/<i:05>` at the one side: int32, little
endian, shape (rows, vectors). At the other it is `columns/<i:05>`: int32, little endian, shape
(rows, dense), and behind it uint16, little endian, shape (rows, features): the codes, where `NONE`
says that the row has no category of this feature.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.errors import InvalidParameter, LocalError

NONE = 0xFFFF
"""Code of a row that adds to no column of a feature."""

MAX_ROWS = 2**28
MAX_CHUNK_ROWS = 2**17
MAX_COLUMNS = 2**14
MAX_VECTORS = 256
MAX_BOUND = 2**31 - 1
MAX_SUM = 2**62
"""No sum may reach this by the stated bounds: 64-bit arithmetic then never wraps."""


@dataclass(frozen=True, slots=True)
class SumLayout(Record):
    """Which columns and vectors there are, and how large their entries may be: public to both.

    Raises: InvalidParameter outside the ranges.
    """

    KIND: ClassVar[str] = "sum-layout/1"
    vectors: int
    """1 to 256."""
    vector_bound: int
    """Entries of vectors lie between 0 and this."""
    dense: tuple[int, ...]
    """Of each dense column, the bound on the absolute value of its entries: 1 to 2^31 - 1."""
    one_hot: tuple[int, ...]
    """Of each one-hot feature, how many codes it has: 1 to 65,535."""
    max_rows: int
    chunk_rows: int = 2**15

    def __post_init__(self) -> None:
        _in_range("vectors", self.vectors, 1, MAX_VECTORS)
        _in_range("vector_bound", self.vector_bound, 1, MAX_BOUND)
        for bound in self.dense:
            _in_range("a dense bound", bound, 1, MAX_BOUND)
        for codes in self.one_hot:
            _in_range("a number of codes", codes, 1, NONE)
        _in_range("columns", self.columns, 1, MAX_COLUMNS)
        _in_range("max_rows", self.max_rows, 1, MAX_ROWS)
        _in_range("chunk_rows", self.chunk_rows, 1, MAX_CHUNK_ROWS)
        largest = max((*self.dense, 1)) * self.vector_bound * self.max_rows
        if largest >= MAX_SUM:
            raise InvalidParameter("a sum could be 2^62 or more: clip entries to a lower bound")

    @property
    def columns(self) -> int:
        """How many columns the matrix has, one-hot ones counted code by code."""
        return len(self.dense) + sum(self.one_hot)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of the matrix in a chunk."""
        return 4 * len(self.dense) + 2 * len(self.one_hot)

    def offsets(self) -> tuple[int, ...]:
        """Return the number of the first column of each one-hot feature."""
        at, found = len(self.dense), []
        for codes in self.one_hot:
            found.append(at)
            at += codes
        return tuple(found)


def vector_chunk(index: int) -> str:
    """Return the name of a chunk of the vectors."""
    return f"vector/{index:05}"


def columns_chunk(index: int) -> str:
    """Return the name of a chunk of the matrix."""
    return f"columns/{index:05}"


def write_vector(rows: NDArray[np.integer]) -> bytes:
    """Return a chunk of vectors from an array of shape (rows, vectors)."""
    return np.ascontiguousarray(rows, "<i4").tobytes()


def read_vector(layout: SumLayout, data: bytes) -> NDArray[np.int32]:
    """Return a chunk of vectors, shape (rows, vectors).

    Raises: LocalError if it is not whole rows, or an entry is outside the bound.
    """
    if len(data) % (4 * layout.vectors):
        raise LocalError("a chunk of vectors has the wrong length")
    rows = np.frombuffer(data, "<i4").reshape(-1, layout.vectors)
    if rows.size and (rows.min() < 0 or rows.max() > layout.vector_bound):
        raise LocalError("an entry of a vector is outside the agreed bound")
    return rows


def write_columns(dense: NDArray[np.integer], codes: NDArray[np.integer]) -> bytes:
    """Return a chunk of the matrix from dense entries and codes, shapes (rows, …)."""
    return (
        np.ascontiguousarray(dense, "<i4").tobytes() + np.ascontiguousarray(codes, "<u2").tobytes()
    )


def read_columns(layout: SumLayout, data: bytes) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Return a chunk of the matrix: dense entries (rows, dense) and codes (rows, features).

    Raises: LocalError if it is not whole rows, or an entry is outside its bound.
    """
    if len(data) % layout.row_bytes:
        raise LocalError("a chunk of columns has the wrong length")
    n = len(data) // layout.row_bytes
    dense = np.frombuffer(data, "<i4", n * len(layout.dense)).reshape(n, len(layout.dense))
    codes = np.frombuffer(data, "<u2", offset=dense.nbytes).reshape(n, len(layout.one_hot))
    bounds = np.array(layout.dense, np.int64)
    sizes = np.array(layout.one_hot, np.int64)
    if (np.abs(dense.astype(np.int64)) > bounds).any():
        raise LocalError("an entry of a column is outside the agreed bound")
    if ((codes >= sizes) & (codes != NONE)).any():
        raise LocalError("a code is not one of its feature's")
    return dense, codes


def plain_sums(
    layout: SumLayout,
    vector: NDArray[np.int32],
    dense: NDArray[np.int32],
    codes: NDArray[np.uint16],
) -> NDArray[np.int64]:
    """Return the sums in the clear, shape (vectors, columns): what every route must equal."""
    sums = np.zeros((layout.vectors, layout.columns), np.int64)
    wide = vector.astype(np.int64)
    sums[:, : len(layout.dense)] = wide.T @ dense.astype(np.int64)
    for feature, (at, size) in enumerate(zip(layout.offsets(), layout.one_hot, strict=True)):
        told = codes[:, feature] != NONE
        for v in range(layout.vectors):
            np.add.at(sums[v, at : at + size], codes[told, feature], wide[told, v])
    return sums


def _in_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidParameter(f"{name} is {value}, outside {low} to {high}")
