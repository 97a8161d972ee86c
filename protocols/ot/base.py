"""Base oblivious transfers: 448 pairs of keys at one side, one of each pair at the other.

    giver                                                  chooser, bits s
    a = fresh scalar, A = a·G        ── A ──────────────►  checks A
                                                           b_i = fresh scalar
    checks R_i                       ◄── R_i = b_i·G + s_i·A ──
    k_i,0 = H(i, A, R_i, a·R_i)                            k_i = H(i, A, R_i, b_i·A)
    k_i,1 = H(i, A, R_i, a·R_i - a·A)

**Who learns what.** The giver learns nothing about s: R_i is a uniform element of the group
whatever s_i is. The chooser cannot compute the other key of a pair.

**Security.** Semi-honest, under the computational Diffie–Hellman assumption, with SHA-256 as a
random oracle. The group is the subgroup of prime order of edwards25519; every point from the peer
is checked to be canonical, in that subgroup and not of small order, which keeps s hidden from a
giver that deviates too. Index, A and R_i are hashed with the key, so that transfers of one batch
cannot stand for each other (McQuoid, Rosulek, Roy 2021). It is not claimed to be composable
against a chooser that deviates.

**Source.** Chou, Orlandi 2015, "The simplest protocol for oblivious transfer".
"""

import hashlib

from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_core_ed25519_is_valid_point,
    crypto_core_ed25519_scalar_reduce,
    crypto_core_ed25519_sub,
    crypto_scalarmult_ed25519_base_noclamp,
    crypto_scalarmult_ed25519_noclamp,
)

from protocols.errors import InvalidElement
from protocols.ot.aes import KEY_BYTES

POINT_BYTES = 32
SEED_BYTES = 64
"""Random bytes for one scalar: reduced modulo the group's order, with a bias below 2^-250."""

_LABEL = b"accord/base-ot/1\x00"


def scalar_from(seed: bytes) -> bytes:
    """Return the scalar that 64 random bytes give; it is secret."""
    return crypto_core_ed25519_scalar_reduce(seed)


def point_of(scalar: bytes) -> bytes:
    """Return scalar·G: what the giver sends."""
    return crypto_scalarmult_ed25519_base_noclamp(scalar)


def check_point(point: bytes) -> None:
    """Return if a peer's point may meet a secret.

    Raises: InvalidElement unless it is canonical, in the subgroup of prime order and no identity.
    """
    if len(point) != POINT_BYTES or not crypto_core_ed25519_is_valid_point(point):
        raise InvalidElement("a point is not of the group")


def choose(ctx: bytes, given: bytes, bits: bytes, seed: bytes) -> tuple[bytes, bytes]:
    """Return the points R_i, one after the other, and the chosen keys, one after the other.

    `given` is the giver's point, `bits` has one byte, 0 or 1, for each transfer, and `seed` 64
    fresh random bytes for each.
    Raises: InvalidElement for a point that must not be used.
    """
    check_point(given)
    points, keys = [], []
    for i, bit in enumerate(bits):
        scalar = scalar_from(seed[SEED_BYTES * i : SEED_BYTES * (i + 1)])
        plain = point_of(scalar)
        # Both are computed, so that the time does not depend on the bit.
        point = (plain, crypto_core_ed25519_add(plain, given))[bit]
        points.append(point)
        keys.append(_key(ctx, i, given, point, crypto_scalarmult_ed25519_noclamp(scalar, given)))
    return b"".join(points), b"".join(keys)


def give(ctx: bytes, scalar: bytes, points: bytes) -> tuple[bytes, bytes]:
    """Return the keys for bit 0 and those for bit 1, each one after the other.

    Raises: InvalidElement for a point that must not be used, or that is there twice.
    """
    given = point_of(scalar)
    of_given = crypto_scalarmult_ed25519_noclamp(scalar, given)
    chosen = [points[i : i + POINT_BYTES] for i in range(0, len(points), POINT_BYTES)]
    if len({*chosen, given}) != len(chosen) + 1:
        raise InvalidElement("a point was sent twice")
    zeros, ones = [], []
    for i, point in enumerate(chosen):
        check_point(point)
        shared = crypto_scalarmult_ed25519_noclamp(scalar, point)
        zeros.append(_key(ctx, i, given, point, shared))
        ones.append(_key(ctx, i, given, point, crypto_core_ed25519_sub(shared, of_given)))
    return b"".join(zeros), b"".join(ones)


def _key(ctx: bytes, index: int, given: bytes, point: bytes, shared: bytes) -> bytes:
    parts = (_LABEL, ctx, index.to_bytes(4, "big"), given, point, shared)
    return hashlib.sha256(b"".join(parts)).digest()[:KEY_BYTES]
