"""AES-128 on arrays of blocks, and the keys for it.

A block is two 64-bit little-endian words; arrays of blocks have shape (n, 2). One call encrypts a
whole array, so the processor's AES instructions do the work (about 0.1 ns a byte). As a fixed-key
permutation AES is modelled as ideal; as a key stream it is AES-CTR (NIST SP 800-38A).
"""

import hashlib

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Blocks = NDArray[np.uint64]
"""Shape (n, 2)."""

KEY_BYTES = 16
BLOCK_BYTES = 16
_KEY_LABEL = b"accord/ot-key/1\x00"


def derive_key(session: bytes, purpose: str, *numbers: int, salt: bytes = b"") -> bytes:
    """Return the key of 16 bytes for one purpose of one session (32 bytes).

    SHA-256 over label ‖ session ‖ purpose ‖ zero byte ‖ each number in 8 bytes, big-endian ‖ salt,
    cut.
    """
    parts = [_KEY_LABEL, session, purpose.encode(), b"\x00"]
    parts += [number.to_bytes(8, "big") for number in numbers]
    return hashlib.sha256(b"".join([*parts, salt])).digest()[:KEY_BYTES]


class Permutation:
    """AES-128 under one key, block by block."""

    def __init__(self, key: bytes) -> None:
        self._encryptor = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305

    def __call__(self, blocks: Blocks) -> Blocks:
        """Return the image of each block."""
        size = blocks.size * 8
        out = np.empty(size + BLOCK_BYTES, dtype=np.uint8)  # the library asks for one more block
        if size:
            self._encryptor.update_into(_bytes_of(blocks), out.data)
        return out[:size].view("<u8").reshape(-1, 2)


def key_streams(keys: bytes, nonce: bytes, words: int) -> Words:
    """Return the first `words` words of the key stream of each key, shape (keys, words).

    AES-128-CTR from the counter block `nonce`; `keys` stand one after the other.
    """
    count, size = len(keys) // KEY_BYTES, 8 * words
    zeros = bytes(size)
    # The library asks for one more block than it writes.
    streams = np.empty(count * size + BLOCK_BYTES, dtype=np.uint8)
    into = streams.data
    counter = modes.CTR(nonce)
    for i in range(count):
        key = keys[KEY_BYTES * i : KEY_BYTES * (i + 1)]
        place = into[i * size : (i + 1) * size + BLOCK_BYTES]
        Cipher(algorithms.AES128(key), counter).encryptor().update_into(zeros, place)
    return streams[: count * size].view("<u8").reshape(count, words)


def _bytes_of(blocks: Blocks) -> memoryview:
    return np.ascontiguousarray(blocks).data.cast("B")
