"""The group of the Diffie–Hellman protocols: X25519 as an action of scalars on u-coordinates.

A point is its u-coordinate, 32 bytes little-endian (RFC 7748 §5). Hashing gives points on the curve
or on its twist, as it falls; clamped scalars commute on both. One bit for each item, curve or
twist, stays visible through blinding: *strict* hashing takes points of the curve only and removes
it.

What comes from a peer is checked before a secret touches it: `check_points` refuses points of small
order and structured ones (which an honest party sends with a chance of 2^-61), and
`evaluate_untrusted` re-checks a random sample of what a back end that is not exact has made of the
rest.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from protocols.errors import InvalidElement, InvalidParameter, LocalError
from protocols.ladder import PYNACL, Backend, Points, choose_backend, multiply
from protocols.on_curve import are_on_curve
from protocols.shuffle import sample

__all__ = [
    "Backend",
    "Points",
    "check_points",
    "choose_backend",
    "evaluate",
    "evaluate_untrusted",
    "hash_to_group",
    "points_from_bytes",
]

Words = NDArray[np.uint64]
Flags = NDArray[np.bool]

P = 2**255 - 19
A = 486662
"""Curve25519 is v² = u³ + A·u² + u over the integers modulo P."""

RECHECKED = 64
"""Points of a peer's batch that are computed a second time, with the reference back end."""

_HASH_LABEL = b"accord/hash-to-group/1\x00"

_ALL_ONES = 2**64 - 1
_STRUCTURED_MIDDLE = np.array([0, _ALL_ONES], dtype=np.uint64)
_STRUCTURED_TOP = np.array([0, 2**62 - 1, 2**62, 2**63 - 1], dtype=np.uint64)
_ORDER_EIGHT = tuple(
    np.frombuffer(bytes.fromhex(u), dtype="<u8")
    for u in (
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    )
)
"""The two u of order eight. The others of small order are 0, 1 and -1: structured anyway."""


def points_from_bytes(data: bytes) -> Points:
    """Return the points that `data` holds one after the other, shape (n, 32).

    Raises: InvalidElement if the length is no multiple of 32.
    """
    if len(data) % 32 != 0:
        raise InvalidElement("a point has 32 bytes")
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, 32)


def hash_to_group(
    ctx: bytes, digests: Points, strict: bool = False, *, backend: Backend | None = None
) -> Points:
    """Return a point for each digest (rows of 32 bytes), bound to ctx (32 bytes).

    u = SHA-256(label ‖ ctx ‖ digest ‖ counter) with the top bit cleared, and counter one byte, 0.
    With `strict`, the counter goes up until u is on the curve (two tries on average, each for two
    multiplications). Then nothing about an item is visible through blinding.

    Raises: InvalidParameter for other shapes.
    """
    if len(ctx) != 32 or digests.ndim != 2 or digests.shape[1] != 32:
        raise InvalidParameter("ctx and digests have 32 bytes")
    prefix = _HASH_LABEL + ctx
    points = _hashed(prefix, digests, 0)
    if not strict:
        return points
    chosen = backend or choose_backend()
    left = np.arange(len(points))
    for counter in range(1, 256):
        left = left[~are_on_curve(points[left], chosen)]
        if len(left) == 0:
            return points
        points[left] = _hashed(prefix, digests[left], counter)
    raise LocalError("no point of the curve was found")  # happens once in 2^255 digests


def check_points(points: Points) -> None:
    """Return if all of a peer's points, shape (n, 32), are fit to be multiplied by a secret.

    Refused: encodings that are not canonical; small order; structured values, on which the fast
    back end is wrong (a word of zeros or ones in the middle, or near 0, p/2 or p at the top, which
    contains everything within 2^128 of either end); a point twice among these.

    Raises: InvalidElement.
    """
    words = np.ascontiguousarray(points).view("<u8")
    if bool((words[:, 3] >> np.uint64(63)).any()):
        raise InvalidElement("a point is not in its canonical encoding")
    # Every encoding of 0, 1 and -1, and every u ≥ p, is structured too.
    structured = _equals_one_of(words[:, 1:3], _STRUCTURED_MIDDLE).any(axis=1)
    structured |= _equals_one_of(words[:, 3], _STRUCTURED_TOP)
    if bool(structured.any()):
        raise InvalidElement("a point is structured, so it is not the image of a hash")
    if any(bool((words == u).all(axis=1).any()) for u in _ORDER_EIGHT):
        raise InvalidElement("a point has small order")
    if has_duplicates(words):
        raise InvalidElement("a point was sent twice")


def has_duplicates(words: Words) -> bool:
    """Return whether two rows of `words`, shape (n, k), are equal."""
    first = np.sort(words[:, 0])
    if not bool((first[1:] == first[:-1]).any()):
        return False
    rows = words[np.lexsort(words.T)]
    return bool((rows[1:] == rows[:-1]).all(axis=1).any())


def evaluate(scalar: bytes, points: Points, *, backend: Backend | None = None) -> Points:
    """Return X25519(scalar, point) for each of our own points, on all cores; shape (n, 32).

    Without a `backend` the fastest that works here is taken.

    Raises: InvalidElement if a result is all zero, which no hash can bring about.
    """
    products = multiply(scalar, points, backend or choose_backend())
    if not bool(products.any(axis=1).all()):
        raise InvalidElement("a result is all zero")
    return products


def evaluate_untrusted(
    scalar: bytes, points: Points, seed: bytes, *, backend: Backend | None = None
) -> Points:
    """Return X25519(scalar, point) for a peer's points, which are checked before and after.

    `seed` is 32 fresh random bytes, which choose the sample that is computed again.

    Raises: InvalidElement if a point must not be used; LocalError if the back end computed wrongly.
    """
    check_points(points)
    chosen = backend or choose_backend()
    products = evaluate(scalar, points, backend=chosen)
    again = sample(seed, len(points), RECHECKED)
    if not chosen.exact and not np.array_equal(
        PYNACL.multiply(scalar, points[again]), products[again]
    ):
        raise LocalError("the fast back end computed a wrong result")
    return products


def _equals_one_of(
    words: Words,
    values: Words,
) -> Flags:
    found = np.zeros(words.shape, dtype=np.bool)
    for value in values:
        found |= words == value
    return found


def _hashed(prefix: bytes, digests: Points, counter: int) -> Points:
    rows, end = digests.tobytes(), bytes([counter])
    hashed = b"".join(
        hashlib.sha256(prefix + rows[i : i + 32] + end).digest() for i in range(0, len(rows), 32)
    )
    points = np.frombuffer(bytearray(hashed), dtype=np.uint8).reshape(-1, 32)
    points[:, 31] &= 0x7F
    return points
