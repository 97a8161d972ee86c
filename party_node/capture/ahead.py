"""Reading ahead: a second process reads the next rows while this one takes in the last.

The two share nothing but two pipes. The reader stops by itself when the node goes away or does not
want the rest; the node ends it in any case. For a small file the start would cost more than it
saves, so that is read here.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

from party_node.capture import reading
from party_node.capture.batches import Batch
from party_node.capture.errors import ImportInterrupted
from party_node.capture.reading import BATCH, END, FAILED, HEAD, Task

SMALL_BYTES = 4 * 1024 * 1024
"""Files up to this size are read in the node's own process; a compressed one counts tenfold."""
_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031


class Source(Protocol):
    """A file whose batches come one after the other."""

    sha256: str

    def batches(self) -> Iterator[Batch]:
        """Return the batches. Raises: ImportUnreadable, MissingColumn, ImportInterrupted."""


def open_source(task: Task) -> AbstractContextManager[Source]:
    """Open a file to be read where that is quicker.

    Raises: ImportUnreadable, MissingColumn, InvalidMapping.
    """
    if _is_large(Path(task.path)) and _processors() > 1:
        return read_ahead(task)
    return reading.opened(task)


@contextmanager
def read_ahead(task: Task) -> Iterator[Source]:
    """Read in a process of its own, which ends with the block."""
    # A new session: Ctrl-C on the node's terminal is for the node alone.
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", reading.__name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=_PIPE_BYTES,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as task_pipe, process.stdout as results:
        try:
            _widen(results)
            with suppress(BrokenPipeError):  # a process that did not start is found out below
                task_pipe.write(reading.task_line(task))
                task_pipe.close()
            yield _Ahead(results)
        finally:
            process.kill()
            process.wait()


class _Ahead:
    """What the other process has read."""

    def __init__(self, results: IO[bytes]) -> None:
        self._results = results
        kind, line = self._next()
        if kind != HEAD:
            raise ImportInterrupted("the process that reads the file did not start")
        self.sha256 = reading.head_of(line)

    def batches(self) -> Iterator[Batch]:
        while True:
            kind, line = self._next()
            if kind == END:
                return
            yield Batch.from_json(line)

    def _next(self) -> tuple[bytes, bytes]:
        line = self._results.readline()
        kind = line[:1]
        if kind == FAILED:
            raise reading.error_of(line[1:])
        if kind not in (HEAD, BATCH, END) or line[-1:] != b"\n":
            raise ImportInterrupted(
                "the process that reads the file ended before the file did",
                hint="see whether memory ran out, then repeat: nothing is taken in twice",
            )
        return kind, line[1:]


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_large(path: Path) -> bool:
    try:
        size = path.stat().st_size
    except OSError:
        return False  # what is wrong with it is said where it is opened
    return size * (10 if path.suffix.lower() == ".gz" else 1) > SMALL_BYTES


def _widen(pipe: IO[bytes]) -> None:
    """Let more than one batch lie in the pipe, where the system allows it."""
    try:
        import fcntl

        fcntl.fcntl(pipe.fileno(), _F_SETPIPE_SZ, _PIPE_BYTES)
    except (ImportError, OSError):
        pass
