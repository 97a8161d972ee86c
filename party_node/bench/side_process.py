"""A process that carries one side of a measured run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from party_node.surface_errors import BenchFailed

_TAIL = 1500


class SideProcess:
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
