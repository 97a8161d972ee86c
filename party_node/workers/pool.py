"""Worker processes of this node: started ahead, asked by any thread, replaced when one dies.

They are new interpreters, not forks: a node has threads and open connections, which a fork would
share. A share is asked of one worker; if that ends before it answers, the whole array fails with
`WorkerLost` and nothing of it is used. The next errand finds a new worker in its place.
"""

import concurrent.futures
import functools
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from party_node.workers import pipes
from party_node.workers.computing import Answer
from party_node.workers.errors import WorkerLost, WorkersUnavailable
from protocols.errors import InvalidElement, InvalidParameter, LocalError

_CLOSE_SECONDS = 10
_REFUSALS = {kind.code: kind for kind in (InvalidElement, InvalidParameter, LocalError)}
_FAILURES = {kind.code: kind for kind in (WorkerLost, WorkersUnavailable)}


class Worker:
    """One process; used by one thread at a time."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = [sys.executable, "-P", "-m", *words]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's number; 0 if none runs."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Start the process if none runs. Raises: WorkersUnavailable."""
        if self._process is not None:
            return
        try:
            # A new session: Ctrl-C on the node's terminal is for the node alone.
            self._process = subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as e:
            raise WorkersUnavailable("no process can be started") from e

    def ask(self, errand: bytes, rows: bytes) -> Answer:
        """Have one share computed. Raises: WorkerLost, WorkersUnavailable."""
        self.start()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pipes.write(process.stdin, errand, rows)
            return pipes.read(process.stdout).decode(), pipes.read(process.stdout)
        except (OSError, EOFError):
            self.end()
            raise WorkerLost from None

    def end(self, patience: float = 0) -> None:
        """End the process: by itself within so many seconds, or by force."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class Pool:
    """So many workers of one kind."""

    def __init__(self, words: Sequence[str], count: int) -> None:
        self.count = count
        self._workers = [Worker(words) for _ in range(count)]
        self._idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._warmed = threading.Lock()
        self._closing = threading.Lock()

    def warm_up(self) -> None:
        """Start all processes at once, so that they get ready beside each other."""
        if self._warmed.acquire(blocking=False):
            for worker in self._workers:
                worker.start()

    def compute(self, errand: bytes, shares: Sequence[bytes]) -> list[bytes]:
        """Have shares computed, and return what came of each, in order.

        Raises: WorkerLost, WorkersUnavailable; ProtocolError, as the computation does.
        """
        self.warm_up()
        if len(shares) == 1:
            return [self._ask(errand, shares[0])]
        with concurrent.futures.ThreadPoolExecutor(min(self.count, len(shares))) as threads:
            return list(threads.map(functools.partial(self._ask, errand), shares))

    def close(self) -> None:
        """End all workers; those that are still busy after a while, by force. Once is enough."""
        if not self._closing.acquire(blocking=False):
            return  # nobody is idle any more: waiting for them would be in vain
        with suppress(queue.Empty):
            for _ in self._workers:
                self._idle.get(timeout=_CLOSE_SECONDS).end(_CLOSE_SECONDS)
        for worker in self._workers:
            worker.end()

    def _ask(self, errand: bytes, rows: bytes) -> bytes:
        worker = self._idle.get()
        try:
            code, content = worker.ask(errand, rows)
        finally:
            self._idle.put(worker)
        if code in _FAILURES:
            raise _FAILURES[code](content.decode())
        if code:
            raise _REFUSALS.get(code, LocalError)("a worker could not do what it was asked for")
        if len(content) != len(rows):
            raise LocalError("a worker gave too much or too little")
        return content
