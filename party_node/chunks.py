"""The chunks of a run: bulk data between steps, in files of the run's own folder, sealed.

A chunk is on disk, whole, before the transaction that refers to it commits; a step that a crash
interrupts writes its chunks again under the same names. The folder goes when the run ends.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from party_node.errors import DiskFull, NotFound
from party_node.vault import Vault


class ChunkStore:
    """The chunks of one job; `fetch` is what protocols read through."""

    def __init__(self, folder: Path, vault: Vault, job: str) -> None:
        self._folder, self._vault, self._job = folder / job, vault, job

    def keep(self, chunks: Mapping[str, bytes]) -> None:
        """Write chunks durably.

        Raises: DiskFull, after which the same call may be repeated.
        """
        if not chunks:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in chunks.items():
            self._write(name, data)

    def _write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        fresh = path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.write(self._vault.seal(self._context(name), data))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        except OSError as e:
            fresh.unlink(missing_ok=True)
            raise DiskFull(f"a chunk of job {self._job} could not be written") from e

    def fetch(self, name: str) -> bytes:
        """Return a chunk.

        Raises: NotFound if the run kept none of that name.
        """
        try:
            sealed = self._path(name).read_bytes()
        except FileNotFoundError as e:
            raise NotFound(f"job {self._job} has no chunk {name}") from e
        return self._vault.open(self._context(name), sealed)

    def drop(self, name: str) -> None:
        """Remove one chunk; removing it twice is fine."""
        self._path(name).unlink(missing_ok=True)

    def size_of(self, prefix: str) -> int:
        """Return how many bytes the chunks take whose names begin so."""
        found = self._folder.glob(f"{self._path(prefix).name}*")
        return sum(path.stat().st_size for path in found)

    def erase(self) -> None:
        """Remove all chunks of this job; removing them twice is fine."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        return self._folder / name.replace("/", "-")

    def _context(self, name: str) -> str:
        return f"chunk/{self._job}/{name}"
