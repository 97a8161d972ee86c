"""Bulk work and memory: imports and indexes make millions of objects and leave free pages behind
that allocators hold on to.
"""

import ctypes
import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

pa.set_memory_pool(pa.system_memory_pool())
"""Arrow's own allocator keeps tens of MiB in reserve; the system's gives them back when asked."""

_MANY_OBJECTS = 50_000
_lock = threading.Lock()
_at_work = 0


def give_back() -> None:
    """Return unused memory to the operating system, where it can be asked to take it."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)


@contextmanager
def bulk_work() -> Iterator[None]:
    """Look for garbage cycles less often meanwhile, and give memory back at the end.

    Batches of records are many live objects and no cycles: by default the collector would walk over
    all objects of the process again and again, a fifth of the time of an import.
    """
    _count(1)
    try:
        yield
    finally:
        _count(-1)
        give_back()


_USUAL = gc.get_threshold()


def _count(change: int) -> None:
    global _at_work
    with _lock:
        _at_work += change
        gc.set_threshold(_MANY_OBJECTS if _at_work else _USUAL[0], *_USUAL[1:])
