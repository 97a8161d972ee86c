"""The privacy budget: exact sums of rho, and what they mean in epsilon and in questions.

Cost is counted in rho of zero-concentrated differential privacy (Bun and Steinke 2016), which
simply adds up, in whole billionths: no float ever decides whether a release is paid for. People
are shown epsilon at the collaboration's delta and, better, how many counts of a stated accuracy are
left.
"""

import functools
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from protocols.dp import noise
from protocols.errors import BudgetExceeded, InvalidParameter

NANO = 10**9
MAX_NANO = 2**63 - 1
PUBLIC = "public"
"""In place of a counterparty: what a party publishes about its own people. No party has this name.
"""
MAX_RELEASE_NANO = 10 * NANO
"""A single release never costs more than rho 10, which is noise in name only."""

HALF_WIDTH = 100
"""People: the accuracy (± at 95 %) that questions left are counted in."""

_DECIMAL = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Rho:
    """An amount of rho in whole billionths, never negative.

    Raises: InvalidParameter outside 0 … 2^63 - 1.
    """

    nano: int

    def __post_init__(self) -> None:
        if type(self.nano) is not int or not 0 <= self.nano <= MAX_NANO:
            raise InvalidParameter("a rho is a whole number of billionths, at least 0")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a decimal with at most nine places, as `0.005`. Raises: InvalidParameter."""
        found = _DECIMAL.fullmatch(text)
        if found is None:
            raise InvalidParameter("a rho is written as a decimal with at most nine places")
        return cls(int(found[1]) * NANO + int((found[2] or "").ljust(9, "0")))

    def decimal(self) -> str:
        """Return the shortest decimal that `parse` reads back."""
        whole, part = divmod(self.nano, NANO)
        return f"{whole}.{part:09d}".rstrip("0").rstrip(".")

    __str__ = decimal

    def __add__(self, other: "Rho") -> "Rho":
        return Rho(self.nano + other.nano)

    def __sub__(self, other: "Rho") -> "Rho":
        """Return what is left. Raises: InvalidParameter if that would be negative."""
        return Rho(self.nano - other.nano)


def require(cost: Rho, left: Rho) -> None:
    """Return if what is left covers a cost. Raises: BudgetExceeded, with what is missing."""
    if cost > left:
        raise BudgetExceeded(
            requested=cost.decimal(), available=left.decimal(), missing=(cost - left).decimal()
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A limit and the charges against it, in order; it cannot exist overspent.

    A value: the caller stores what `charge` returns, durably, before it releases anything.
    """

    limit: Rho
    charges: tuple[Rho, ...] = ()

    def __post_init__(self) -> None:
        if sum(c.nano for c in self.charges) > self.limit.nano:
            raise InvalidParameter("an account cannot hold more charges than its limit")

    @property
    def spent(self) -> Rho:
        """What all charges come to."""
        return Rho(sum(c.nano for c in self.charges))

    @property
    def left(self) -> Rho:
        """What may still be charged."""
        return self.limit - self.spent

    def charge(self, rho: Rho) -> "Account":
        """Return the account after a charge. Raises: BudgetExceeded, with what is missing."""
        require(rho, self.left)
        return Account(self.limit, (*self.charges, rho))


@functools.lru_cache(maxsize=1024)
def epsilon(rho_nano: int, delta_exponent: int) -> float:
    """Return the epsilon that this rho means at delta = 10^-delta_exponent, rounded up to 0.001.

    Conversion by OpenDP (`make_zCDP_to_approxDP`). Raises: InvalidParameter unless
    1 ≤ delta_exponent ≤ 30.
    """
    if not 1 <= delta_exponent <= 30:
        raise InvalidParameter("delta is between 10^-1 and 10^-30")
    if Rho(rho_nano).nano == 0:
        return 0.0
    return math.ceil(noise.epsilon(Fraction(rho_nano, NANO), delta_exponent) * 1000) / 1000


@functools.lru_cache(maxsize=1024)
def sigma_milli(rho_nano: int, sensitivity: int = 1) -> int:
    """Return the smallest noise scale of a count at this price, in thousandths of a person.

    About 1000 · sensitivity / √(2 rho); OpenDP's `map` has the last word. Raises: InvalidParameter
    unless 0 < rho ≤ 10 and 1 ≤ sensitivity; NoiseNotProven if OpenDP asks much more than that.
    """
    if not 0 < rho_nano <= MAX_RELEASE_NANO:
        raise InvalidParameter("a release costs more than rho 0 and at most rho 10")
    if sensitivity < 1:
        raise InvalidParameter("a person changes a count by at least 1")
    rho = Fraction(rho_nano, NANO)
    start = max(1, math.isqrt(10**15 * sensitivity**2 // (2 * rho_nano)))
    for milli in range(start, start + 10):
        if noise.price(milli / 1000, sensitivity) <= rho:
            return milli
    raise noise.NoiseNotProven("no scale near the expected one has this price")


def sigma_for(rho_nano: int, sensitivity: int = 1) -> float:
    """Return `sigma_milli` in people: the standard deviation to plan with."""
    return sigma_milli(rho_nano, sensitivity) / 1000


@functools.lru_cache(maxsize=1024)
def price_of(half_width: int) -> Rho:
    """Return the least rho that buys a count whose 95 % interval is at most ± `half_width` people.

    Raises: InvalidParameter unless 2 ≤ half_width ≤ 10,000.
    """
    milli = math.floor(noise.sigma_of_half_width(half_width) * 1000)
    if noise.half_width(milli / 1000) > half_width:
        milli -= 1
    return Rho(math.ceil(noise.price(milli / 1000) * NANO))


def questions_left(rho_left: Rho, half_width: int = HALF_WIDTH) -> int:
    """Return how many counts with ± `half_width` people at 95 % the rest buys."""
    return rho_left.nano // price_of(half_width).nano
