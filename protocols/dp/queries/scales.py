"""Scales of noise for a price: the smallest that OpenDP agrees to.

A formula says about where it lies; OpenDP's own statement of the price has the last word.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from protocols.dp import noise, vector_noise
from protocols.dp.budget import NANO
from protocols.dp.queries.query import MAX_PARTS_OF_WHOLE
from protocols.errors import InvalidParameter

_MAX_MILLI = 2**60


@dataclass(frozen=True, slots=True)
class Part:
    """One vector of cells with its noise."""

    measure: str
    bound: int
    """The most that one row adds to a cell, up or down."""
    distance: float
    """The most that one person changes the vector, in L2."""
    rho_nano: int
    sigma_milli: int

    @property
    def sigma(self) -> float:
        """The scale of the noise."""
        return self.sigma_milli / 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """How one quantile is chosen in one group."""

    at: int
    sensitivity: int
    """The most that one person moves the score of a candidate."""
    rho_nano: int
    scale_milli: int

    @property
    def scale(self) -> float:
        """The scale of the Gumbel noise."""
        return self.scale_milli / 1000

    def rank_within(self, candidates: int) -> int:
        """Return how many rows the rank is off by at most, with a probability of 95 %."""
        reach = self.scale * math.log(candidates / noise.CONFIDENCE_MISS)
        return math.ceil(reach / MAX_PARTS_OF_WHOLE)


@dataclass(frozen=True, slots=True)
class Keys:
    """How words that nobody listed come out."""

    rho_nano: int
    sigma_milli: int
    threshold: int
    groups: int
    delta_exponent: int

    @property
    def sigma(self) -> float:
        """The scale of the noise."""
        return self.sigma_milli / 1000


def scale_milli(rho_nano: int, distance: float) -> int:
    """Return the smallest scale, in thousandths, that has this price; OpenDP has the last word."""
    if rho_nano <= 0:
        raise InvalidParameter("the price is too low to be shared among so many numbers")
    square = Fraction(distance) ** 2 * NANO * 10**6 / (2 * rho_nano)
    start = max(1, math.isqrt(int(square)))
    rho = Fraction(rho_nano, NANO)
    step = max(1, start // 10**13)  # a float has 53 bits
    for milli in range(start, start + 20 * step, step):
        if milli >= _MAX_MILLI:
            break
        if vector_noise.gaussian_price(milli / 1000, distance) <= rho:
            return milli
    raise InvalidParameter("the price is too low: no noise that wide can be drawn")


def choice(at: int, rows: int, rho_nano: int) -> Choice:
    if rho_nano <= 0:
        raise InvalidParameter("the price is too low to be shared among so many quantiles")
    sensitivity = rows * max(at, MAX_PARTS_OF_WHOLE - at)
    rho = Fraction(rho_nano, NANO)
    start = max(1, math.isqrt(sensitivity**2 * NANO * 10**6 // (2 * rho_nano)))
    for milli in range(start, start + 20):
        if vector_noise.lowest_price(milli / 1000, sensitivity) <= rho:
            return Choice(at, sensitivity, rho_nano, milli)
    raise noise.NoiseNotProven("no scale near the expected one has this price")


def keys(rho_nano: int, groups: int, delta_exponent: int) -> Keys:
    """Return noise of this price with the lowest threshold that keeps delta."""
    sigma_milli = scale_milli(rho_nano, vector_noise.l2(1, groups))
    rho, delta = Fraction(rho_nano, NANO), Fraction(1, 10**delta_exponent)

    def holds(threshold: int) -> bool:
        found = vector_noise.keys_price(sigma_milli / 1000, threshold, groups)
        return found[0] <= rho and found[1] <= delta

    far = 1 + math.ceil(sigma_milli / 1000 * 40)
    if vector_noise.keys_price(sigma_milli / 1000, far, groups)[1] > delta:
        # So far out the true delta is next to nothing: what is left is how exactly it is stated.
        raise InvalidParameter("so small a delta cannot be proved for so many words of a person")
    # OpenDP's rho of a threshold is a little above that of the noise alone.
    while not holds(1 + math.ceil(sigma_milli / 1000 * 40)):
        sigma_milli += max(1, sigma_milli // 100_000)
        if sigma_milli >= _MAX_MILLI:
            raise InvalidParameter("the price is too low: no noise that wide can be drawn")
    low, high = 1, 1 + math.ceil(sigma_milli / 1000 * 40)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return Keys(rho_nano, sigma_milli, high, groups, delta_exponent)
