"""Bulk work and memory: imports and indexes make millions of objects and leave free pages behind
that allocators hold on to.
"""

import ctypes
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

pa.set_memory_pool(pa.system_memory_pool())
"""Arrow's own allocator keeps tens of MiB in reserve; the system's gives them back when asked."""

_MANY_OBJECTS = 50_000
_LITTLE_BYTES = 8 * 2**20
_STATM = Path("/proc/self/statm")
_lock = threading.Lock()
_at_work = 0
_held = 0
"""What the process held when it last gave memory back, in bytes."""


def give_back() -> None:
    """Return unused memory to the operating system, where it can be asked to take it."""
    global _held
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)
    _held = _resident()


@contextmanager
def bulk_work() -> Iterator[None]:
    """Look for garbage cycles less often meanwhile, and give memory back at the end, if the process
    has grown: to look through all its objects takes longer than to read a small file.

    Batches of records are many live objects and no cycles: by default the collector would walk over
    all objects of the process again and again, a fifth of the time of an import.
    """
    _count(1)
    try:
        yield
    finally:
        _count(-1)
        now = _resident()
        if not now or now > _held + _LITTLE_BYTES:
            give_back()


_USUAL = gc.get_threshold()


def _count(change: int) -> None:
    global _at_work
    with _lock:
        _at_work += change
        gc.set_threshold(_MANY_OBJECTS if _at_work else _USUAL[0], *_USUAL[1:])


def _resident() -> int:
    """Return how many bytes of memory the process holds; 0 where that is not known."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
