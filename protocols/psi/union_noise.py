"""Matching dummies: the noise on a number of matches that somebody sees inside a protocol.

Both sides know n dummy items. One includes all of them; the other includes each by a secret fair
coin, and a stranger in place of each that it leaves out, so that sizes say nothing. Who joins the
sets sees the true number of matches plus Binomial(n, 1/2), without knowing the coins.

One person more or less among the matches moves that number by one. Against the side that does not
know the coins it is (ε, δ)-differentially private with the exact δ that `delta` returns: the
binomial distribution against itself moved by one,

    δ(ε) = Σ max(0, P(k) - e^ε·P(k-1)) = P(Bin ≤ K) - e^ε·P(Bin ≤ K-1),  K = ⌊(n+1) / (1+e^ε)⌋

because P(k) / P(k-1) = (n-k+1) / k falls, and is e^ε where k is (n+1) / (1+e^ε). Runs add up.
"""

import hashlib
import math
from fractions import Fraction

import numpy as np

from protocols.errors import InvalidParameter
from protocols.session import Rng

LARGEST_NUMBER = 2**16
_DUMMY_LABEL = b"accord/psi-union-dummy/1\x00"


def dummies(ctx: bytes, number: int) -> list[bytes]:
    """Return the 32-byte digests of a run's dummies, which both sides know."""
    return [
        hashlib.sha256(_DUMMY_LABEL + ctx + i.to_bytes(4, "big")).digest() for i in range(number)
    ]


def tossed(known: list[bytes], rng: Rng) -> list[bytes]:
    """Return each dummy or, by a secret fair coin, a stranger in its place: as many in all."""
    number = len(known)
    coins = np.unpackbits(np.frombuffer(rng(-(-number // 8)), dtype=np.uint8))
    strangers = rng(32 * number)
    return [known[i] if coins[i] else strangers[32 * i : 32 * i + 32] for i in range(number)]


def delta(number: int, epsilon: float) -> float:
    """Return the exact δ of `number` dummies at this ε.

    Raises: InvalidParameter for a number outside 1 to 2^16 or a negative ε.
    """
    if not 1 <= number <= LARGEST_NUMBER or not epsilon >= 0:
        raise InvalidParameter(f"dummies are 1 to {LARGEST_NUMBER}, and epsilon is not negative")
    ratio = Fraction(math.exp(epsilon))
    last = math.floor((number + 1) / (1 + ratio))
    term = below = total = 0
    for k in range(last + 1):
        term = 1 if k == 0 else term * (number - k + 1) // k
        below, total = total, total + term
    return float((total - ratio * below) / 2**number)


def dummies_for(epsilon: float, target: float) -> int:
    """Return a number of dummies whose δ at this ε is at most `target`, no larger than it need be.

    Raises: InvalidParameter where 2^16 do not suffice.
    """
    low, high = 0, 1
    while delta(min(high, LARGEST_NUMBER), epsilon) > target:
        if high >= LARGEST_NUMBER:
            raise InvalidParameter(f"{LARGEST_NUMBER} dummies do not suffice")
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if delta(middle, epsilon) <= target else (middle, high)
    return high


def fewest(number: int) -> int:
    """Return how many of so many fair coins show the dummy at least, but for a chance of 2^-40."""
    allowed = 2**number >> 40
    term, total, k = 1, 1, 0
    while total <= allowed:
        k += 1
        term = term * (number - k + 1) // k
        total += term
    return k
