"""Randomness that a seed decides: for pinned transcripts and failures that repeat."""

import hashlib
import itertools

import numpy as np

from protocols.session import Rng


def seeded(label: str | bytes) -> Rng:
    """Return an rng whose n-th call gives a hash of the label and n, as long as asked for."""
    name = label if isinstance(label, bytes) else label.encode()
    calls = itertools.count()

    def draw(size: int) -> bytes:
        return hashlib.shake_256(name + b"\x00" + next(calls).to_bytes(8, "big")).digest(size)

    return draw


def digests(numbers: range | list[int]) -> list[bytes]:
    """Return a 32-byte digest for each number: items of tests."""
    return [hashlib.sha256(b"test item\x00" + n.to_bytes(8, "big")).digest() for n in numbers]


def points(n: int, label: str = "points") -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Return n random rows of 32 bytes with the top bit clear."""
    rows = np.frombuffer(bytearray(seeded(label)(32 * n)), dtype=np.uint8).reshape(-1, 32)
    rows[:, 31] &= 0x7F
    return rows
