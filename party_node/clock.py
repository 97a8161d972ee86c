"""Time as an argument: whole milliseconds since 1970 in UTC, from a function that tests replace."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns now, in milliseconds since 1970-01-01 UTC."""


def system_clock() -> int:
    """Return the machine's time; the one place in the node that asks for it."""
    return time.time_ns() // 1_000_000
