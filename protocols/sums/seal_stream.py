"""SEAL's own serialization, as far as we need it: to hand arrays to SEAL and to get them back.

Through TenSEAL the objects of SEAL are read and written by path only. The path here is that of an
anonymous piece of memory, which has no name in any file system and is gone when it is closed: so
nothing touches a disk, and this file stays as pure as the rest of `protocols`. It needs Linux.

A stream is a header of 16 bytes (magic, its length, SEAL's version, compression, zero, length of
all) and a body. What SEAL saves is compressed; what we hand it is not. Every field is written by
us, with the lengths that we expect: a peer decides nothing but the numbers in the arrays.
"""

import functools
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from protocols.errors import LocalError

SEED_BYTES = 64
"""Of SEAL's generator for the second half of an encryption under the secret key."""

_MAGIC, _HEADER = 0xA15E, struct.Struct("<HBBBBHQ")
_PLAIN = struct.Struct("<Qd")
_CIPHER = struct.Struct("<BQQQdQ")
_ID = struct.Struct("<4Q")
_BLAKE2XB = 1
_NO_ID = (0, 0, 0, 0)
_ARRAY_BYTES = _HEADER.size + 8
_GENERATOR_BYTES = _HEADER.size + 1 + SEED_BYTES

Id = Any
"""SEAL's name of a modulus: four words."""


def plain_bytes(words: int) -> int:
    """Return the length of the body of a plaintext, or a secret key, of so many words."""
    return _ID.size + _PLAIN.size + _ARRAY_BYTES + 8 * words


def cipher_bytes(words: int) -> int:
    """Return the length of the body of a ciphertext, or a public key, of so many words."""
    return _ID.size + _CIPHER.size + _ARRAY_BYTES + 8 * words


def seeded_bytes(words: int) -> int:
    """Return the length of the body of a ciphertext of which only half, so many words, is said."""
    return cipher_bytes(words) + _GENERATOR_BYTES


def plain(modulus: Id | None, data: bytes) -> bytes:
    """Return the stream of a plaintext; with a modulus, of a transformed one."""
    words = len(data) // 8
    head = _ID.pack(*(modulus or _NO_ID)) + _PLAIN.pack(words, 1.0)
    return _framed(head + _array(data))


def cipher(modulus: Id, data: bytes, primes: int, *, ntt: bool) -> bytes:
    """Return the stream of a ciphertext of two polynomials."""
    degree = len(data) // (16 * primes)
    return _framed(_cipher_head(modulus, degree, primes, ntt=ntt) + _array(data))


def seeded(modulus: Id, data: bytes, seed: bytes, primes: int = 3) -> bytes:
    """Return the stream of a ciphertext whose second polynomial comes of a seed."""
    degree = len(data) // (8 * primes)
    generator = _framed(bytes([_BLAKE2XB]) + seed)
    return _framed(_cipher_head(modulus, degree, primes, ntt=False) + _array(data) + generator)


def unseeded(body: bytes, words: int) -> bytes:
    """Return the said half of a saved ciphertext, and behind it the seed of the other."""
    head = cipher_bytes(0)
    kind = body[head + 8 * words + _HEADER.size]
    if kind != _BLAKE2XB:
        raise LocalError("SEAL was built with another generator")
    return body[head : head + 8 * words] + body[-SEED_BYTES:]


def load(into: Any, context: Any, data: bytes) -> None:
    """Let SEAL read one of its objects from a stream."""
    with _memory() as (handle, path):
        os.pwrite(handle, data, 0)
        into.load(context, path)


def save(what: Any, size: int) -> bytes:
    """Return the body, of exactly `size` bytes, of what SEAL saves.

    Raises: LocalError for any other.
    """
    with _memory() as (handle, path):
        what.save(path)
        saved = os.pread(handle, os.fstat(handle).st_size, 0)
    try:
        body = _decompressed(saved[5], saved[_HEADER.size :], size)
    except (OSError, zlib.error) as e:
        raise LocalError("SEAL saved something of another size") from e
    if len(body) != size:
        raise LocalError("SEAL saved something of another size")
    return body


def _decompressed(mode: int, data: bytes, size: int) -> bytes:
    match mode:
        case 0:
            return data
        case 1:
            return zlib.decompress(data, bufsize=size)
        case _:
            return bytes(pa.decompress(data, decompressed_size=size, codec="zstd", asbytes=True))


@contextmanager
def _memory() -> Iterator[tuple[int, str]]:
    if not hasattr(os, "memfd_create"):
        raise LocalError("sums by BFV need Linux")
    handle = os.memfd_create("seal")
    try:
        yield handle, f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


@functools.cache
def _version() -> tuple[int, int]:
    """Return the version that this SEAL writes, and so reads."""
    import tenseal.sealapi as api

    with _memory() as (handle, path):
        api.Plaintext("1").save(path)
        saved = os.pread(handle, _HEADER.size, 0)
    return saved[3], saved[4]


def _framed(body: bytes) -> bytes:
    major, minor = _version()
    return _HEADER.pack(_MAGIC, _HEADER.size, major, minor, 0, 0, _HEADER.size + len(body)) + body


def _array(data: bytes) -> bytes:
    return _framed(struct.pack("<Q", len(data) // 8) + data)


def _cipher_head(modulus: Id, degree: int, primes: int, *, ntt: bool) -> bytes:
    return _ID.pack(*modulus) + _CIPHER.pack(ntt, 2, degree, primes, 1.0, 1)
