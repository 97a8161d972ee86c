"""The two processes of a measured run, one for each side, spoken to in lines of JSON.

Each is told what to do, says that it is ready, and where it listens, if it does; is told where the
other listens; carries the run, and says what it cost.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from party_node.surface_errors import BenchFailed

_TAIL = 1500


class Side(Protocol):
    """One side of a run, in its own process."""

    @property
    def port(self) -> int:
        """Where it listens; 0 if it does not."""

    def run(self, port: int) -> dict[str, Any]:
        """Carry the run to its end; `port` is the other side's. Return what it cost."""


def run_both(folder: Path, module: str, said: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Let `module` run as a process for each party, told what `said` has for it; return what each
    says at the end.

    Raises: BenchFailed.
    """
    running: dict[str, _SideProcess] = {}
    try:
        for party, to_party in said.items():
            running[party] = _SideProcess(folder, party, module, to_party)
        port = max(process.heard()["port"] for process in running.values())
        for process in running.values():
            process.say({"port": port})
        return {party: process.heard() for party, process in running.items()}
    finally:
        for process in running.values():
            process.stop()


def be_side(made: Callable[[dict[str, Any]], Side]) -> None:
    """Be one of them: read what to do, get ready, wait, carry the run, say what it cost."""
    side = made(json.loads(sys.stdin.readline()))
    _say({"ready": True, "port": side.port})
    _say(side.run(int(json.loads(sys.stdin.readline())["port"])))


def _say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


class _SideProcess:
    """One party, spoken to in lines of JSON."""

    def __init__(self, folder: Path, party: str, module: str, said: dict[str, Any]) -> None:
        self._log, self._party = folder / f"{party}.log", party
        words = [sys.executable, "-m", module]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self.say(said)

    def say(self, what: dict[str, Any]) -> None:
        """Send it a line. Raises: BenchFailed if it has ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as e:
            raise self._failed() from e

    def heard(self) -> dict[str, Any]:
        """Return its next line. Raises: BenchFailed if it has ended."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._failed()
        return dict(json.loads(line))

    def stop(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _failed(self) -> BenchFailed:
        self._process.wait()
        end = self._log.read_text(errors="replace")[-_TAIL:]
        return BenchFailed(f"the {self._party}'s process ended early; its log ends:\n{end}")
