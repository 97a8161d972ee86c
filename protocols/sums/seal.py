"""The only file that touches TenSEAL: one BFV scheme over one fixed ring, arrays in, arrays out.

Plaintexts are polynomials of degree below 8,192 with integer coefficients modulo t = 2^T;
ciphertexts are pairs of such polynomials modulo q, kept as residues modulo three primes of 60 bits.
With the fourth, of 20 bits, under which only keys stand, the modulus has 200 bits: below the 218
that the homomorphic encryption standard (2018, table 1, ternary secret) allows at this degree for
128 bits of security; SEAL refuses to start otherwise. All of this is fixed here, and nothing of it
is read from a peer: what comes is residues and a seed, whose number and ranges are checked before
SEAL sees them (`seal_stream.py`).

TenSEAL draws its randomness itself, from the operating system, and cannot be seeded through it:
keys, the noise of encryptions, encryptions of zero. As with OpenDP (`dp/noise.py`) randomness is no
argument here. What the flooding and the masks of `flooding.py` need is one.

SEAL's own functions are called through `tenseal.sealapi`. They report by C++ exceptions, which
arrive as `ValueError`, `RuntimeError` or `IndexError`; `answerable` turns them into our errors. The
library is loaded on first use, which takes about half a second.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError, MalformedMessage
from protocols.sums import seal_stream as stream

DEGREE = 8192
"""Coefficients of a polynomial, and rows of a block."""

PRIME_BITS = 60
LEVELS = 3
"""Primes of a fresh ciphertext; modulus switching takes them off one by one."""
_KEY_PRIME_BITS = 20

MAX_PLAIN_BITS = 59
"""The largest T; a plaintext then is lifted without multi-precision arithmetic."""

ERROR_BOUND = 21
"""No coefficient of a fresh encryption's noise is larger: SEAL draws a centred binomial of 42."""
ZERO_BOUND = 2**19
"""Nor of the noise of an encryption of zero under the public key: 21·(2·8192 + 1) before it is
divided by the fourth prime, and that division's rounding, (8192 + 1) / 2, together."""

ENCRYPTED_BYTES = LEVELS * DEGREE * 8 + stream.SEED_BYTES
"""An encryption as it is sent: its first half, and the seed of the second."""
CIPHER_BYTES = 2 * LEVELS * DEGREE * 8
PUBLIC_BYTES = 2 * (LEVELS + 1) * DEGREE * 8
SECRET_BYTES = (LEVELS + 1) * DEGREE * 8

Coefficients = NDArray[np.uint64]


@contextmanager
def answerable(error: type[LocalError] | type[MalformedMessage]) -> Iterator[None]:
    """Turn what SEAL throws into `error`, without its words."""
    try:
        yield
    except (ValueError, RuntimeError, IndexError) as e:
        raise error("SEAL cannot compute with this") from e


@functools.lru_cache(maxsize=8)
def scheme(plain_bits: int) -> "Scheme":
    """Return the scheme whose plaintexts are modulo 2^plain_bits: 2 to 59."""
    return Scheme(plain_bits)


