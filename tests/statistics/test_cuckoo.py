"""Placing never fails at the stated sizes: a single failure here has a chance of 2^-25."""

import numpy as np
import pytest

from protocols.psi.cuckoo import bin_count, bins_of, place

TRIALS = [(1, 200), (4, 200), (20, 200), (150, 300), (256, 300), (1000, 100), (20_000, 5)]
MORE = [(n, 20 * trials) for n, trials in TRIALS] + [(200_000, 20), (2**20, 3)]


def failures(n: int, trials: int) -> int:
    draw = np.random.default_rng(n)
    count, failed = bin_count(n), 0
    for _ in range(trials):
        blocks = draw.integers(0, 2**64, (n, 2), dtype=np.uint64)
        table = place(bins_of(blocks, count), count)
        failed += table is None or int((table >= 0).sum()) != n
    return failed


@pytest.mark.parametrize(("n", "trials"), TRIALS)
def test_a_placing_is_always_found(n, trials):
    assert failures(n, trials) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("n", "trials"), MORE)
def test_a_placing_is_always_found_in_many_trials(n, trials):
    assert failures(n, trials) == 0
