"""Files that a power cut leaves whole, and a full disk that has its name.

A file is written beside the one that it replaces and renamed over it; file and folder are synced,
so that after `replace` the new one is there whatever happens, and before it the old one.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from party_node.errors import DiskFull

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""What the operating system says when a disk is full, or somebody's share of it is."""


@contextmanager
def named_if_full() -> Iterator[None]:
    """Let a full disk be DiskFull, whoever meets it."""
    try:
        yield
    except OSError as e:
        if e.errno in NO_SPACE:
            raise DiskFull from e
        raise


def replace(path: Path, write: Callable[[Path], object], mode: int = 0o600) -> None:
    """Write a file anew: `write` gets the path to write to; a crash leaves the old or the new one.

    Raises: DiskFull; then the old one is there.
    """
    fresh = path.with_suffix(".new")
    with named_if_full():
        try:
            write(fresh)
            fresh.chmod(mode)
            sync(fresh)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        sync(path.parent)


def replace_by(path: Path, data: bytes) -> None:
    """Write these bytes as a file anew, as `replace` does. Raises: DiskFull."""
    replace(path, lambda fresh: fresh.write_bytes(data))


def create_private(path: Path) -> BinaryIO:
    """Open a new file that only its owner can read, whatever the umask says.

    Raises: FileExistsError, also for a link that points nowhere; OSError.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "wb")


def sync(path: Path) -> None:
    """Return when a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
