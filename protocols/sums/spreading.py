"""What is said of people, laid out over rows: vectors and columns in the order of an alignment.

Each side says something of its own people. Over the common rows these lie elsewhere, and the rows
between them say nothing: zeros, and no category.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InvalidParameter
from protocols.session import Rng
from protocols.sums.layout import NONE, SumLayout, write_columns, write_vector

Rows = NDArray[np.uint32]
"""Shape (people,): the row of each of one's own, no two the same."""


def vectors_of(
    groups: NDArray[np.uint16], count: int, hold_out_percent: int = 0, rng: Rng | None = None
) -> NDArray[np.int32]:
    """Return a 0/1 vector for each of `count` groups, shape (rows, vectors).

    `groups` has the number of each row's group, from 1, or 0. With a hold-out a coin is tossed for
    each row: the first `count` vectors have the rows that stay, the next `count` those that are
    held out. A row is in one vector at most.

    Raises: InvalidParameter for a share outside 0 to 99, or one without randomness.
    """
    if not 0 <= hold_out_percent < 100:
        raise InvalidParameter(f"hold_out_percent is {hold_out_percent}, outside 0 to 99")
    vector = groups.astype(np.int64) - 1
    width = count
    if hold_out_percent:
        if rng is None:
            raise InvalidParameter("rows are held out by the toss of a coin")
        # One for every row, matched or not: the time does not tell which are.
        coins = np.frombuffer(rng(4 * len(groups)), "<u4")
        vector[(coins < 2**32 * hold_out_percent // 100) & (vector >= 0)] += count
        width = 2 * count
    rows = np.flatnonzero(vector >= 0)
    vectors = np.zeros((len(groups), width), np.int32)
    vectors[rows, vector[rows]] = 1
    return vectors


def spread_vectors(
    layout: SumLayout, values: NDArray[np.int32], at: Rows, rows: int
) -> Iterator[bytes]:
    """Return the chunks of the vectors from values of one's own people, shape (people, vectors).

    They are clipped to the bound of the layout, from 0 on.
    """
    clipped = np.clip(values, 0, layout.vector_bound)
    for n, own, where in _places(at, rows, layout.chunk_rows):
        vector = np.zeros((n, layout.vectors), np.int32)
        vector[where] = clipped[own]
        yield write_vector(vector)


def spread_columns(
    layout: SumLayout,
    dense: NDArray[np.int32],
    codes: NDArray[np.uint16],
    at: Rows,
    rows: int,
) -> Iterator[bytes]:
    """Return the chunks of the matrix from what is said of one's own people, shapes (people, …)."""
    for n, own, where in _places(at, rows, layout.chunk_rows):
        here = np.zeros((n, len(layout.dense)), np.int32)
        category = np.full((n, len(layout.one_hot)), NONE, np.uint16)
        here[where], category[where] = dense[own], codes[own]
        yield write_columns(here, category)


def _places(
    at: Rows, rows: int, chunk_rows: int
) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.uint32]]]:
    """Return of each chunk how many rows it has, which of one's own are there, and where."""
    order = np.argsort(at, kind="stable")
    ordered = at[order]
    for first in range(0, rows, chunk_rows):
        n = min(chunk_rows, rows - first)
        low, high = np.searchsorted(ordered, [first, first + n])
        yield n, order[low:high], ordered[low:high] - np.uint32(first)
