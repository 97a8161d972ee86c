"""The lock of a home folder: one process at a time; the operating system releases it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from party_node.surface_errors import AlreadyServed

LOCK = "lock"


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the home's lock.

    Raises: AlreadyServed if another process does.
    """
    descriptor = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyServed(f"another process holds {home / LOCK}") from None
        yield
    finally:
        os.close(descriptor)
