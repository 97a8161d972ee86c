"""Where tests keep their files: in memory where that is to be had.

A node waits for the disk after every decision, as it should. Thousands of tests that wait too would
test the disk.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_LEAST_FREE = 3 * 2**30
"""Containers often have 64 MB there: too little."""


def quick_root() -> Path:
    """Return the folder that all temporary folders of tests are made in (`tests/conftest.py`)."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _LEAST_FREE:
        return _MEMORY
    return Path(tempfile.gettempdir())


def quick_folder(prefix: str) -> Path:
    """Return a new one that is there until the process ends."""
    folder = tempfile.TemporaryDirectory(prefix=prefix)
    atexit.register(folder.cleanup)
    return Path(folder.name)
