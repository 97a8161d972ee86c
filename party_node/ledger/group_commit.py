"""Many small writes in one transaction: whoever comes while another commits is taken along.

A commit that survives a power cut waits for the disk, some milliseconds, whatever its size. The
first to come becomes the leader: it writes everything that waits, its own and the others', and
tells each what became of its part. If the whole fails, each part is tried by itself, so that one
bad part spoils no other. `run` returns once its part is on disk.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

P = TypeVar("P")
R = TypeVar("R")

MOST = 256
"""Parts that go into one transaction."""


class _Waiting(Generic[P, R]):
    def __init__(self, part: P) -> None:
        self.part = part
        self.done = threading.Event()
        self.result: R | None = None
        self.error: BaseException | None = None


class GroupCommit(Generic[P, R]):
    """Brings parts of several threads together; `write` takes them all and returns the results."""

    def __init__(self, write: Callable[[Sequence[P]], Sequence[R]]) -> None:
        self._write = write
        self._queue: list[_Waiting[P, R]] = []
        self._queue_lock, self._leading = threading.Lock(), threading.Lock()

    def run(self, part: P) -> R:
        """Return the result of one part, once it is committed.

        Raises: whatever writing this part alone raises.
        """
        mine: _Waiting[P, R] = _Waiting(part)
        with self._queue_lock:
            self._queue.append(mine)
        while not mine.done.is_set():
            with self._leading:
                if not mine.done.is_set():
                    self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]

    def _lead(self) -> None:
        with self._queue_lock:
            group, self._queue = self._queue[:MOST], self._queue[MOST:]
        try:
            results = self._write([w.part for w in group])
        except Exception as error:  # noqa: BLE001 - each part gets its own below
            self._one_by_one(group, error)
            return
        except BaseException as error:
            for waiting in group:
                waiting.error = error
                waiting.done.set()
            raise
        for waiting, result in zip(group, results, strict=True):
            waiting.result = result
            waiting.done.set()

    def _one_by_one(self, group: Sequence[_Waiting[P, R]], error: Exception) -> None:
        for waiting in group:
            if len(group) == 1:
                waiting.error = error
            else:
                try:
                    (waiting.result,) = self._write([waiting.part])
                except Exception as own:  # noqa: BLE001 - it belongs to whoever waits
                    waiting.error = own
            waiting.done.set()
