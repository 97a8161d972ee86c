"""Many small writes in one transaction: whoever comes while another commits is taken along.

A commit that survives a power cut waits for the disk, some milliseconds, whatever its size. The
first to come leads: it writes everything that waits, its own part and the others', and tells each
what became of it. Then the first of those that have come meanwhile leads. It first gives those that
were just answered a moment to come again, a quarter of the time that writing took: else the same
threads split into two halves that wait for each other, and every transaction carries half of them.
Nobody who is answered waits for anything more, or threads that have nothing left to write would
queue up before those that have. If the whole fails, each part is tried by itself, so that one bad
part spoils no other. `run` returns once its part is on disk.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

P = TypeVar("P")
R = TypeVar("R")

MOST = 256
"""Parts that go into one transaction."""
_LONGEST_WAIT = 0.005
"""Seconds; a slow disk must not make those wait long that have come already."""


class NotWritten(Exception):
    """The thread that would have written this died before it came to it."""


class _Waiting(Generic[P, R]):
    def __init__(self, part: P) -> None:
        self.part = part
        self.woken = threading.Event()
        self.leads = False
        self.result: R | None = None
        # Until it is known to be written it counts as not written, whatever kills the leader.
        self.error: BaseException | None = NotWritten()


class GroupCommit(Generic[P, R]):
    """Brings parts of several threads together; `write` takes them all and returns the results."""

    def __init__(self, write: Callable[[Sequence[P]], Sequence[R]]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._queue: list[_Waiting[P, R]] = []
        self._led = False
        self._in_play = 1
        """Parts that waited or were being written when the last group ended."""
        self._patience = 0.0
        self._complete = threading.Event()
        """Set when as many wait as were in play."""

    def run(self, part: P) -> R:
        """Return the result of one part, once it is committed.

        Raises: whatever writing this part alone raises.
        """
        mine: _Waiting[P, R] = _Waiting(part)
        with self._lock:
            self._queue.append(mine)
            mine.leads = not self._led
            self._led = True
            if len(self._queue) >= self._in_play:
                self._complete.set()
        if not mine.leads:
            mine.woken.wait()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]

    def _lead(self) -> None:
        """Write a group, which the leader is the first of, and pass the lead on."""
        self._complete.wait(self._patience)
        with self._lock:
            group, self._queue = self._queue[:MOST], self._queue[MOST:]
        began = time.perf_counter()
        try:
            self._write_group(group)
        finally:
            self._pass_on(len(group), time.perf_counter() - began)
            for waiting in group:
                waiting.woken.set()

    def _pass_on(self, written: int, seconds: float) -> None:
        with self._lock:
            self._in_play = min(MOST, written + len(self._queue))
            self._patience = min(seconds / 4, _LONGEST_WAIT)
            if len(self._queue) < self._in_play:
                self._complete.clear()
            else:
                self._complete.set()
            if self._queue:
                self._queue[0].leads = True
                self._queue[0].woken.set()
            else:
                self._led = False

    def _write_group(self, group: Sequence[_Waiting[P, R]]) -> None:
        try:
            results = self._write([w.part for w in group])
        except Exception as error:  # noqa: BLE001 - each part gets its own below
            self._one_by_one(group, error)
            return
        except BaseException as error:
            for waiting in group:
                waiting.error = error
            raise
        for waiting, result in zip(group, results, strict=True):
            waiting.result, waiting.error = result, None

    def _one_by_one(self, group: Sequence[_Waiting[P, R]], error: Exception) -> None:
        for waiting in group:
            if len(group) == 1:
                waiting.error = error
                return
            try:
                (waiting.result,) = self._write([waiting.part])
                waiting.error = None
            except Exception as own:  # noqa: BLE001 - it belongs to whoever waits
                waiting.error = own
