"""The noise of dummies has its distribution, and hides one person as its price says.

Each test states its false-alarm rate. Coins come from the operating system. The matching itself is
left out: `test_a_count_has_the_noise_of_the_coins_and_no_other` shows that it adds nothing.
"""

import math
import secrets

import numpy as np
import pytest

from protocols.dp import coins
from protocols.dp.count import noisy_count
from protocols.psi import padding
from protocols.psi.params import RowParams

RHO_NANO = 20_000_000
N = coins.least(RHO_NANO, strict=True)
PARAMS = RowParams(5000, 512, dummies=N)
CTX = bytes(32)
RUNS = 4000


@pytest.fixture(scope="module")
def heads() -> np.ndarray:
    """How many dummies the sender's input held, in each of many runs."""
    known = np.ascontiguousarray(padding.dummies(CTX, N)).view("V32").ravel()
    found = []
    for _ in range(RUNS):
        items = padding.added(0, range(PARAMS.dummies), PARAMS, CTX, secrets.token_bytes)
        held = np.ascontiguousarray(items).view("V32").ravel()
        found.append(len(set(known.tolist()) & set(held.tolist())))
    return np.array(found)


def weights(n: int) -> np.ndarray:
    return np.array([math.comb(n, k) / 2**n for k in range(n + 1)])


def test_coins_fall_as_the_binomial_says(heads: np.ndarray) -> None:
    """Chi-square over cells of at least 20 expected runs; false alarms 1e-9 (Wilson–Hilferty)."""
    expected = weights(N) * RUNS
    cells = np.flatnonzero(expected >= 20)
    counts = np.bincount(heads, minlength=N + 1)
    observed = [*counts[cells], RUNS - counts[cells].sum()]
    wanted = [*expected[cells], RUNS - expected[cells].sum()]
    chi2 = sum((o - e) ** 2 / e for o, e in zip(observed, wanted, strict=True))
    free = len(observed) - 1
    assert chi2 < free * (1 - 2 / (9 * free) + 6.0 * math.sqrt(2 / (9 * free))) ** 3


def test_mean_and_variance_are_those_of_the_coins(heads: np.ndarray) -> None:
    """Six standard errors each: false alarms 2e-9 each."""
    noise = heads - N / 2
    assert abs(noise.mean()) < 6 * math.sqrt(N / 4 / RUNS)
    fourth = N / 4 * (3 * N / 4 - 1 / 2)
    assert abs((noise**2).mean() - N / 4) < 6 * math.sqrt((fourth - (N / 4) ** 2) / RUNS)


def test_two_runs_that_differ_by_one_person_differ_by_noise(heads: np.ndarray) -> None:
    """An attacker who sees the counts of two runs, one without a person that it knows everything
    else about, guesses no better than the noise allows.

    The best guess of two counts is by their difference. Its exact advantage is the distance of the
    difference of two binomials from itself shifted by one; six standard errors: false alarms 1e-9.
    """
    first, second = heads[: RUNS // 2], heads[RUNS // 2 :]
    without = second - first
    with_person = second + 1 - first
    right = (with_person > 0).mean() + (without <= 0).mean()
    difference = np.convolve(weights(N), weights(N))
    most = 1 + np.abs(np.diff(difference, prepend=0, append=0)).sum() / 2
    assert right < most + 6 * math.sqrt(2 * 0.25 / len(first))
    # One guess costs two counts; what the budget says of them bounds it too.
    assert most - 1 < math.sqrt(2 * 2 * RHO_NANO / 1e9 / 2)


def test_the_interval_that_is_told_covers_the_true_count(heads: np.ndarray) -> None:
    """At least 95 %; six standard errors below: false alarms 1e-9."""
    covered = 0
    for tossed in heads:
        noisy = noisy_count(500 + int(tossed) - N // 2, RHO_NANO, dummies=N)
        covered += noisy.low <= 500 <= noisy.high
    assert covered / RUNS > 0.95 - 6 * math.sqrt(0.95 * 0.05 / RUNS)
    assert noisy.dummies == N
