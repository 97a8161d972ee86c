"""AES-128 on arrays of blocks, and the keys for it.

A block is two 64-bit little-endian words; arrays of blocks have shape (n, 2). One call encrypts a
whole array, so the processor's AES instructions do the work (about 0.1 ns a byte). As a fixed-key
permutation AES is modelled as ideal; as a key stream it is AES-CTR (NIST SP 800-38A).
"""

import hashlib
import threading

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
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

    def into(self, blocks: Blocks, out: NDArray[np.uint8]) -> None:
        """Write the image of each block into bytes of which there is room for one block more."""
        if blocks.size:
            self._encryptor.update_into(_bytes_of(blocks), out.data)


def key_streams(keys: bytes, nonce: bytes, words: int) -> Words:
    """Return the first `words` words of the key stream of each key, shape (keys, words).

    AES-128-CTR from the counter block `nonce`; `keys` stand one after the other.
    """
    count, size = len(keys) // KEY_BYTES, 8 * words
    zeros = bytes(size)
    # The library asks for one more block than it writes.
    streams = np.empty(count * size + BLOCK_BYTES, dtype=np.uint8)
    into = streams.data
    for i, encryptor in enumerate(_kept.encryptors(keys)):
        encryptor.reset_nonce(nonce)
        encryptor.update_into(zeros, into[i * size : (i + 1) * size + BLOCK_BYTES])
    return streams[: count * size].view("<u8").reshape(count, words)


class _Kept(threading.local):
    """The ciphers of this thread's last two lists of keys; one key alone is no list, and is not
    asked for again.

    A run asks for the streams of the same two lists, block after block; to set a cipher up takes
    four times as long as its part of a block.
    """

    def __init__(self) -> None:
        self._of: dict[bytes, list[CipherContext]] = {}

    def encryptors(self, keys: bytes) -> list[CipherContext]:
        """Return a cipher for each key; its nonce is the caller's to set."""
        found = self._of.get(keys)
        if found is None and len(keys) == KEY_BYTES:
            return [Cipher(algorithms.AES128(keys), modes.CTR(bytes(BLOCK_BYTES))).encryptor()]
        if found is None:
            nowhere = modes.CTR(bytes(BLOCK_BYTES))
            each = (keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES))
            found = [Cipher(algorithms.AES128(key), nowhere).encryptor() for key in each]
            self._of = dict([*self._of.items(), (keys, found)][-2:])
        return found


_kept = _Kept()


def _bytes_of(blocks: Blocks) -> memoryview:
    return np.ascontiguousarray(blocks).data.cast("B")
