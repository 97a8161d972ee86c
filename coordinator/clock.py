"""The time, as an argument."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns milliseconds since 1970 (UTC)."""


def system_clock() -> int:
    """Return the machine's time in milliseconds."""
    return time.time_ns() // 1_000_000
