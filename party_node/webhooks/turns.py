"""One at a time for each webhook: the order does not change while a batch is sent and recorded."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Locks by the name of a webhook; one process works on a home, so they need not be durable."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Wait for the turn of a webhook, and hold it."""
        with self._guard:
            lock = self._locks[name]
        with lock:
            yield
