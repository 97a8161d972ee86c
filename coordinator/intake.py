"""Bodies: read never more than a route takes, and hold few large ones that nobody answers for yet.

Who sends a body is proved by a signature over its SHA-256. A request that names the SHA-256 in
`Content-Digest` is proved before its body is read. Any other could be anybody's: it must come
within a time, and if it is large, it takes one of a few turns, so that strangers fill neither the
memory nor the day.
"""

import asyncio
from collections.abc import Callable
from contextlib import nullcontext

from fastapi import Request

from coordinator.errors import CoordinatorError, EnvelopeTooLarge, RequestTooLarge, TooBusy

TURNS = 16
SMALL_BYTES = 64 * 1024
"""Bodies up to this size take no turn."""
BODY_SECONDS = 120.0

TooLarge = type[RequestTooLarge] | type[EnvelopeTooLarge]


class Intake:
    """The turns of one process; belongs to one event loop."""

    def __init__(self, turns: int = TURNS, seconds: float = BODY_SECONDS) -> None:
        self._turns, self._seconds = asyncio.Semaphore(turns), seconds

    async def read(
        self, request: Request, limit: int, too_large: TooLarge, *, proven: bool = False
    ) -> bytes:
        """Read a body of at most `limit` bytes; `proven` says that its sender is known already.

        Raises: the error class given; TooBusy if its turn, or its end, did not come in time.
        """
        announced = _announced(request, limit)
        if announced > limit:
            raise _refusal(limit, too_large)
        if proven:
            return await _stream(request, limit, too_large)
        turn = self._turns if announced > SMALL_BYTES else nullcontext()
        try:
            async with asyncio.timeout(self._seconds), turn:
                return await _stream(request, limit, too_large)
        except TimeoutError as e:
            raise TooBusy from e


def _announced(request: Request, limit: int) -> int:
    """Return the size that the head of the request announces; one that it hides counts as full."""
    if "transfer-encoding" in request.headers:
        return limit
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdecimal() and len(length) < 16 else limit + 1


async def _stream(request: Request, limit: int, too_large: TooLarge) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _refusal(limit, too_large)
        parts.append(part)
    return b"".join(parts)


def _refusal(limit: int, too_large: Callable[..., CoordinatorError]) -> CoordinatorError:
    return too_large(f"the limit is {limit} bytes", limit_bytes=limit)
