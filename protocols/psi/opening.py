"""The first message of a side in a matching protocol: the same context, and an agreed size."""

import hashlib

from protocols.codec import Record, encode
from protocols.errors import ContextMismatch, MalformedMessage, TooManyElements


def proof(label: bytes, speaker: str, ctx: bytes, params: Record) -> bytes:
    """Return the 32 bytes that an opening shows; they differ by speaker, so none is reflected."""
    return hashlib.sha256(b"".join((label, speaker.encode(), ctx, encode(params)))).digest()


def check(shown: bytes, expected: bytes, total: int, max_items: int) -> None:
    """Return if a peer's opening shows what is expected and announces 0 to `max_items` items.

    Raises: ContextMismatch, TooManyElements, MalformedMessage.
    """
    if shown != expected:
        raise ContextMismatch("the other side runs another protocol, job or parameters")
    if total > max_items:
        raise TooManyElements(f"more than {max_items} items were announced")
    if total < 0:
        raise MalformedMessage("a set has no negative size")
