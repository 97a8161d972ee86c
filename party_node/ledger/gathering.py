"""Asking several witnesses at once, and not waiting for those that nobody needs.

Each is asked in a thread of its own. Who is late is not waited for; what it says then still counts,
because its thread goes on.
"""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long witnesses are waited for."""

    answer_seconds: float = 10.0
    """For a quorum."""
    grace_seconds: float = 0.5
    """For the others, once there is a quorum."""


def gather(
    tasks: Mapping[str, Callable[[], bool]], enough: Callable[[], bool], patience: Patience
) -> None:
    """Run the tasks side by side and return when all are done, or after patience has run out.

    A task returns True if there is no sense in waiting for more. What a task raises in time is
    raised here. A single task is run in place.
    """
    if len(tasks) == 1:
        for task in tasks.values():
            task()
        return
    done: queue.SimpleQueue[bool | Exception] = queue.SimpleQueue()
    for name, task in tasks.items():
        run = threading.Thread(
            target=_run, args=(name, task, done), name=f"witness-{name}", daemon=True
        )
        run.start()
    limit = time.monotonic() + patience.answer_seconds
    for _ in tasks:
        try:
            said = done.get(timeout=max(0.0, limit - time.monotonic()))
        except queue.Empty:
            return
        if isinstance(said, Exception):
            raise said
        if said:
            return
        if enough():
            limit = min(limit, time.monotonic() + patience.grace_seconds)


def _run(name: str, task: Callable[[], bool], done: "queue.SimpleQueue[bool | Exception]") -> None:
    try:
        done.put(task())
    except Exception as e:  # noqa: BLE001, raised by whoever waits, if anybody still does
        log.warning("witness-not-heard", witness=name, error=type(e).__name__)
        done.put(e)
