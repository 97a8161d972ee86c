"""Who has joined which training: what each partner says it agreed to, a file each.

Partners work the terms out among themselves, from sealed pre-flights. Each tells the coordinator
the same run. It begins when all have, or when enough have and the others do not come.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from coordinator import jobs
from coordinator.errors import TrainingRefused
from coordinator.tables import PartyRow
from coordinator.wire import JobState
from protocols.codec import decode, encode
from protocols.errors import ProtocolError
from protocols.federated.asked import FEDERATED, FederatedParams, terms_for
from protocols.federated.terms import Run
from protocols.keys import PartyPublic

_SUFFIX = ".run"


def read(session: Session, caller: str, job: str, data: bytes, now_ms: int) -> Run:
    """Return the run that a partner joins, if it is one of this job.

    Raises: UnknownJob, TrainingRefused.
    """
    row = jobs.of_party(session, caller, job)
    asked = jobs.description(row)
    if asked.kind != FEDERATED:
        raise TrainingRefused("the job trains nothing")
    if jobs.state_at(row, now_ms) not in (JobState.ACCEPTED, JobState.RUNNING):
        raise TrainingRefused("the job is not accepted by all, or has ended")
    try:
        run = decode(Run, data)
        sizes = dict(zip(run.terms.parties, run.terms.sizes, strict=True))
        due = terms_for(asked, decode(FederatedParams, asked.params), sizes)
    except (ProtocolError, KeyError) as e:
        raise TrainingRefused("this is no run of that job") from e
    if run.terms != due:
        raise TrainingRefused("the terms are not those of the job")
    for public in run.publics:
        enrolled = session.get(PartyRow, public.party)
        if enrolled is None or decode(PartyPublic, enrolled.public) != public:
            raise TrainingRefused("a key is not that of an enrolled party")
    return run


@dataclass(frozen=True, slots=True)
class Joined:
    """What was said, on disk."""

    folder: Path

    def put(self, job: str, party: str, run: Run) -> None:
        """Keep what a partner says. Raises: TrainingRefused if it said something else before."""
        path = self._folder(job) / f"{party}{_SUFFIX}"
        data = encode(run)
        if path.exists():
            if path.read_bytes() != data:
                raise TrainingRefused("this party has joined with other terms or keys")
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def of(self, job: str) -> dict[str, Run]:
        """Return what was said, by party."""
        found = sorted(self._folder(job).glob(f"*{_SUFFIX}"))
        return {path.name.removesuffix(_SUFFIX): decode(Run, path.read_bytes()) for path in found}

    def jobs(self) -> list[str]:
        """Return the jobs that somebody has joined."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def forget(self, job: str) -> None:
        """Remove what was said."""
        shutil.rmtree(self._folder(job), ignore_errors=True)

    def _folder(self, job: str) -> Path:
        return self.folder / job
