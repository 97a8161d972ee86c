"""The only file that touches OpenDP: discrete Gaussian noise on one integer, and what it costs.

Everything is asked of the library, not recomputed: the price of a scale (`map`), its accuracy, the
conversion to epsilon, the draw. OpenDP rounds prices to the safe side and draws exactly, without
floating-point artefacts (Canonne, Kamath, Steinke 2020). Its randomness is its own and cannot be
seeded: this is the one place in the pure packages where randomness is not an argument. The library
is loaded on first use, which takes 0.15–0.3 s.
"""

import functools
import math
from fractions import Fraction
from typing import Any

from protocols.errors import InvalidParameter, LocalError

GAUSSIAN = "discrete-gaussian"
"""Name of the mechanism, as records and receipts say it."""

CONFIDENCE_MISS = 0.05
"""Intervals are stated at 95 %: noise reaches their half-width with at most this probability."""


class NoiseNotProven(LocalError):
    """The noise could not be shown to cost at most what was charged, so nothing was released."""

    code = "noise-not-proven"


@functools.lru_cache(maxsize=256)
def gaussian(sigma: float) -> Any:
    """Return OpenDP's measurement: discrete Gaussian noise of scale `sigma` > 0 on one int64.

    Neighbouring inputs differ by an absolute distance; the price is in rho (zero-concentrated DP).
    """
    from opendp.domains import atom_domain
    from opendp.measurements import make_gaussian
    from opendp.metrics import absolute_distance
    from opendp.mod import enable_features

    enable_features("contrib")  # OpenDP's word for: proved on paper, reviewed by its contributors
    return make_gaussian(atom_domain(T="i64"), absolute_distance(T="i64"), scale=sigma)


def price(sigma: float, sensitivity: int = 1) -> Fraction:
    """Return the rho, exactly as OpenDP states it, that one count of people costs at this scale.

    `sensitivity` is how much one person more or less changes the count at most.
    """
    return Fraction(gaussian(sigma).map(sensitivity))


def draw(count: int, sigma: float, rho: Fraction, sensitivity: int = 1) -> int:
    """Return `count` plus noise of scale `sigma`, if that costs at most `rho`; may be negative.

    Raises: NoiseNotProven.
    """
    if price(sigma, sensitivity) > rho:
        raise NoiseNotProven("the noise costs more than was charged")
    drawn = gaussian(sigma)(count)
    if not isinstance(drawn, int):
        raise NoiseNotProven("the noise is not an integer")
    return drawn


@functools.lru_cache(maxsize=256)
def half_width(sigma: float) -> int:
    """Return the smallest w that noise of this scale reaches (|noise| ≥ w) with at most 5 %."""
    from opendp.accuracy import discrete_gaussian_scale_to_accuracy

    accuracy: float = discrete_gaussian_scale_to_accuracy(sigma, CONFIDENCE_MISS, T="f64")
    return math.ceil(accuracy)


@functools.lru_cache(maxsize=256)
def sigma_of_half_width(people: int) -> float:
    """Return the largest scale whose `half_width` is about `people`, as OpenDP inverts it.

    At the very edge the two may differ by one person. Raises: InvalidParameter unless
    2 ≤ people ≤ 10,000.
    """
    if not 2 <= people <= 10_000:
        raise InvalidParameter("a half-width is between 2 and 10,000 people")
    from opendp.accuracy import accuracy_to_discrete_gaussian_scale

    return float(accuracy_to_discrete_gaussian_scale(float(people), CONFIDENCE_MISS, T="f64"))


def epsilon(rho: Fraction, delta_exponent: int) -> float:
    """Return an epsilon such that rho-zCDP implies (epsilon, 10^-delta_exponent)-DP; rounded up."""
    from opendp.combinators import make_zCDP_to_approxDP

    # A measurement that costs at least `rho`: its epsilon bounds ours from above.
    sigma = math.sqrt(float(1 / (2 * rho)))
    if price(sigma) < rho:
        sigma *= 1 - 1e-12
    if price(sigma) < rho:
        raise NoiseNotProven("no measurement near the expected one has this price")
    delta = float(Fraction(1, 10**delta_exponent))
    if Fraction(delta) > Fraction(1, 10**delta_exponent):
        delta = math.nextafter(delta, 0.0)
    converted: Any = make_zCDP_to_approxDP(gaussian(sigma))
    return float(converted.map(1).epsilon(delta))
