"""Noise that is in a set before it is counted: each of n dummies is there by the toss of a coin.

Both sides know the n dummies, and only the one that tossed knows which it holds. A count over both
sets then has Binomial(n, ½) too many; with n/2 taken off it is right on average, with variance n/4,
and who counts never sees it without noise (`protocols/psi/padding.py`).

One person moves the count by one. Binomial noise has no finite price in plain zCDP: its tails end.
With the tails cut off it has one: it is *delta-approximately* rho-zCDP (Bun and Steinke 2016,
Definition 8.1), where delta is the weight of what is cut off, at most `DELTA` here (Hoeffding).
Such deltas add up beside the rhos: a thousand counts have a hundredth of 10^-15, the smallest delta
that a collaboration can agree to, so they are documented and not booked. What is booked is a rho
that is proved to suffice:

    rho = sup over a > 1 of K(a) / (a (a - 1)),   K(a) = log Σ P(k)^a Q(k)^(1-a)

over the k that are left. K is convex and zero at 0 and 1, so between two points of a grid it lies
below their chord, and the bound holds for every a, not for those on the grid alone.

**Source.** Binomial noise from dummies: the design of DPCA-PSI. Bounds: M. Bun, T. Steinke,
*Concentrated differential privacy*, 2016.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

from protocols.dp.budget import NANO, Rho, sigma_for
from protocols.dp.noise import CONFIDENCE_MISS
from protocols.errors import InvalidParameter

DELTA = 1e-20
"""The most weight that is cut off the tails, for one count."""
MOST = 2**17
"""No count asks for more dummies."""
IN_NAME_ONLY_NANO = NANO
"""From rho 1 on noise is smaller than one person and hides nobody: dummies would be in name only
too, and are left out."""

_REACH = math.log(2 / DELTA) / 2
_FIRST, _RATIO = 1e-3, 1.02
_ROUNDING = 1 + 1e-6
"""Above the rounding errors of the sums."""

Floats = NDArray[np.float64]


@functools.lru_cache(maxsize=1024)
def price(n: int) -> Rho:
    """Return a rho that one count with n dummies costs at most, but for a delta of `DELTA`.

    `n` is even. Raises: InvalidParameter for an odd n, or one with too few dummies for `DELTA`.
    """
    reach = math.ceil(math.sqrt(max(n, 0) * _REACH))
    if n % 2 or not 0 < reach <= n // 2:
        raise InvalidParameter("so few dummies hide nobody, and an odd number has no middle")
    losses, weights = _window(n, reach)
    best, below, at_below = 0.0, 0.0, 0.0
    order = _FIRST  # α - 1
    while best == 0 or losses[0] / (1 + below) > best:
        value = float(np.log1p(np.dot(weights, np.expm1(order * losses))))
        best = max(best, _most(below, at_below, order, value))
        below, at_below, order = order, value, order * _RATIO
    return Rho(math.ceil(best * _ROUNDING * NANO))


def _window(n: int, reach: int) -> tuple[Floats, Floats]:
    """Return log(P/Q) and P over the outcomes that are left, largest loss first.

    P is the number of dummies, Q the same and one person more; n/2 ± reach is left, which has the
    same weight under both.
    """
    k = np.arange(n // 2 - reach + 1, n // 2 + reach + 1, dtype=np.float64)
    losses = np.log(n - k + 1) - np.log(k)
    logs = np.cumsum(losses)  # log of n over k, but for a constant
    weights = np.exp(logs - logs.max())
    return losses, weights / weights.sum()


def _most(low: float, at_low: float, high: float, at_high: float) -> float:
    """Return the most of chord(a) / (a (a - 1)) for a - 1 from `low` to `high`."""
    slope = (at_high - at_low) / (high - low)
    zero = high - at_high / slope  # where the chord is zero: at a - 1 = 0 or above

    def ratio(order: float) -> float:
        return slope * (order - zero) / (order * (order + 1))

    if low == 0:
        return slope
    # The derivative is zero at order = zero + √(zero² + zero).
    peak = min(max(zero + math.sqrt(zero * zero + zero), low), high)
    return max(ratio(low), ratio(peak), ratio(high))


@functools.lru_cache(maxsize=1024)
def least(rho_nano: int, strict: bool) -> int:
    """Return how many dummies a count needs that may cost `rho_nano`; 0 from rho 1 on.

    Without strict hashing whoever counts sees on which of two curves a match lies, so it has two
    counts, and each needs its noise. On which of them a dummy falls is chance.
    Raises: InvalidParameter if more than `MOST` would be needed, or the price is not above 0.
    """
    if rho_nano >= IN_NAME_ONLY_NANO:
        return 0
    if rho_nano <= 0:
        raise InvalidParameter("a count costs more than rho 0")
    few, enough = 0, MOST // 2
    while enough - few > 1:
        middle = (few + enough) // 2
        if _costs_at_most(2 * middle, rho_nano):
            enough = middle
        else:
            few = middle
    n = 2 * enough
    if not strict:
        n = _with_both_sides(n)
    if n > MOST or not _costs_at_most(2 * enough, rho_nano):
        raise InvalidParameter("a count at this price would need too many dummies")
    return n


def _costs_at_most(n: int, rho_nano: int) -> bool:
    try:
        return price(n).nano <= rho_nano
    except InvalidParameter:
        return False


def _with_both_sides(n: int) -> int:
    """Return how many coins have at least n heads and n tails, but for a chance of `DELTA`."""
    root = math.sqrt(_REACH) + math.sqrt(_REACH + 2 * n)  # its square x has x/2 - √(x · reach) = n
    return 2 * math.ceil(root * root / 2)


@functools.lru_cache(maxsize=256)
def half_width(rho_nano: int, n: int) -> int:
    """Return the smallest w that the noise of both sides reaches with at most 5 %.

    One side has tossed for n dummies, the other adds discrete Gaussian noise of price `rho_nano`.
    """
    sigma = sigma_for(rho_nano)
    reach = math.ceil(9 * sigma) + 1
    steps = np.arange(-reach, reach + 1)
    gaussian = np.exp(-(steps.astype(np.float64) ** 2) / (2 * sigma * sigma))
    gaussian /= gaussian.sum()
    side = min(n // 2, math.ceil(math.sqrt(n * _REACH)))
    up = np.arange(n // 2 + 1, n // 2 + side + 1, dtype=np.float64)
    falling = np.exp(np.cumsum(np.log(n - up + 1) - np.log(up)))
    tossed = np.concatenate([falling[::-1], [1.0], falling])
    both = np.convolve(gaussian, tossed / tossed.sum())
    middle = len(both) // 2
    inside = both[middle] + 2 * np.cumsum(both[middle + 1 :])
    # |noise| < w has the weight of the w - 1 values on each side.
    return int(np.searchsorted(inside, 1 - CONFIDENCE_MISS)) + 2
