"""Records that a node keeps of jobs, sealed, one file each: models, scores, states of trainings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from party_node import durable_file
from party_node.errors import NotFound
from party_node.vault import Vault
from protocols.codec import Record, decode, encode

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class SealedFiles(Generic[R]):
    """All files of one kind of record; each is named by its job, and sealed under that name."""

    folder: Path
    vault: Vault
    kinds: tuple[type[R], ...]
    """The records that a file may hold."""
    suffix: str
    """What the names of files end with, as `.model`."""
    context: str
    """What a file is sealed under, before the job."""
    missing: str = "has no such file at this node"
    """What is said of a job without a file."""

    def keep(self, job: str, record: R) -> None:
        """Store a record durably, in place of an earlier one; again is fine. Raises: DiskFull."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed = self.vault.seal(f"{self.context}/{job}", encode(record))
        durable_file.replace_by(self._path(job), sealed)

    def find(self, job: str) -> R | None:
        """Return a job's record; None if there is none. Raises: SealBroken, MalformedMessage."""
        try:
            sealed = self._path(job).read_bytes()
        except FileNotFoundError:
            return None
        return decode(self.kinds, self.vault.open(f"{self.context}/{job}", sealed))

    def load(self, job: str) -> R:
        """Return a job's record. Raises: NotFound; as `find`."""
        found = self.find(job)
        if found is None:
            raise NotFound(f"job {job} {self.missing}")
        return found

    def listed(self) -> list[str]:
        """Return the jobs that have a file, by number."""
        return sorted(path.stem for path in self.folder.glob(f"*{self.suffix}"))

    def _path(self, job: str) -> Path:
        return self.folder / f"{job}{self.suffix}"
