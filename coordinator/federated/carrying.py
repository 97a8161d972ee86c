"""Federated jobs at the coordinator: each is carried by a thread, to its end or the job's.

What is known is on disk: who joined, and where the aggregator is. So a coordinator that was killed
goes on with every training that has not ended. Too few partners are no end: they are asked again,
with growing pauses, until the job expires or somebody calls it off.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session

from coordinator import jobs
from coordinator.clock import Clock
from coordinator.database import Database
from coordinator.errors import FlowerUnavailable
from coordinator.federated.joining import Joined
from coordinator.federated.training import Line, Patience, States, train
from coordinator.observability import log, log_background_error
from coordinator.store import OPEN_STATES
from coordinator.tables import JobRow
from coordinator.wire import JobState
from protocols.codec import encode
from protocols.errors import ContextMismatch, ProtocolError
from protocols.federated.aggregator import Model, Stage
from protocols.federated.errors import TooFewPartners, TrainingOutdated
from protocols.federated.terms import Run

GATHER_SECONDS = 60
"""How long those who have not joined are waited for, once enough have."""
KEPT_MS = 24 * 3_600_000
"""How long the model of a job that is completed can still be asked for."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0

OpenLine = Callable[[], AbstractContextManager[Line]]


class _CalledOff(Exception):
    """The job has ended, or the coordinator stops."""


@dataclass(slots=True)
class Carrier:
    """All trainings of one coordinator."""

    database: Database
    clock: Clock
    folder: Path
    open_line: OpenLine
    patience: Patience = field(default_factory=Patience)
    threads: bool = True
    """False: a training goes on only when `turn` is called, which tests do."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _carried: dict[str, threading.Event] = field(default_factory=dict)
    _enough: dict[str, float] = field(default_factory=dict)

    @property
    def joined(self) -> Joined:
        """Who has joined."""
        return Joined(self.folder / "joined")

    @property
    def states(self) -> States:
        """Where the trainings are."""
        return States(self.folder / "trainings")

    def start(self) -> None:
        """Go on with every training that has not ended."""
        for job in self.joined.jobs():
            self._carry(job)

    def stop(self) -> None:
        """Stop at the next step; nothing is lost."""
        self._stopping.set()
        with self._lock:
            for news in self._carried.values():
                news.set()

    def sweep(self) -> None:
        """Remove what is kept of jobs that ended a while ago."""
        for job in self.joined.jobs():
            if not self._is_open(job):
                self._forget(job)

    def join(self, job: str, party: str, run: Run) -> None:
        """Hear that a partner takes part. Raises: TrainingRefused."""
        self.joined.put(job, party, run)
        self._carry(job)

    def told(self, job: str) -> bytes | None:
        """Return what partners were told at the end, None before."""
        with contextlib.suppress(TrainingOutdated):
            state = self.states.load(job)
            return encode(state.told) if isinstance(state, Model) else None
        return None

    def turn(self, job: str) -> bool:
        """Train to the end if enough have joined; tell whether nothing is left to do.

        Raises: TooFewPartners, FlowerUnavailable: then later.
        """
        if not self._is_open(job):
            self._forget(job)
            return True
        try:
            if isinstance(self.states.load(job), Model):
                return True
        except TrainingOutdated as e:
            self._fail(job, e.code)
            return True
        run = self._gathered(job)
        if run is None:
            return False

        def told(stage: Stage, turn: int) -> None:
            if self._stopping.is_set() or not self._is_open(job):
                raise _CalledOff

        try:
            with self.open_line() as line:
                train(run, line, self.states, self.patience, told)
        except _CalledOff:
            return self._stopping.is_set()
        except TooFewPartners:
            raise
        except ProtocolError as e:
            self._fail(job, e.code)
        return True

    def _carry(self, job: str) -> None:
        if not self.threads:
            return
        with self._lock:
            if job in self._carried:
                self._carried[job].set()
                return
            news = self._carried[job] = threading.Event()
        name = f"training-{job[:8]}"
        threading.Thread(target=self._run, args=(job, news), name=name, daemon=True).start()

    def _run(self, job: str, news: threading.Event) -> None:
        pause = _FIRST_PAUSE
        try:
            while not self._stopping.is_set():
                news.clear()
                try:
                    if self.turn(job):
                        return
                    pause = _FIRST_PAUSE
                except (TooFewPartners, FlowerUnavailable) as e:
                    log.info("federated-waits", job=job, cause=e.code)
                    pause = min(pause * 2, _LONGEST_PAUSE)
                except Exception as e:  # noqa: BLE001, its thread must not end without a word
                    log_background_error("federated-crashed", e)
                    pause = _LONGEST_PAUSE
                news.wait(pause)
        finally:
            with self._lock:
                self._carried.pop(job, None)

    def _gathered(self, job: str) -> Run | None:
        """Return the run once all have joined it, or enough have and the others did not come."""
        said = self.joined.of(job)
        runs = set(said.values())
        if len(runs) != 1:
            if len(runs) > 1:
                self._fail(job, ContextMismatch.code)
            return None
        (run,) = runs
        if len(said) < run.terms.threshold:
            return None
        if len(said) < len(run.terms.parties):
            since = self._enough.setdefault(job, time.monotonic())
            if time.monotonic() < since + GATHER_SECONDS:
                return None
        self._enough.pop(job, None)
        return run

    def _is_open(self, job: str) -> bool:
        now = self.clock()

        def look(session: Session) -> bool:
            row = session.get(JobRow, job)
            return row is not None and jobs.state_at(row, now).value in OPEN_STATES

        return self.database.read(look)

    def _forget(self, job: str) -> None:
        """Remove what is kept of a job that has ended; after a while, where it has a model: one
        that was away may come back for it.
        """
        now = self.clock()

        def is_kept(session: Session) -> bool:
            row = session.get(JobRow, job)
            done = row is not None and row.state == JobState.COMPLETED
            return row is not None and done and now < row.updated_ms + KEPT_MS

        if not self.database.read(is_kept):
            self.joined.forget(job)
            self.states.forget(job)

    def _fail(self, job: str, cause: str) -> None:
        """End a job whose partners do not agree, for all of them."""
        now = self.clock()

        def write(session: Session) -> None:
            row = session.get(JobRow, job)
            if row is not None and jobs.state_at(row, now).value in OPEN_STATES:
                jobs.move(session, row, JobState.FAILED, cause, now)

        self.database.write(write)
