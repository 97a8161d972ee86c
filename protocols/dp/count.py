"""A count of people with noise: how any size leaves a run.

A person changes a count by at most its sensitivity d (1, unless one may match under several
identifiers), so discrete Gaussian noise of scale sigma costs rho = d² / (2 sigma²). The value is
released as drawn, below zero too, because cutting it off would bias every sum of such counts;
people are shown `shown()`. A release is committed to by a salted hash, which the run receipt
carries: the receipt proves what was said without saying it.

A count that was taken over dummies (`coins.py`) has noise already when it comes here. It gets this
noise all the same: the one who tossed for the dummies could take its own noise off again.
"""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from protocols.codec import Record, encode
from protocols.dp import budget, coins, noise
from protocols.errors import InvalidParameter

MAX_COUNT = 2**48
SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class NoisyCount(Record):
    """What was drawn, between which bounds the true count lies with 95 %, and what it cost."""

    KIND: ClassVar[str] = "noisy-count/1"
    value: int
    """People, as drawn; may be negative."""
    low: int
    high: int
    """The true count is from `low` to `high` with a probability of at least 95 %."""
    sigma_milli: int
    """Scale of the discrete Gaussian noise, in thousandths of a person."""
    rho_nano: int
    """What was charged, in billionths of a rho (zCDP)."""
    dummies: int = 0
    """Dummies among which one side tossed before it was counted: further noise, of variance a
    quarter of their number."""

    def shown(self) -> int:
        """Return the value for people to read: never below zero."""
        return max(0, self.value)


@dataclass(frozen=True, slots=True)
class SizeRelease(Record):
    """A noisy size as one party was told it; the salt keeps the commitment from being guessed."""

    KIND: ClassVar[str] = "size-release/1"
    to: str
    what: str
    """As in `protocols.job.Released`: `noisy-size`."""
    noisy: NoisyCount
    salt: bytes
    """32 random bytes."""


def noisy_count(count: int, rho_nano: int, sensitivity: int = 1, dummies: int = 0) -> NoisyCount:
    """Draw a noisy count at a price that the caller has charged, durably, before.

    `count` is people, up to 2^48, `rho_nano` 1 … 10^10; `sensitivity` is how much one person more
    or less changes the count at most. With `dummies`, half of them have been taken off it, so it
    may be as low as -dummies/2; else it is not negative. Each call draws anew and must be charged
    anew.
    Raises: InvalidParameter; NoiseNotProven if OpenDP does not confirm the price.
    """
    if not -(dummies // 2) <= count <= MAX_COUNT:
        raise InvalidParameter("a count is between 0 and 2^48")
    sigma_milli = budget.sigma_milli(rho_nano, sensitivity)
    sigma = sigma_milli / 1000
    value = noise.draw(count, sigma, Fraction(rho_nano, budget.NANO), sensitivity)
    width = coins.half_width(rho_nano, dummies) if dummies else noise.half_width(sigma)
    return NoisyCount(value, value - width, value + width, sigma_milli, rho_nano, dummies)


def release(to: str, what: str, noisy: NoisyCount, salt: bytes) -> tuple[SizeRelease, bytes]:
    """Return the release for party `to` and the 32-byte commitment that the run receipt carries.

    Raises: InvalidParameter unless the salt has 32 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise InvalidParameter("a salt has 32 bytes")
    released = SizeRelease(to, what, noisy, salt)
    return released, commitment(released)


def commitment(released: SizeRelease) -> bytes:
    """Return the SHA-256 of the encoding: what opens a commitment is the release itself."""
    return hashlib.sha256(encode(released)).digest()
