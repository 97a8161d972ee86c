"""The interval of a ratio of two noisy sums (Fieller 1954).

With S and N each off by independent noise of known scales s and n, the ratios θ that are not
refuted at z are those with (S - θN)² ≤ z² (s² + θ² n²). For N above z·n they are one interval, and
it covers the true ratio as often as z says: no approximation by a derivative.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A value between two bounds."""

    value: float
    low: float
    high: float

    def shifted(self, by: float) -> "Interval":
        """Return the same with `by` added."""
        return Interval(self.value + by, self.low + by, self.high + by)

    def within(self, low: float, high: float) -> "Interval":
        """Return the part of it that lies between two bounds that the truth cannot leave."""
        return Interval(*(min(max(v, low), high) for v in (self.value, self.low, self.high)))


def ratio(total: float, count: float, total_sigma: float, count_sigma: float, z: float) -> Interval:
    """Return total / count with its interval; `count` is more than z times its noise."""
    return paired_ratio(total, count, total_sigma**2, 0.0, count_sigma**2, z)


def paired_ratio(
    total: float, count: float, total_square: float, both: float, count_square: float, z: float
) -> Interval:
    """Return total / count with its interval, where both have some of the same noise.

    `total_square` and `count_square` are their variances, `both` is their covariance.
    """
    a = count**2 - z * z * count_square
    b = total * count - z * z * both
    c = total**2 - z * z * total_square
    root = math.sqrt(max(0.0, b * b - a * c))
    return Interval(total / count, (b - root) / a, (b + root) / a)
