"""Rates from noisy counts, their difference and ratio, with what the interval is to cover.

An arm has c people who converted and n who did not, seen with independent noise of scales s and t.
If the people are a draw from a large population of which a part p converts, (1-p)c - pn is about 0,
with a variance of (c+n)p(1-p) from sampling and s²(1-p)² + t²p² from noise. The p that are not
refuted at 95 % are between the roots of a quadratic: with noise alone it is Fieller's interval,
with sampling alone Wilson's, and with both the one for both. Differences and ratios of two arms
take the distances of both intervals (Newcombe 1998; Donner, Zou 2012).
"""

import math
from enum import StrEnum

from protocols.dp.queries.ratios import Interval

Z95 = 1.959964
_HALF_STEP = 0.5 / Z95


class Covers(StrEnum):
    """What an interval allows for."""

    NOISE = "noise"
    """The noise: the truth is the rate of the people that were counted."""
    SAMPLING = "sampling"
    """That these people are a draw: as if the noisy counts were exact."""
    BOTH = "both"


def stand_in(sigma: float) -> float:
    """Return the scale of the normal noise that stands for noise of this scale.

    Noise is of whole people: with half a step more the stand-in is never too narrow.
    """
    return sigma + _HALF_STEP


def rate(
    converted: int, others: int, sigma: float, covers: Covers, others_sigma: float | None = None
) -> Interval:
    """Return the part that converted; counts below 0 are taken as 0, which only widens.

    `others_sigma` is the scale of the noise of the others, if it is another one. The people are
    more than z times their noise, the root of the squares of `stand_in` of both scales.
    """
    c, n = max(0, converted), max(0, others)
    people = c + n
    z = 0.0 if covers is Covers.SAMPLING else Z95
    s = (z * stand_in(sigma)) ** 2
    t = s if others_sigma is None else (z * stand_in(others_sigma)) ** 2
    draw = 0.0 if covers is Covers.NOISE else Z95**2 * people
    # people·p is off from c by the square root of draw·p(1-p) + s(1-p)² + t·p², at most.
    a = people**2 + draw - s - t
    b = 2 * c * people + draw - 2 * s
    root = math.sqrt(max(0.0, b * b - 4 * a * (c**2 - s)))
    return Interval(c / people, (b - root) / (2 * a), (b + root) / (2 * a)).within(0.0, 1.0)


def difference(one: Interval, base: Interval) -> Interval:
    """Return one rate less base, both independent."""
    return distance(one, base).within(-1.0, 1.0)


def distance(one: Interval, base: Interval) -> Interval:
    """Return one less base, both independent, whatever they are."""
    value = one.value - base.value
    down = math.hypot(one.value - one.low, base.high - base.value)
    up = math.hypot(one.high - one.value, base.value - base.low)
    return Interval(value, value - down, value + up)


def quotient(one: Interval, base: Interval) -> Interval:
    """Return one divided by base, both independent and base above 0 (its whole interval)."""
    product = one.value * base.value
    a, c = _parts(base.value, base.high), _parts(one.value, one.low)
    least = product + math.sqrt(max(0.0, product**2 - a * c))
    low = c / least if least > 0 else 0.0
    a, c = _parts(base.value, base.low), _parts(one.value, one.high)
    high = (product + math.sqrt(max(0.0, product**2 - a * c))) / a
    return Interval(one.value / base.value, low, high)


def _parts(value: float, end: float) -> float:
    """Return value² less the square of the distance to an end."""
    return end * (2 * value - end)
