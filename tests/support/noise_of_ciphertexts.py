"""What a key holder can compute of a ciphertext beyond its plaintext: the noise, coefficient by
coefficient. The protocol never does this; the tests do it in the place of a curious party.
"""

import math
from dataclasses import dataclass

import numpy as np

from protocols.sums import seal, seal_stream

Noise = list[int]


@dataclass(frozen=True)
class CuriousHolder:
    """A key holder who looks at noise."""

    scheme: seal.Scheme
    secret: bytes

    @property
    def modulus(self) -> int:
        return math.prod(self.scheme.primes[: seal.LEVELS])

    def noise_of(self, cipher: bytes) -> Noise:
        """Return the noise of each coefficient, rounded to whole numbers.

        `cipher` is residues at the highest level. c_0 + c_1·s is q/t·M and the noise.
        """
        q, t = self.modulus, 1 << self.scheme.plain_bits
        found = []
        for phase in self._phases(cipher):
            rest = phase * t % q
            found.append((rest - q if rest > q // 2 else rest) // t)
        return found

    def noise_of_encryption(self, encryption: bytes) -> Noise:
        """Return the noise of an encryption as it is sent."""
        cipher = self.scheme.encrypted(encryption)
        self.scheme.evaluator.transform_from_ntt_inplace(cipher)
        return self.noise_of(self.scheme.residues(cipher))

    def _phases(self, cipher: bytes) -> list[int]:
        scheme, n = self.scheme, seal.DEGREE
        words = np.frombuffer(cipher, "<u8").reshape(2, seal.LEVELS, n)
        second = np.stack([words[1], words[1]]).tobytes()
        twice = scheme.cipher(second)
        scheme.evaluator.transform_to_ntt_inplace(twice)
        product = scheme.product(twice, self._secret_factor())
        scheme.evaluator.transform_from_ntt_inplace(product)
        times_s = np.frombuffer(scheme.residues(product), "<u8").reshape(2, seal.LEVELS, n)[0]
        q, found = self.modulus, [0] * n
        for level, prime in enumerate(scheme.primes[: seal.LEVELS]):
            other = q // prime
            unit = other * pow(other, -1, prime)
            for i, (a, b) in enumerate(zip(words[0][level], times_s[level], strict=True)):
                found[i] += (int(a) + int(b)) * unit
        return [value % q for value in found]

    def _secret_factor(self) -> object:
        """The secret key, transformed already, as a factor at the highest level."""
        words = self.secret[: seal.LEVELS * seal.DEGREE * 8]
        found = self.scheme.api.Plaintext()
        stream = seal_stream.plain(self.scheme.context.first_parms_id(), words)
        seal_stream.load(found, self.scheme.context, stream)
        return found


def product_mod_ring(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a·b modulo x^n + 1, for a small `a` and a `b` of floating-point size."""
    n = len(a)
    full = np.fft.irfft(np.fft.rfft(a, 2 * n) * np.fft.rfft(b, 2 * n), 2 * n)
    return full[:n] - full[n:]
