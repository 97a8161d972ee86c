"""The matrices of a joint run's sums, made chunk by chunk of what the partner has laid down."""

import numpy as np
from numpy.typing import NDArray

from protocols.joint import moments
from protocols.joint.cell_chunks import cells_chunk, read_cells
from protocols.joint.looks import Codes
from protocols.joint.scoring import read_theirs, theirs_chunk, write_theirs
from protocols.joint.tables import Tables
from protocols.sums.layout import write_columns


def cells(index: int) -> tuple[str, ...]:
    """Return of which chunks one of a look's matrix is made."""
    return (cells_chunk(index),)


def theirs(index: int) -> tuple[str, ...]:
    """Return of which chunks one of both other matrices is made."""
    return (theirs_chunk(index),)


def in_bins(laid: bytes) -> bytes:
    """Return a chunk of the first look's matrix: each row's bins."""
    look, bins = read_cells(laid)
    return _in_cells(bins[:, : len(look.fine)])


def in_pairs(laid: bytes) -> bytes:
    """Return a chunk of the second look's matrix: each row's cells of two features."""
    look, bins = read_cells(laid)
    return _in_cells(look.cells_of(bins)[:, len(look.fine) :])


def _in_cells(cells: Codes) -> bytes:
    """Return a chunk with these cells; where there are none, with a one for each row."""
    if cells.shape[1]:
        return write_columns(np.zeros((len(cells), 0), np.int32), cells)
    return _dense(np.ones((len(cells), 1), np.int32))


def with_products(laid: bytes) -> bytes:
    """Return a chunk of the first sum's matrix."""
    return _dense(moments.with_products(read_theirs(laid)))


def plainly(laid: bytes) -> bytes:
    """Return a chunk of the second sum's matrix."""
    return _dense(moments.plainly(read_theirs(laid)))


def beside(base: bytes, laid: bytes, tables: Tables, most: int) -> bytes:
    """Return a chunk of all columns: those of the basis and `most` for tables."""
    columns, (look, bins) = read_theirs(base), read_cells(laid)
    return write_theirs(tables.beside(columns, look.cells_of(bins), columns.shape[1] + most))


def _dense(rows: NDArray[np.int32]) -> bytes:
    return write_columns(rows, np.zeros((len(rows), 0), np.uint16))
