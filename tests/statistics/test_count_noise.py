"""The noise that leaves OpenDP is the discrete Gaussian that was paid for.

OpenDP cannot be seeded, so these tests draw anew each time. Each states its false-alarm rate: how
often it would fail although everything is right. Together they fail by chance less than once in ten
million runs.
"""

import math

import numpy as np
import pytest

from protocols.dp.budget import sigma_milli
from protocols.dp.count import noisy_count
from protocols.dp.noise import half_width, price

DRAWS = 6000


def _draws(rho_nano: int, count: int = 10_000, sensitivity: int = 1) -> np.ndarray:
    drawn = [noisy_count(count, rho_nano, sensitivity).value - count for _ in range(DRAWS)]
    return np.array(drawn)


def _masses(sigma: float) -> dict[int, float]:
    """Return the discrete Gaussian's probabilities up to 14 sigma, summed directly."""
    reach = math.ceil(14 * sigma) + 2
    weights = {k: math.exp(-k * k / (2 * sigma * sigma)) for k in range(-reach, reach + 1)}
    total = math.fsum(weights.values())
    return {k: w / total for k, w in weights.items()}


# rho 0.5 → sigma 1 (where the discrete and the continuous law differ), 0.02 → 5, 0.005 → 10.
@pytest.mark.parametrize("rho_nano", [500_000_000, 20_000_000, 5_000_000])
def test_draws_follow_the_discrete_gaussian(rho_nano: int) -> None:
    """Chi-square over cells of at least 20 expected draws; false alarms 1e-9 (Wilson–Hilferty)."""
    masses = _masses(sigma_milli(rho_nano) / 1000)
    drawn = _draws(rho_nano)
    cells = [k for k, p in masses.items() if p * DRAWS >= 20]
    low, high = min(cells), max(cells)
    observed = [int((drawn == k).sum()) for k in range(low, high + 1)]
    observed += [int((drawn < low).sum() + (drawn > high).sum())]
    expected = [masses[k] * DRAWS for k in range(low, high + 1)]
    expected += [DRAWS - math.fsum(expected)]
    chi2 = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    free = len(observed) - 1
    limit = free * (1 - 2 / (9 * free) + 6.0 * math.sqrt(2 / (9 * free))) ** 3
    assert chi2 < limit


@pytest.mark.parametrize(
    ("rho_nano", "sensitivity"), [(500_000_000, 1), (5_000_000, 1), (5_000_000, 3)]
)
def test_mean_and_variance_are_those_of_the_scale(rho_nano: int, sensitivity: int) -> None:
    """Six standard errors each: false alarms 2e-9 each."""
    sigma = sigma_milli(rho_nano, sensitivity) / 1000
    masses = _masses(sigma)
    variance = math.fsum(k * k * p for k, p in masses.items())
    fourth = math.fsum(k**4 * p for k, p in masses.items())
    drawn = _draws(rho_nano, sensitivity=sensitivity)
    assert abs(drawn.mean()) < 6 * math.sqrt(variance / DRAWS)
    spread = math.sqrt((fourth - variance**2) / DRAWS)
    assert abs((drawn.astype(float) ** 2).mean() - variance) < 6 * spread


def test_the_interval_covers_the_true_count() -> None:
    """At least 95 %; six standard errors below: false alarms 1e-9."""
    covered = 0
    for _ in range(DRAWS):
        noisy = noisy_count(500, 5_000_000)
        covered += noisy.low <= 500 <= noisy.high
    assert covered / DRAWS > 0.95 - 6 * math.sqrt(0.95 * 0.05 / DRAWS)


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.0, 2.0, 5.0, 10.001, 50.7, 333.0])
def test_the_half_width_is_the_smallest_that_holds(sigma: float) -> None:
    """Exact, no chance involved: against direct summation."""
    masses = _masses(sigma)

    def reached(width: int) -> float:
        return math.fsum(p for k, p in masses.items() if abs(k) >= width)

    width = half_width(sigma)
    assert reached(width) <= 0.05 < reached(width - 1)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 10.0, 50.7, 1000.0])
def test_the_stated_price_bounds_the_divergence(sigma: float) -> None:
    """Exact: the Rényi divergence of order a between neighbouring counts is at most a rho."""
    masses = _masses(sigma)
    rho = float(price(sigma))
    assert rho == pytest.approx(1 / (2 * sigma * sigma), rel=1e-12)
    for order in (1.5, 2.0, 8.0):
        ratio = math.fsum(
            p * math.exp((order - 1) * (1 - 2 * k) / (2 * sigma**2)) for k, p in masses.items()
        )
        # With k drawn from the one count, log(p(k) / p(k - 1)) = (1 - 2k) / (2 sigma²).
        assert math.log(ratio) / (order - 1) <= order * rho * (1 + 1e-6) + 1e-12


def test_noise_does_not_depend_on_the_count() -> None:
    """Two samples over neighbouring counts: equal means within six standard errors, 2e-9."""
    rho_nano = 5_000_000
    sigma = sigma_milli(rho_nano) / 1000
    difference = _draws(rho_nano, 0).mean() - _draws(rho_nano, 2**40).mean()
    assert abs(difference) < 6 * sigma * math.sqrt(2 / DRAWS)
