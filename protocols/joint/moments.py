"""Which sums a joint model is fitted from, and what they are.

Over the people of both who train, with x of the partner's columns, b of the brand's, and the label:

    within   Σ x_j, Σ x_j x_k          one vector of ones; a column for each j, and each pair j ≤ k
    across   Σ label·x_j, Σ b_i x_j    a vector for the label and for each of the brand's columns

All in parts of `UNIT`², so that noise, which is as wide in each, weighs as much in each.

What is added up of the partner's columns is counted from the middle of its range: from that of x_j
as from that of x_j x_k. So entries are half as large, which leaves room for twice as many products
side by side in one ciphertext. What the middles add up to the brand knows: how many train, what its
own columns and labels add up to. `second_moments` puts it back. Noise is as wide as without this:
it hides what a person is like even from who knows that the person matches, and two rows may lie the
whole range apart.

With what the brand knows alone (Σ b, Σ b b, Σ label·b, how many) these are the first and second
moments of everything. They are all that a least-squares fit looks at.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.dp import budget
from protocols.joint.widths import UNIT
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams

CHUNK_ROWS = 8192
"""As many as one block of a sum by BFV has; no more, because a row of the first sum is wide."""
MIDDLE = UNIT // 2
WIDE_MIDDLE = UNIT**2 // 2
"""From where entries are counted: those of the second sum, and of the first."""
Whole = NDArray[np.int64]


def pairs(columns: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return which columns are multiplied with which: each with itself and those behind it."""
    return np.triu_indices(columns)


def within_params(columns: int, rows: int, rho_nano: int) -> SumParams:
    """Return the sum over the partner's columns and their products; `rho_nano` 0: no noise.

    Raises: InvalidParameter.
    """
    products = columns * (columns + 1) // 2
    bounds = (WIDE_MIDDLE,) * (columns + products)
    longest = (columns + products) * UNIT**4
    return _params(1, 1, bounds, rows, _sigma(longest, rho_nano))


def across_params(columns: int, own: int, rows: int, rho_nano: int) -> SumParams:
    """Return the sum over the partner's columns by the label and the brand's `own` columns.

    Raises: InvalidParameter.
    """
    longest = (1 + own) * UNIT**2 * columns * UNIT**2
    return _params(1 + own, UNIT, (MIDDLE,) * columns, rows, _sigma(longest, rho_nano))


def _params(
    vectors: int, bound: int, dense: tuple[int, ...], rows: int, sigma_milli: int
) -> SumParams:
    layout = SumLayout(vectors, bound, dense, (), rows, CHUNK_ROWS)
    return SumParams(layout, to_holder=True, sigma_milli=(sigma_milli,) * len(dense))


def _sigma(squared: int, rho_nano: int) -> int:
    """Return the scale of noise for rows no longer than the root of `squared`."""
    if not rho_nano:
        return 0
    longest = int(np.ceil(np.sqrt(squared)))
    return budget.sigma_milli(rho_nano, longest)


def with_products(columns: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return rows of the first sum's matrix: columns, as wide as products, then these."""
    wide, p = columns.astype(np.int32), columns.shape[1]
    rows = np.empty((len(wide), p + p * (p + 1) // 2), np.int32)
    np.multiply(wide, UNIT, out=rows[:, :p])
    at = p
    for column in range(p):  # in the order of `pairs`
        behind = wide[:, column:]
        np.multiply(wide[:, column, None], behind, out=rows[:, at : at + p - column])
        at += p - column
    rows -= WIDE_MIDDLE
    return rows


def plainly(columns: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return rows of the second sum's matrix: columns."""
    return columns.astype(np.int32) - MIDDLE


def vectors_of(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return rows of the second sum's vectors, from labels, 0 or 1, and the brand's columns."""
    wide = values.copy()
    wide[:, 0] *= UNIT
    return wide


def second_moments(own: NDArray[np.uint8], labels: NDArray[np.uint8], within: Whole, across: Whole
                   ) -> NDArray[np.float64]:  # fmt: skip
    """Return the matrix of all second moments, in people: of (1, own columns, partner's columns,
    label), each column in parts of `UNIT`.

    `own` and `labels` are of the people who train; `across` has the shape (1 + own, columns).
    """
    vectors = vectors_of(np.concatenate([labels[:, None], own], axis=1).astype(np.int32))
    within = within + WIDE_MIDDLE * len(own)
    across = across + MIDDLE * vectors.sum(axis=0, dtype=np.int64)[:, None]
    q, p = own.shape[1], across.shape[1]
    known = np.concatenate(
        [np.ones((len(own), 1)), own / UNIT, labels[:, None].astype(np.float64)], axis=1
    )
    square = known.T @ known
    found = np.zeros((q + p + 2, q + p + 2))
    mine = [*range(1 + q), 1 + q + p]
    found[np.ix_(mine, mine)] = square
    theirs = slice(1 + q, 1 + q + p)
    left, right = pairs(p)
    block = np.zeros((p, p))
    block[left, right] = block[right, left] = within[p:] / UNIT**2
    found[theirs, theirs] = block
    between = np.concatenate([within[None, :p], across[1:], across[:1]]) / UNIT**2
    found[mine, theirs] = between
    found[theirs, mine] = between.T
    return found
