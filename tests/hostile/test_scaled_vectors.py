"""A holder that picks out one row, and one that lets it count more often than agreed.

Noise is made for rows that count within the bound. What homomorphic sums add up cannot be seen, so
there a row counts as often as a digit has room for.
"""

import numpy as np
import pytest

from protocols.sums.bfv import SUMS_BFV
from protocols.sums.bfv_blocks import VectorBlocks
from protocols.sums.cot import SUMS as SUMS_COT
from protocols.sums.layout import NONE, SumLayout
from protocols.sums.seal import Coefficients
from tests.support.aligned import Given, params_of, run_sums

CODES, ROWS, VICTIM = 8, 1000, 321
LAYOUT = SumLayout(1, 1, (), (CODES,), ROWS, ROWS)
SIGMA = 30.0
"""Of a count at a price of rho 1/1800: a single row is nothing beside it."""


def picked() -> Given:
    """Return rows of which the holder's vector marks one alone."""
    draws = np.random.default_rng(5)
    vector = np.zeros((ROWS, 1), np.int32)
    vector[VICTIM] = 1
    codes = draws.integers(0, CODES, (ROWS, 1)).astype(np.uint16)
    assert (codes != NONE).all()
    return Given(LAYOUT, vector, np.zeros((ROWS, 0), np.int32), codes)


def told_of(protocol: object, given: Given) -> np.ndarray:
    params = params_of(LAYOUT, sigma_milli=int(SIGMA * 1000))
    output = run_sums(given, params, protocol).receiver.output  # type: ignore[arg-type]
    return np.array(output.values)


@pytest.mark.parametrize("protocol", [SUMS_BFV, SUMS_COT], ids=["bfv", "cot"])
def test_the_sum_of_one_row_that_was_picked_out_drowns_in_the_noise(protocol: object) -> None:
    given = picked()
    assert np.abs(told_of(protocol, given)).max() < 6 * SIGMA


def test_by_homomorphic_sums_a_row_that_counts_many_times_is_told_through_the_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Known, and said in docs/spec/sums-bfv.md: no noise is made for this."""
    honest, given = VectorBlocks.polynomial, picked()

    def scaled(self: VectorBlocks, block: int, vector: int) -> Coefficients:
        return honest(self, block, vector) * np.uint64(ROWS)

    monkeypatch.setattr(VectorBlocks, "polynomial", scaled)
    told = told_of(SUMS_BFV, given)
    assert int(told.argmax()) == given.codes[VICTIM, 0]
    assert told.max() > 20 * SIGMA
    assert np.sort(told)[-2] < 6 * SIGMA
