"""Signatures of webhooks as the Standard Webhooks specification (1.0.0) has them.

    secret      whsec_ and the base64 of 32 random bytes
    signed      "<webhook-id>.<webhook-timestamp>." and the body, byte for byte
    signature   v1, and the base64 of HMAC-SHA-256 with the secret's bytes

While a secret is being changed there are two signatures, the new secret's first. The time is that
of the attempt, so that a receiver can refuse what was recorded and is sent again later.
"""

import base64
import hmac
from collections.abc import Sequence

from protocols.session import Rng

PREFIX = "whsec_"
SECRET_BYTES = 32
VERSION = "v1"

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def new_secret(rng: Rng) -> bytes:
    """Return a fresh secret."""
    return rng(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """Return a secret as people and receivers are given it."""
    return PREFIX + base64.b64encode(secret).decode("ascii")


def new_message_id(rng: Rng) -> str:
    """Return the id of one event; the same at every attempt."""
    return f"msg_{rng(16).hex()}"


def signature(secret: bytes, message: str, seconds: int, body: bytes) -> str:
    """Return one signature of a message at a time."""
    signed = f"{message}.{seconds}.".encode("ascii") + body
    digest = hmac.digest(secret, signed, "sha256")
    return f"{VERSION},{base64.b64encode(digest).decode('ascii')}"


def headers(secrets: Sequence[bytes], message: str, now_ms: int, body: bytes) -> dict[str, str]:
    """Return the three headers of an attempt, with one signature for each secret."""
    seconds = now_ms // 1000
    return {
        ID: message,
        TIMESTAMP: str(seconds),
        SIGNATURE: " ".join(signature(secret, message, seconds, body) for secret in secrets),
    }
