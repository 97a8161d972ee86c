"""Long-polls: wait for a change without holding a thread, a connection or a transaction.

A change made by this process rings a bell; one made by another process on the same database is seen
by looking again every second. On shutdown all waits end at once.
"""

import asyncio
import enum
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from coordinator.errors import TooManyWaits

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


class Waits:
    """How many requests of each party wait at present; belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def one_more(self, party: str, most: int) -> Iterator[None]:
        """Count a request of `party` while it waits.

        Raises: TooManyWaits if `most` wait already.
        """
        if self._waiting[party] >= most:
            raise TooManyWaits(f"{most} may wait at a time", limit=most)
        self._waiting[party] += 1
        try:
            yield
        finally:
            self._waiting[party] -= 1
            if not self._waiting[party]:
                del self._waiting[party]
