"""What hides the matrix in a reply: a mask on the plaintext, a flood on the ciphertext's noise.

The mask is uniform in every coefficient that the key holder is not to see. The flood is one uniform
integer in [-2^F, 2^F) for each coefficient of the first polynomial; by it the noise of the reply,
which is a linear function of the matrix that the key holder knows, drowns (`bfv_packing.py` has the
margin). Both are drawn from the rng that a step is given.
"""

from typing import Any

import numpy as np

from protocols.errors import LocalError
from protocols.session import Rng
from protocols.sums import seal
from protocols.sums.seal import DEGREE, Coefficients
from protocols.sums.seal_stream import Memory


def mask(plain_bits: int, rng: Rng) -> Coefficients:
    """Return uniform coefficients below 2^plain_bits."""
    drawn = np.frombuffer(rng(8 * DEGREE), "<u8")
    return drawn & np.uint64((1 << plain_bits) - 1)


def flooded(scheme: seal.Scheme, cipher: Any, flood_bits: int, rng: Rng, held: Memory) -> None:
    """Add a fresh flood to the first polynomial of a ciphertext that is not transformed."""
    added = flood(scheme.primes[: seal.LEVELS], flood_bits, rng)
    scheme.add_residues(cipher, added, held)


def flood(primes: list[int], flood_bits: int, rng: Rng) -> Coefficients:
    """Return the residues, shape (primes, 8192), of uniform integers in [-2^F, 2^F).

    All primes are a little below 2^60, as those of a ciphertext are: modulo such a prime 2^60 is a
    small number, and so a number is reduced limb by limb without its digits leaving a word.
    """
    above = np.array([(1 << seal.PRIME_BITS) - p for p in primes], np.int64)[:, None]
    if not ((above > 0) & (above < 1 << _LIMB_BITS - 5)).all():
        raise LocalError("a flood is modulo primes a little below 2^60")
    moduli, over = np.array(primes, np.uint64)[:, None], above.astype(np.uint64)
    found = np.zeros((len(primes), DEGREE), np.uint64)
    for limb in _limbs(flood_bits + 1, rng):
        # found · 2^30 + limb, where the upper half of found counts 2^60 each.
        upper = found >> _LIMB
        found &= _LIMB_MASK
        found <<= _LIMB
        found += upper * over + limb
        _reduce(found, moduli)
    half = np.array([-(1 << flood_bits) % p for p in primes], np.uint64)[:, None]
    found += half
    _reduce(found, moduli)
    return found


_LIMB_BITS = 30
_LIMB, _LIMB_MASK = np.uint64(_LIMB_BITS), np.uint64((1 << _LIMB_BITS) - 1)


def _limbs(bits: int, rng: Rng) -> list[Coefficients]:
    """Draw uniform numbers of so many bits, and return their limbs, the highest first.

    Each number is drawn as whole bytes, the lowest first, and the bits above are left out.
    """
    size, count = -(-bits // 8), -(-bits // _LIMB_BITS)
    drawn = np.zeros((DEGREE, 8 * (count + 1)), np.uint8)
    drawn[:, :size] = np.frombuffer(rng(size * DEGREE), np.uint8).reshape(DEGREE, size)
    limbs = []
    for at in reversed(range(count)):
        first, shift = divmod(at * _LIMB_BITS, 8)
        words = np.ascontiguousarray(drawn[:, first : first + 8]).view("<u8")[:, 0]
        kept = min(_LIMB_BITS, bits - at * _LIMB_BITS)
        limbs.append(words >> np.uint64(shift) & np.uint64((1 << kept) - 1))
    return limbs


def _reduce(numbers: Coefficients, moduli: Coefficients) -> None:
    """Take the modulus off once where a number, below twice as much, is not below it."""
    # Below 0 a difference wraps to the larger of the two.
    np.minimum(numbers, numbers - moduli, out=numbers)
