"""Scalars of X25519 that undo other ones.

X25519 clamps its scalars: a multiple of 8 from 2^254 to 2^255. On the curve, points that a clamped
scalar has been applied to have the prime order L, and a scalar and its negative give the same u. So
for any two scalars there is a clamped one that leads from b·P to k·P: it is ±k/b modulo L and 0
modulo 8, and of the two one lies in the range, but for a chance of 2^-126. This works for points
of the curve only, not of its twist: items must have been hashed with `strict`.
"""

from protocols.errors import InvalidParameter, LocalError

L = 2**252 + 27742317777372353535851937790883648493
"""The order of the large subgroup of Curve25519 (RFC 7748 §4.1)."""

_LOW, _HIGH = 2**254, 2**255


def clamped(scalar: bytes) -> int:
    """Return what X25519 makes of 32 bytes (RFC 7748 §5).

    Raises: InvalidParameter for another length.
    """
    if len(scalar) != 32:
        raise InvalidParameter("a scalar has 32 bytes")
    number = int.from_bytes(scalar, "little")
    return (number & (_HIGH - 8)) | _LOW


def leading_from(blind: bytes, key: bytes | None = None) -> bytes:
    """Return the scalar that makes key·P of blind·P, and P·(1 mod L) without a key.

    Raises: LocalError where there is none, which no random scalar brings about.
    """
    wanted = 1 if key is None else clamped(key)
    quotient = wanted * pow(clamped(blind), -1, L) % L
    # The one number below 8·L that is `quotient` modulo L and 0 modulo 8.
    number = quotient + L * (-quotient * pow(L, -1, 8) % 8)
    for candidate in (number, 8 * L - number):
        if _LOW <= candidate < _HIGH:
            return candidate.to_bytes(32, "little")
    raise LocalError("these scalars lead nowhere")
