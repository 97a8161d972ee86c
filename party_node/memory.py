"""Giving memory back after bulk work: imports and indexes leave free pages that allocators hold on
to.
"""

import ctypes
import gc
import sys

import pyarrow as pa


def give_back() -> None:
    """Return unused memory to the operating system, where it can be asked to take it."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)
