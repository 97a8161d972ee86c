"""The scores that joint jobs have brought this party, sealed, one file each."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from party_node.sealed_files import SealedFiles
from party_node.vault import Vault
from protocols.codec import Record


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


def scores_in(folder: Path, vault: Vault) -> SealedFiles[JointScores]:
    """Return the scores of one node."""
    missing = "brought no scores to this node"
    return SealedFiles(folder, vault, (JointScores,), ".scores", "scores", missing)


def forget(files: SealedFiles[JointScores], dense: int) -> None:
    """Take a person's scores away, for erasure; again changes nothing. Raises: DiskFull."""
    for job in files.listed():
        people, scores = files.load(job).read()
        others = people != dense
        if not others.all():
            # The salt goes too: else whoever has the rest could try what the score was.
            left = people[others].astype("<u4").tobytes()
            files.keep(job, JointScores(job, bytes(32), left, scores[others].tobytes()))
