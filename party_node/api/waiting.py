"""Answering a question about something that goes on when it has moved, or after a while."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from party_node.running import RunningNode

LOOK_SECONDS = 0.1
"""Between two looks: each is one indexed read of the node's own database, or less."""
T = TypeVar("T")


async def look_until(
    node: RunningNode, seconds: float, look: Callable[[], T], moved: Callable[[T], bool]
) -> T:
    """Return what `look` finds once it has `moved`; after `seconds` at the latest, as it is then.

    `look` runs in a thread of its own. A node that stops does not wait.
    """
    loop = asyncio.get_running_loop()
    limit = loop.time() + seconds
    while True:
        found = await run_in_threadpool(look)
        if moved(found) or loop.time() >= limit or node.stopping.is_set():
            return found
        await asyncio.sleep(LOOK_SECONDS)
