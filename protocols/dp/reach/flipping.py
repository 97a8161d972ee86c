"""Randomised response on a bitmap: every bit turns over by chance, once, and then it may be shown.

A person sets at most one bit. The rest of the bitmap is the same with them and without, bits turn
over independently, and each by the same exact probability p = t / 2^64. So whatever comes out is at
most (1 - p) / p times as likely with a person as without: **epsilon-DP** with
epsilon' = ln((2^64 - t) / t). The word t is the least that keeps this at or below the epsilon that
was asked for, by rational numbers: the partial sums of the series of e^x lie below e^x.

**In the ledger's currency** it costs rho = epsilon' · tanh(epsilon' / 2) of zCDP, less than the
epsilon² / 2 of any epsilon-DP mechanism. Proof: let e stand for epsilon'. The Rényi divergence of
order a between the two distributions of one bit is K / (a - 1) with, for u = a - 1/2,

    K = log cosh(u e) - log cosh(e / 2).

To show: K ≤ rho · a (a - 1) = rho · (u² - 1/4) for u ≥ 1/2. Both are zero at u = 1/2. Their
derivatives are e · tanh(u e) and 2 u · e · tanh(e / 2); and tanh(u e) / u falls as u rises, because
tanh is concave above zero, so it is at most its value at 1/2, which is 2 tanh(e / 2). ∎
And tanh(e / 2) is exactly 1 - 2 p, so the price is rational as well.

OpenDP's randomised response for bit vectors does not fit: it takes the whole vector for one
person's, and prices it so. Randomness is an argument here, 64 bits for each bit.
"""

import functools
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from protocols.dp.budget import Rho
from protocols.errors import InvalidParameter
from protocols.session import Rng

MECHANISM = "randomised-response"
"""What the use record calls it."""
MAX_EPSILON_MILLI = 10_000
"""Thousandths. With more, noise would be in name only."""

_WORDS = 2**64
_TERMS = 90
"""Of the series of e^x: for x up to 10 what is left out is far below 2^-64."""
_AT_ONCE = 2**20


@functools.lru_cache(maxsize=256)
def threshold(epsilon_milli: int) -> int:
    """Return t: a bit turns over if a random word of 64 bits is below it.

    Raises: InvalidParameter unless 1 ≤ epsilon_milli ≤ 10,000.
    """
    if type(epsilon_milli) is not int or not 1 <= epsilon_milli <= MAX_EPSILON_MILLI:
        raise InvalidParameter("the epsilon of a sketch is from 0.001 to 10")
    x, term, below = Fraction(epsilon_milli, 1000), Fraction(1), Fraction(1)
    for n in range(1, _TERMS):
        term = term * x / n
        below += term
    # The least t with (2^64 - t) / t ≤ below ≤ e^x.
    return -(-_WORDS // (1 + below))


def chance(epsilon_milli: int) -> Fraction:
    """Return the exact probability that a bit turns over. Raises: InvalidParameter."""
    return Fraction(threshold(epsilon_milli), _WORDS)


def price(epsilon_milli: int) -> Rho:
    """Return what a sketch costs, rounded up to a billionth. Raises: InvalidParameter."""
    scaled = epsilon_milli * 10**6 * (_WORDS - 2 * threshold(epsilon_milli))
    return Rho(-(-scaled // _WORDS))


def flip(bits: NDArray[np.bool_], epsilon_milli: int, rng: Rng) -> NDArray[np.bool_]:
    """Return the bits, each turned over by chance. Each call draws anew and must be charged anew.

    Raises: InvalidParameter.
    """
    below = np.uint64(threshold(epsilon_milli))
    out = bits.copy()
    for start in range(0, len(bits), _AT_ONCE):
        part = out[start : start + _AT_ONCE]
        part ^= np.frombuffer(rng(8 * len(part)), "<u8") < below
    return out
