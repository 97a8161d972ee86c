"""HMAC-SHA-256 under one key, for millions of short messages.

Equal to `hmac.digest(key, message, "sha256")`, at less than half of its cost: what RFC 2104 hashes
of the key is hashed once and not for each message.
"""

import hashlib
from collections.abc import Callable

_BLOCK_BYTES = 64


def keyed_digest(key: bytes) -> Callable[[bytes], bytes]:
    """Return what makes the 32 bytes that stand for a message."""
    if len(key) > _BLOCK_BYTES:
        key = hashlib.sha256(key).digest()
    block = key.ljust(_BLOCK_BYTES, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))
    copy_inner, copy_outer = inner.copy, outer.copy

    def digest(message: bytes) -> bytes:
        within, around = copy_inner(), copy_outer()
        within.update(message)
        around.update(within.digest())
        return around.digest()

    return digest
