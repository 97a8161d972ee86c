"""Secret, uniformly random orders.

An order hides which element is which, so it is drawn from a cryptographic stream: every position
gets 64 bits of AES-256-CTR keystream (NIST SP 800-38A) and the positions are sorted by them. Ties,
which would make the order depend on the sorting algorithm, are drawn again; so every order is
equally likely, up to the strength of AES, and one seed gives one order on every machine.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from protocols.errors import InvalidParameter

SEED_BYTES = 32
MAX_ITEMS = 2**31
"""Above this a tie among 64-bit keys becomes likely, and positions would outgrow 32 bits."""


def permutation(seed: bytes, n: int) -> NDArray[np.uint32]:
    """Return the numbers 0 to n-1 in the order that `seed` (32 secret bytes, used once) gives.

    Raises: InvalidParameter for a seed of another length, or n outside 0 to 2^31.
    """
    if not 0 <= n <= MAX_ITEMS:
        raise InvalidParameter(f"cannot shuffle {n} items")
    order: NDArray[np.uint32] = _by_keys(_Keystream(seed), 1, n)[0].astype(np.uint32)
    return order


def row_permutation(seed: bytes, rows: int, width: int) -> NDArray[np.uint32]:
    """Return the positions of `rows` times `width` items, rows in a random order and the items of
    each row in one of its own: what is in a row stays in one. With width 1 as `permutation`.

    Raises: InvalidParameter for a seed of another length, a width below 1, or too many items.
    """
    if width < 1 or not 0 <= rows * width <= MAX_ITEMS:
        raise InvalidParameter(f"cannot shuffle {rows} rows of {width}")
    stream = _Keystream(seed)
    order = _by_keys(stream, 1, rows)[0]
    within = _by_keys(stream, rows, width)[order]
    positions: NDArray[np.uint32] = (order[:, np.newaxis] * width + within).astype(np.uint32)
    return positions.reshape(-1)


def sample(seed: bytes, n: int, size: int) -> NDArray[np.uint32]:
    """Return `size` positions below n, drawn with replacement; all n of them where n ≤ size.

    Raises: InvalidParameter for a seed that is not 32 bytes long.
    """
    if n <= size:
        return np.arange(n, dtype=np.uint32)
    return (_Keystream(seed).words(size) % np.uint64(n)).astype(np.uint32)


def _by_keys(stream: "_Keystream", rows: int, width: int) -> NDArray[np.intp]:
    """Return for each row the numbers below `width` in an order of its own, shape (rows, width)."""
    while True:
        keys = stream.words(rows * width).reshape(rows, width)
        order = np.argsort(keys, axis=1)
        ordered = np.take_along_axis(keys, order, axis=1)
        if not bool((ordered[:, 1:] == ordered[:, :-1]).any()):
            return order


class _Keystream:
    """AES-256-CTR from counter zero: the seed is a key that is used for one stream only."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise InvalidParameter(f"a seed has {SEED_BYTES} bytes")
        self._encryptor = Cipher(algorithms.AES256(seed), modes.CTR(bytes(16))).encryptor()

    def words(self, n: int) -> NDArray[np.uint64]:
        """Return the next n words of 64 bits."""
        return np.frombuffer(self._encryptor.update(bytes(8 * n)), dtype="<u8").astype(np.uint64)
