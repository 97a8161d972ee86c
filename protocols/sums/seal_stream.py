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
from typing_extensions import Buffer

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

Parts = list[Buffer]
"""A stream in pieces, so that arrays are not copied."""


def plain_bytes(words: int) -> int:
    """Return the length of the body of a plaintext, or a secret key, of so many words."""
    return _ID.size + _PLAIN.size + _ARRAY_BYTES + 8 * words


def cipher_bytes(words: int) -> int:
    """Return the length of the body of a ciphertext, or a public key, of so many words."""
    return _ID.size + _CIPHER.size + _ARRAY_BYTES + 8 * words


def seeded_bytes(words: int) -> int:
    """Return the length of the body of a ciphertext of which only half, so many words, is said."""
    return cipher_bytes(words) + _GENERATOR_BYTES


def plain(modulus: Id | None, data: Buffer) -> Parts:
    """Return the stream of a plaintext; with a modulus, of a transformed one."""
    head = _ID.pack(*(modulus or _NO_ID)) + _PLAIN.pack(_words(data), 1.0)
    return _framed(head, data)


def cipher(modulus: Id, data: Buffer, primes: int, *, ntt: bool) -> Parts:
    """Return the stream of a ciphertext of two polynomials."""
    return _framed(_cipher_head(modulus, _words(data) // (2 * primes), primes, ntt=ntt), data)


def seeded(modulus: Id, data: Buffer, seed: bytes, primes: int) -> Parts:
    """Return the stream of a ciphertext whose second polynomial comes of a seed."""
    generator = _header(_GENERATOR_BYTES) + bytes([_BLAKE2XB]) + seed
    head = _cipher_head(modulus, _words(data) // primes, primes, ntt=False)
    return _framed(head, data, generator)


def unseeded(body: bytes, words: int) -> bytes:
    """Return the said half of a saved ciphertext, and behind it the seed of the other."""
    head = cipher_bytes(0)
    kind = body[head + 8 * words + _HEADER.size]
    if kind != _BLAKE2XB:
        raise LocalError("SEAL was built with another generator")
    return body[head : head + 8 * words] + body[-SEED_BYTES:]


class Memory:
    """Anonymous memory, for one object after another of the same length."""

    def __init__(self, handle: int) -> None:
        self._handle, self._path = handle, f"/proc/self/fd/{handle}"

    def load(self, into: Any, context: Any, parts: Parts) -> None:
        """Let SEAL read one of its objects from a stream."""
        os.pwritev(self._handle, parts, 0)
        into.load(context, self._path)

    def saved(self, what: Any) -> bytes:
        """Return what SEAL saves."""
        what.save(self._path)
        return os.pread(self._handle, os.fstat(self._handle).st_size, 0)


@contextmanager
def memory() -> Iterator[Memory]:
    """Hold anonymous memory for a while. Raises: LocalError where there is none."""
    if not hasattr(os, "memfd_create"):
        raise LocalError("sums by BFV need Linux")
    handle = os.memfd_create("seal")
    try:
        yield Memory(handle)
    finally:
        os.close(handle)


def load(into: Any, context: Any, parts: Parts, held: Memory | None = None) -> None:
    """Let SEAL read one of its objects from a stream, through `held` where many are read."""
    if held is not None:
        held.load(into, context, parts)
        return
    with memory() as fresh:
        fresh.load(into, context, parts)


def save(what: Any, size: int, held: Memory | None = None) -> bytes:
    """Return the body, of exactly `size` bytes, of what SEAL saves, through `held` as in `load`.

    Raises: LocalError for any other.
    """
    if held is not None:
        saved = held.saved(what)
    else:
        with memory() as fresh:
            saved = fresh.saved(what)
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


@functools.cache
def _version() -> tuple[int, int]:
    """Return the version that this SEAL writes, and so reads."""
    import tenseal.sealapi as api

    with memory() as held:
        saved = held.saved(api.Plaintext("1"))
    return saved[3], saved[4]


def _words(data: Buffer) -> int:
    return memoryview(data).nbytes // 8


def _header(size: int) -> bytes:
    major, minor = _version()
    return _HEADER.pack(_MAGIC, _HEADER.size, major, minor, 0, 0, size)


def _framed(head: bytes, data: Buffer, tail: bytes = b"") -> Parts:
    """Return the stream of an object: its own fields, its array, what follows."""
    array = _ARRAY_BYTES + 8 * _words(data)
    outer = _header(_HEADER.size + len(head) + array + len(tail))
    return [outer + head + _header(array) + struct.pack("<Q", _words(data)), data, tail]


def _cipher_head(modulus: Id, degree: int, primes: int, *, ntt: bool) -> bytes:
    return _ID.pack(*modulus) + _CIPHER.pack(ntt, 2, degree, primes, 1.0, 1)