class Scheme:
    """One plaintext modulus over the fixed ring."""

    def __init__(self, plain_bits: int) -> None:
        import tenseal.sealapi as api

        sizes = [*([PRIME_BITS] * LEVELS), _KEY_PRIME_BITS]
        params = api.EncryptionParameters(api.SCHEME_TYPE.BFV)
        params.set_poly_modulus_degree(DEGREE)
        params.set_coeff_modulus(api.CoeffModulus.Create(DEGREE, sizes))
        params.set_plain_modulus(1 << plain_bits)
        self.api: Any = api
        self.context = api.SEALContext(params, True, api.SEC_LEVEL_TYPE.TC128)
        if not self.context.parameters_set():
            raise LocalError("SEAL does not take the parameters")
        self.plain_bits = plain_bits
        self.evaluator = api.Evaluator(self.context)
        self.primes = [int(m.value()) for m in params.coeff_modulus()]
        data, ids = self.context.first_context_data(), {}
        for level in range(LEVELS, 0, -1):
            ids[level] = data.parms_id()
            data = data.next_context_data()
        self._ids = ids
        self._key_id = self.context.key_parms_id()

    def new_keys(self) -> tuple[bytes, bytes]:
        """Draw a key pair: the secret key and the public key."""
        generator = self.api.KeyGenerator(self.context)
        public = self.api.PublicKey()
        generator.create_public_key(public)
        found = stream.save(generator.secret_key(), stream.plain_bytes(self._words(1)))
        key = stream.save(public, stream.cipher_bytes(self._words(2)))
        return found[-SECRET_BYTES:], key[-PUBLIC_BYTES:]

    def _words(self, polynomials: int) -> int:
        return polynomials * (LEVELS + 1) * DEGREE

    def holder(self, secret: bytes) -> "Holder":
        """Return what the holder of a secret key can do."""
        key = self.api.SecretKey()
        stream.load(key, self.context, stream.plain(self._key_id, secret))
        return Holder(self, key)

    def under(self, public: bytes) -> Any:
        """Return what encrypts under a peer's public key.

        Raises: MalformedMessage unless it is residues of two polynomials.
        """
        self._check(public, PUBLIC_BYTES, self.primes)
        key = self.api.PublicKey()
        with answerable(MalformedMessage):
            stream.load(
                key, self.context, stream.cipher(self._key_id, public, LEVELS + 1, ntt=True)
            )
            return self.api.Encryptor(self.context, key)

    def zero(self, encryptor: Any) -> Any:
        """Return a fresh encryption of zero."""
        found = self.api.Ciphertext()
        encryptor.encrypt_zero(found)
        return found

    def plain(self, coefficients: Coefficients, held: stream.Memory | None = None) -> Any:
        """Return a plaintext of 8,192 coefficients below 2^T."""
        found = self.api.Plaintext()
        stream.load(found, self.context, stream.plain(None, coefficients.data), held)
        return found

    def factor(self, coefficients: Coefficients, held: stream.Memory) -> Any:
        """Return a plaintext, transformed so that ciphertexts can be multiplied by it."""
        found = self.plain(coefficients, held)
        self.evaluator.transform_to_ntt_inplace(found, self._ids[LEVELS])
        return found

    def encrypted(self, data: bytes, held: stream.Memory | None = None) -> Any:
        """Return a peer's encryption, transformed.

        Raises: MalformedMessage unless it is residues of one polynomial and a seed.
        """
        self.check_encrypted(data)
        words, seed = data[: -stream.SEED_BYTES], data[-stream.SEED_BYTES :]
        parts = stream.seeded(self._ids[LEVELS], words, seed, LEVELS)
        found = self.api.Ciphertext()
        with answerable(MalformedMessage):
            stream.load(found, self.context, parts, held)
            self.evaluator.transform_to_ntt_inplace(found)
        return found

    def check_encrypted(self, data: bytes) -> None:
        """Return if these bytes can be read as a peer's encryption. Raises: as `encrypted`."""
        self._check(data[: -stream.SEED_BYTES], LEVELS * DEGREE * 8, self.primes[:LEVELS])

    def product(self, cipher: Any, factor: Any) -> Any:
        """Return a transformed ciphertext multiplied by a factor."""
        found = self.api.Ciphertext()
        self.evaluator.multiply_plain(cipher, factor, found)
        return found

    def add(self, into: Any, cipher: Any) -> None:
        """Add a ciphertext to another."""
        self.evaluator.add_inplace(into, cipher)

    def back(self, cipher: Any) -> None:
        """Transform a ciphertext back."""
        self.evaluator.transform_from_ntt_inplace(cipher)

    def add_plain(self, into: Any, added: Coefficients, held: stream.Memory | None = None) -> None:
        """Add a plaintext to a ciphertext."""
        self.evaluator.add_plain_inplace(into, self.plain(added, held))

    def add_residues(
        self, into: Any, added: Coefficients, held: stream.Memory | None = None
    ) -> None:
        """Add residues, shape (primes, 8192), to the first polynomial of a ciphertext."""
        words = np.zeros((2, LEVELS, DEGREE), np.uint64)
        words[0] = added
        both = self.api.Ciphertext()
        parts = stream.cipher(self._ids[LEVELS], words.data, LEVELS, ntt=False)
        stream.load(both, self.context, parts, held)
        self.add(into, both)

    def cipher(
        self,
        data: bytes,
        level: int = LEVELS,
        *,
        ntt: bool = False,
        held: stream.Memory | None = None,
    ) -> Any:
        """Return the ciphertext of these residues.

        Raises: MalformedMessage unless it is residues of two polynomials.
        """
        self._check(data, 2 * level * DEGREE * 8, self.primes[:level])
        parts = stream.cipher(self._ids[level], data, level, ntt=ntt)
        found = self.api.Ciphertext()
        with answerable(MalformedMessage):
            stream.load(found, self.context, parts, held)
        return found

    def residues(
        self, cipher: Any, level: int = LEVELS, held: stream.Memory | None = None
    ) -> bytes:
        """Return a ciphertext as residues: polynomial by polynomial, prime by prime, 8 bytes each,
        little-endian.
        """
        words = 2 * level * DEGREE
        return stream.save(cipher, stream.cipher_bytes(words), held)[-8 * words :]

    def switched(self, cipher: Any, level: int) -> Any:
        """Return the ciphertext modulo the first `level` primes."""
        if level == LEVELS:
            return cipher
        found = self.api.Ciphertext()
        self.evaluator.mod_switch_to(cipher, self._ids[level], found)
        return found

    def _check(self, data: bytes, size: int, primes: list[int]) -> None:
        if len(data) != size:
            raise MalformedMessage(f"{len(data)} bytes came where {size} are due")
        rows = np.frombuffer(data, "<u8").reshape(-1, len(primes), DEGREE)
        if (rows.max(axis=(0, 2)) >= np.array(primes, np.uint64)).any():
            raise MalformedMessage("a residue is not below its prime")


class Holder:
    """What only the holder of the secret key can do."""

    def __init__(self, made: Scheme, key: Any) -> None:
        self._scheme = made
        self._encryptor = made.api.Encryptor(made.context, key)
        self._decryptor = made.api.Decryptor(made.context, key)

    def encrypt(self, coefficients: Coefficients) -> bytes:
        """Return an encryption as it is sent."""
        fresh = self._encryptor.encrypt_symmetric(self._scheme.plain(coefficients))
        saved = stream.save(fresh, stream.seeded_bytes(LEVELS * DEGREE))
        return stream.unseeded(saved, LEVELS * DEGREE)

    def constant_of(self, data: bytes, level: int) -> int:
        """Return the constant coefficient of what a peer's ciphertext decrypts to.

        Raises: MalformedMessage unless it is residues of two polynomials.
        """
        cipher, found = self._scheme.cipher(data, level), self._scheme.api.Plaintext()
        with answerable(MalformedMessage):
            self._decryptor.decrypt(cipher, found)
            return int(found.data(0))
