"""What hides the matrix in a reply: a mask on the plaintext, a flood on the ciphertext's noise.

The mask is uniform in every coefficient that the key holder is not to see. The flood is one uniform
integer in [-2^F, 2^F) for each coefficient of the first polynomial; by it the noise of the reply,
which is a linear function of the matrix that the key holder knows, drowns (`bfv_packing.py` has the
margin). Both are drawn from the rng that a step is given.
"""

import numpy as np

from protocols.session import Rng
from protocols.sums.seal import DEGREE, Coefficients


def mask(plain_bits: int, rng: Rng) -> Coefficients:
    """Return uniform coefficients below 2^plain_bits."""
    drawn = np.frombuffer(rng(8 * DEGREE), "<u8")
    return drawn & np.uint64((1 << plain_bits) - 1)


def flooded(residues: bytes, primes: list[int], flood_bits: int, rng: Rng) -> bytes:
    """Return a ciphertext's residues with a fresh flood added to its first polynomial."""
    added = flood(primes, flood_bits, rng)
    words = np.frombuffer(bytearray(residues), "<u8").reshape(2, len(primes), DEGREE)
    first = words[0]
    first += added
    moduli = np.array(primes, np.uint64)[:, None]
    np.subtract(first, moduli, out=first, where=first >= moduli)
    return words.tobytes()


def flood(primes: list[int], flood_bits: int, rng: Rng) -> Coefficients:
    """Return the residues, shape (primes, 8192), of uniform integers in [-2^F, 2^F)."""
    size = -(-(flood_bits + 1) // 8)
    drawn, low_bits, half = rng(size * DEGREE), (1 << flood_bits + 1) - 1, 1 << flood_bits
    numbers = [
        (int.from_bytes(drawn[at : at + size], "little") & low_bits) - half
        for at in range(0, len(drawn), size)
    ]
    return np.array([[n % p for n in numbers] for p in primes], np.uint64)
