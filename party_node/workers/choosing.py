"""Which back end a node multiplies with: on threads, in worker processes, or on a Ray cluster.

Threads are the default. Both ways to multiply release the interpreter lock, so threads use every
core; worker processes were no faster where we measured (`docs/operate/scale.md`).
"""

import atexit
import functools
import os
import threading

from party_node.workers import ray_driver, worker
from party_node.workers.pool import Pool
from party_node.workers.spreading import spread
from protocols.errors import InvalidParameter
from protocols.ladder import Backend, choose_backend

_lock = threading.Lock()
_pools: dict[tuple[str, str], Pool] = {}


def backend_of(preference: str, workers: str = "auto", ray_address: str = "") -> Backend:
    """Return the back end for the settings `x25519_backend`, `workers` and `ray_address`.

    Pools are shared in this process and start when they are first used.

    Raises: InvalidParameter for other words, LocalError where `multibuffer` does not work here.
    """
    match workers:
        case "auto" | "threads":
            return choose_backend(preference)
        case "processes" | "ray":
            return spread(_pool(workers, ray_address), preference, workers)
        case _:
            raise InvalidParameter("workers are auto, threads, processes and ray")


def close() -> None:
    """End all worker processes of this process."""
    with _lock:
        pools = list(_pools.values())
        _pools.clear()
    for pool in pools:
        pool.close()


def _pool(workers: str, ray_address: str) -> Pool:
    key = (workers, ray_address)
    with _lock:
        if key not in _pools:
            if not _pools:
                atexit.register(close)
            words = (
                [worker.__name__] if workers == "processes" else [ray_driver.__name__, ray_address]
            )
            _pools[key] = Pool(words, _cores() if workers == "processes" else 1)
        return _pools[key]


@functools.cache
def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
