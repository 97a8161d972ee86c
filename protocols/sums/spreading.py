"""What is said of people, laid out over rows: vectors and columns in the order of an alignment.

Each side says something of its own people: beside its input, in the secret order of that
(`…_in_order`), and over the common rows, where these lie elsewhere (`spread_…`). Rows of nobody,
and those between, say nothing: zeros, and no category.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InvalidParameter
from protocols.psi.padding import NOBODY
from protocols.session import Rng
from protocols.sums.layout import NONE, SumLayout, write_columns, write_vector

Rows = NDArray[np.uint32]
"""The number of a row, or of a person, for each of n: shape (n,)."""


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


def values_in_order(
    layout: SumLayout, values: NDArray[np.int32], people: Rows, chunk_rows: int
) -> Iterator[bytes]:
    """Return what lies beside an input: of each position the values of the person there.

    `values` has the shape (people, vectors), `people` the number of the person at each position, or
    `NOBODY`. What is outside the bounds of the layout is clipped to them.
    """
    clipped = np.clip(values, 0, layout.vector_bound)
    for here in _cut(people, chunk_rows):
        vector = np.zeros((len(here), layout.vectors), np.int32)
        somebody = here != NOBODY
        vector[somebody] = clipped[here[somebody]]
        yield write_vector(vector)


def columns_in_order(
    layout: SumLayout,
    dense: NDArray[np.int32],
    codes: NDArray[np.uint16],
    people: Rows,
    chunk_rows: int,
) -> Iterator[bytes]:
    """Return what lies beside an input: of each position what is said of the person there.

    `dense` and `codes` have the shapes (people, …), `people` is as in `values_in_order`. Entries
    outside their bounds are clipped to them.
    """
    bounds = np.array(layout.dense, np.int32)
    for here in _cut(people, chunk_rows):
        entries = np.zeros((len(here), len(layout.dense)), np.int32)
        category = np.full((len(here), len(layout.one_hot)), NONE, np.uint16)
        somebody = here != NOBODY
        entries[somebody] = np.clip(dense[here[somebody]], -bounds, bounds)
        category[somebody] = codes[here[somebody]]
        yield write_columns(entries, category)


def spread_vectors(
    layout: SumLayout, values: NDArray[np.int32], at: Rows, rows: int
) -> Iterator[bytes]:
    """Return the chunks of the vectors from values of one's own people, shape (people, vectors).

    `at` has the row of each; where it has one twice the later counts. Values are clipped to the
    bound of the layout.
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
    """Return the chunks of the matrix from what is said of one's own people, shapes (people, …).

    `at` has the row of each, no two the same.
    """
    for n, own, where in _places(at, rows, layout.chunk_rows):
        here = np.zeros((n, len(layout.dense)), np.int32)
        category = np.full((n, len(layout.one_hot)), NONE, np.uint16)
        here[where], category[where] = dense[own], codes[own]
        yield write_columns(here, category)


def _cut(people: Rows, chunk_rows: int) -> Iterator[Rows]:
    return (people[first : first + chunk_rows] for first in range(0, len(people), chunk_rows))


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
