"""The scores that joint jobs have brought this party, sealed, one file each."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from party_node import durable_file
from party_node.errors import NotFound
from party_node.vault import Vault
from protocols.codec import Record, decode, encode

_SUFFIX = ".scores"


@dataclass(frozen=True, slots=True)
class JointScores(Record):
    """A score for each person of both, as it is kept; the receipt commits to its encoding."""

    KIND: ClassVar[str] = "joint-scores/1"
    job: str
    salt: bytes
    """32 bytes."""
    people: bytes = field(repr=False)
    """Dense numbers, rising, four bytes each, little-endian."""
    scores: bytes = field(repr=False)
    """As many floats of four bytes, little-endian."""

    def read(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return people and scores."""
        people = np.frombuffer(self.people, "<u4").astype(np.int64)
        return people, np.frombuffer(self.scores, "<f4")


@dataclass(frozen=True, slots=True)
class ScoreFiles:
    """The scores of one node."""

    folder: Path
    vault: Vault

    def keep(self, found: JointScores) -> None:
        """Store scores durably; again is fine. Raises: DiskFull."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sealed = self.vault.seal(f"scores/{found.job}", encode(found))
        durable_file.replace(self._path(found.job), lambda fresh: _write(fresh, sealed))

    def load(self, job: str) -> JointScores:
        """Return scores. Raises: NotFound."""
        try:
            sealed = self._path(job).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"job {job} brought no scores to this node") from None
        return decode(JointScores, self.vault.open(f"scores/{job}", sealed))

    def listed(self) -> list[str]:
        """Return the jobs that brought scores, by number."""
        return sorted(path.stem for path in self.folder.glob(f"*{_SUFFIX}"))

    def forget(self, dense: int) -> None:
        """Take a person's scores away, for erasure; again changes nothing. Raises: DiskFull."""
        for job in self.listed():
            kept = self.load(job)
            people, scores = kept.read()
            others = people != dense
            if not others.all():
                # The salt goes too: else whoever has the rest could try what the score was.
                left = people[others].astype("<u4").tobytes()
                self.keep(JointScores(job, bytes(32), left, scores[others].tobytes()))

    def _path(self, job: str) -> Path:
        return self.folder / f"{job}{_SUFFIX}"


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
