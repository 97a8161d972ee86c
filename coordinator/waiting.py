"""Long-polls: wait for a change without holding a thread, a connection or a transaction.

A change made by this process rings a bell; one made by another process on the same database is seen
by looking again every second. On shutdown all waits end at once.
"""

import asyncio
import enum
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

T = TypeVar("T")

LOOK_AGAIN_SECONDS = 1.0


class Kind(enum.Enum):
    """What one can wait for."""

    JOBS = "jobs"
    COLLABORATIONS = "collaborations"
    MESSAGES = "messages"


class Bell:
    """Wakes those who wait; belongs to one event loop."""

    def __init__(self, look_again_seconds: float = LOOK_AGAIN_SECONDS) -> None:
        self._conditions = {kind: asyncio.Condition() for kind in Kind}
        self._rung = dict.fromkeys(Kind, 0)
        self._look_again_seconds = look_again_seconds
        self.closing = False

    async def ring(self, *kinds: Kind) -> None:
        """Say that something of these kinds has changed."""
        for kind in kinds:
            async with self._conditions[kind]:
                self._rung[kind] += 1
                self._conditions[kind].notify_all()

    async def close(self) -> None:
        """End all waits, now and later."""
        self.closing = True
        await self.ring(*Kind)

    async def until(self, kind: Kind, look: Callable[[], T], wait_seconds: float) -> T:
        """Call `look` in a thread until it finds something or time is over; return the last."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        while True:
            rung = self._rung[kind]
            found = await run_in_threadpool(look)
            left = deadline - loop.time()
            if found or left <= 0 or self.closing:
                return found
            await self._change(kind, rung, min(left, self._look_again_seconds))

    async def _change(self, kind: Kind, since: int, seconds: float) -> None:
        condition = self._conditions[kind]
        try:
            async with asyncio.timeout(seconds), condition:
                await condition.wait_for(lambda: self._rung[kind] != since)
        except TimeoutError:
            pass
