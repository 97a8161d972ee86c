"""The sums of a lookalike that train, as both sides agree on them beforehand.

So nothing here depends on what only the partner knows: how many columns there are follows from the
number of seeds and the price. What the noise would drown needs no column, and a population that
needs fewer has columns of zeros, which cost time and no privacy.
"""

import math

from protocols.dp import budget
from protocols.errors import InvalidParameter
from protocols.psi.params import JOB_CHUNK_ITEMS
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams

LENGTH = 2**15
"""No row is longer, in the L2 norm, without the counting column."""
COUNTING = 4915
"""Entry of the counting column: 0.15 of a row."""
SENSITIVITY = math.isqrt(LENGTH**2 + COUNTING**2) + 1
"""One person more or less moves the sum by at most this, in the L2 norm."""
MAX_COLUMNS = 511
"""With the counting one they fill the batches in which homomorphic sums are made."""
REFERENCE_NANO = 17_210_000
"""Rho of epsilon 1 at delta 10^-8."""
_ROOMY = ((200, 48), (500, 72), (1_000, 112), (2_000, 176), (5_000, 304))
"""Up to so many seeds at that price, so many columns; then as many as there may be."""


def columns_for(seeds_step: int, rho_nano: int) -> int:
    """Return how many columns each look has at this price of both, without the counting one."""
    worth = seeds_step**2 * rho_nano
    for most, columns in _ROOMY:
        if worth <= most**2 * REFERENCE_NANO:
            return columns
    return MAX_COLUMNS


LOOK_PERCENT = 25
"""Part of the price of training that the first of two looks at the seeds costs (`looking.py`)."""
TOLD_APART = 1_000
"""So many seeds, at the price of reference, say in a first look which features matter."""


def prices(rho_nano: int) -> tuple[int, int]:
    """Return what the first look costs, and what is left for the second: together `rho_nano`.

    Raises: InvalidParameter for a price too small to be divided.
    """
    look = rho_nano * LOOK_PERCENT // 100
    if look < 1:
        raise InvalidParameter("this price is too small for two looks: state a higher rho")
    return look, rho_nano - look


def told_apart(seeds_step: int, rho_nano: int) -> bool:
    """Return whether a first look says which features matter; else both have the same columns."""
    return seeds_step**2 * rho_nano >= TOLD_APART**2 * REFERENCE_NANO


def training_params(
    columns: int, rows: int, rho_nano: int, chunk_rows: int = JOB_CHUNK_ITEMS
) -> SumParams:
    """Return the sum that trains, over so many columns with the counting one, the last.

    The partner learns it, the brand adds the noise. Raises: InvalidParameter.
    """
    dense = (*[LENGTH] * (columns - 1), COUNTING)
    return SumParams(
        SumLayout(1, 1, dense, (), rows, chunk_rows),
        to_holder=False,
        sigma_milli=(budget.sigma_milli(rho_nano, SENSITIVITY),) * columns,
    )
