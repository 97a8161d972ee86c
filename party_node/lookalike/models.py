"""Models that this node has made, sealed, one file each: they score people later.

A model holds people of the population as points of comparison, without their identifiers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from party_node import durable_file
from party_node.errors import NotFound
from party_node.vault import Vault
from protocols.codec import Record, decode, encode

_SUFFIX = ".model"


@dataclass(frozen=True, slots=True)
class MadeModel(Record):
    """A model with the salt of the commitment that stands in the run receipt."""

    KIND: ClassVar[str] = "made-model/1"
    job: str
    salt: bytes
    """32 bytes."""
    model: bytes
    """As `protocols.lookalike.kept` writes it."""


@dataclass(frozen=True, slots=True)
class Models:
    """The models of one node."""

    folder: Path
    vault: Vault

    def keep(self, made: MadeModel) -> None:
        """Store a model durably; again is fine. Raises: DiskFull."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed = self.vault.seal(_context(made.job), encode(made))
        path = self._path(made.job)
        durable_file.replace(path, lambda fresh: _write(fresh, sealed))

    def load(self, job: str) -> MadeModel:
        """Return a model. Raises: NotFound."""
        try:
            sealed = self._path(job).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"job {job} made no model at this node") from None
        return decode(MadeModel, self.vault.open(_context(job), sealed))

    def listed(self) -> list[str]:
        """Return the jobs that made a model here, by number."""
        return sorted(path.stem for path in self.folder.glob(f"*{_SUFFIX}"))

    def _path(self, job: str) -> Path:
        return self.folder / f"{job}{_SUFFIX}"


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _context(job: str) -> str:
    return f"model/{job}"
