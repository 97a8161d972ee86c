"""Shares of a secret of 32 bytes: any `threshold` of them give it, fewer give nothing.

Shamir 1979, "How to share a secret", over the field of integers modulo 2^521 - 1. Share number i is
the value at i + 1 of a random polynomial whose value at 0 is the secret; 66 bytes, big-endian.
"""

from collections.abc import Mapping

from protocols.errors import InvalidParameter, MalformedMessage
from protocols.session import Rng

PRIME = 2**521 - 1
SECRET_BYTES = 32
SHARE_BYTES = 66


def deal(secret: bytes, threshold: int, count: int, rng: Rng) -> tuple[bytes, ...]:
    """Return `count` shares of a secret. Raises: InvalidParameter."""
    if len(secret) != SECRET_BYTES or not 1 <= threshold <= count:
        raise InvalidParameter("a secret has 32 bytes, and the threshold is at most every share")
    polynomial = [int.from_bytes(secret, "big"), *(_element(rng) for _ in range(threshold - 1))]
    return tuple(_at(polynomial, i + 1).to_bytes(SHARE_BYTES, "big") for i in range(count))


def join(shares: Mapping[int, bytes]) -> bytes:
    """Return the secret that these shares, by number, are of; exactly the threshold of them.

    Raises: MalformedMessage where they cannot be of one secret; wrong shares may also give a wrong
    secret, which the caller has to notice.
    """
    points = {number + 1: read(share) for number, share in shares.items()}
    total = 0
    for x, y in points.items():
        top = bottom = 1
        for other in points:
            if other != x:
                top, bottom = top * other % PRIME, bottom * (other - x) % PRIME
        total = (total + y * top * pow(bottom, -1, PRIME)) % PRIME
    if total >= 2 ** (8 * SECRET_BYTES):
        raise MalformedMessage("these shares are not of one secret")
    return total.to_bytes(SECRET_BYTES, "big")


def read(share: bytes) -> int:
    """Return a share as a number. Raises: MalformedMessage."""
    value = int.from_bytes(share, "big")
    if len(share) != SHARE_BYTES or value >= PRIME:
        raise MalformedMessage("a share is a number below 2^521 - 1, in 66 bytes")
    return value


def _at(polynomial: list[int], x: int) -> int:
    value = 0
    for coefficient in reversed(polynomial):
        value = (value * x + coefficient) % PRIME
    return value


def _element(rng: Rng) -> int:
    """Draw a uniform element: 521 bits, again in the one case of 2^521 that is none."""
    while True:
        value = int.from_bytes(rng(SHARE_BYTES), "big") >> 7
        if value < PRIME:
            return value
