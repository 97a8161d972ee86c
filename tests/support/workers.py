"""Pools of workers for tests: each started once in a process, and ended with it."""

import contextlib
import functools
import importlib.util
import os
import signal
import sys
from pathlib import Path

import pytest

from party_node.workers import choosing, worker
from party_node.workers.pool import Pool
from party_node.workers.spreading import spread
from protocols.ladder import Backend

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason="NOT TESTED on Ray: it is not installed (pip install 'accord[ray]')",
)
WAYS = [
    "threads",
    "processes",
    pytest.param("ray", marks=[pytest.mark.slow, needs_ray]),
]
"""Where work can be done, as parameters of a test."""


def backend_by(way: str, preference: str = "auto") -> Backend:
    """Return a back end whose work is done in that way; `ray` is a Ray of our own on this
    machine.
    """
    return choosing.backend_of(preference, way, "local" if way == "ray" else "")


class Doomed:
    """Two worker processes, one of which a test can kill while it has a share in its hands."""

    def __init__(self) -> None:
        self.pool = Pool([worker.__name__], 2)

    @functools.cached_property
    def backend(self) -> Backend:
        return spread(self.pool, "auto", "doomed")

    def stop_one(self) -> int:
        """Let a worker stand still, so that it cannot answer; return its pid."""
        self.pool.warm_up()
        pid = self.pids()[0]
        os.kill(pid, signal.SIGSTOP)
        return pid

    def kill_one(self) -> None:
        """Let a worker be gone before its next answer."""
        os.kill(self.stop_one(), signal.SIGKILL)

    def pids(self) -> list[int]:
        return [one.pid for one in self.pool._workers]


def children_of(parent: int) -> dict[int, str]:
    """Return the processes that descend from one, with their command lines; Linux only."""
    assert sys.platform == "linux"
    parents, words = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            pid, stat = int(entry.name), (entry / "stat").read_text()
            parents[pid] = int(stat.rpartition(")")[2].split()[1])
            words[pid] = (entry / "cmdline").read_text().replace("\x00", " ")
    found: dict[int, str] = {}
    front = {parent}
    while front:
        front = {pid for pid, above in parents.items() if above in front and pid not in found}
        found |= {pid: words.get(pid, "") for pid in front}
    return found
