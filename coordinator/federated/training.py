"""One training: the aggregator's rounds over a line to the partners, stored after each step.

A training that was stopped, by a crash or by too few partners, goes on where it was when it is
started again, in another run of Flower.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from coordinator.observability import log
from protocols.codec import Record, decode, encode
from protocols.errors import ContextMismatch, MalformedMessage
from protocols.federated import aggregator
from protocols.federated.aggregator import Aggregator, Model, Stage
from protocols.federated.errors import TrainingOutdated
from protocols.federated.terms import Run

_STATES: tuple[type[Record], ...] = (Aggregator, Model)
_EARLIER = b"federated-aggregator/1"
"""In states of which the sums are of another kind: such a training cannot go on."""


class Line(Protocol):
    """A way to the partners: Flower, or a stand-in in tests."""

    def ask(
        self, questions: Mapping[str, bytes], seconds: float, away_seconds: float
    ) -> dict[str, bytes]:
        """Return the answers that came within the time; who is away has less of it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long partners are waited for, in seconds."""

    answer: float = 60
    learning: float = 600
    """For an update: a partner learns before it answers."""
    away: float = 30
    """For a partner that is not there."""

    def at(self, stage: Stage) -> float:
        """Return how long answers are waited for at this stage."""
        return self.learning if stage is Stage.UPDATE else self.answer


@dataclass(frozen=True, slots=True)
class States:
    """The aggregator's states, a file for each job."""

    folder: Path

    def load(self, job: str) -> Aggregator | Model | None:
        """Return where a job's training is.

        Raises: TrainingOutdated; MalformedMessage if the file is damaged.
        """
        try:
            data = self._path(job).read_bytes()
        except FileNotFoundError:
            return None
        try:
            state = decode(_STATES, data)
        except MalformedMessage as e:
            if _EARLIER in data:
                raise TrainingOutdated from e
            raise
        return state if isinstance(state, Aggregator | Model) else None

    def save(self, job: str, state: Aggregator | Model) -> None:
        """Store it durably: after a crash the file is this one or the one before."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(job)
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(encode(state))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def forget(self, job: str) -> None:
        """Remove the state of a job that has ended."""
        self._path(job).unlink(missing_ok=True)

    def _path(self, job: str) -> Path:
        return self.folder / f"{job}.training"


def train(
    run: Run,
    line: Line,
    states: States,
    patience: Patience,
    told: Callable[[Stage, int], None] = lambda stage, turn: None,
) -> Model:
    """Train to the end, or go on with what was begun; `told` hears of every step.

    Raises: TooFewPartners, after which it can be called again; ContextMismatch for other terms than
    those that the job was begun with; TrainingOutdated; FlowerUnavailable.
    """
    job = run.terms.job
    state = states.load(job) or aggregator.begin(run)
    while isinstance(state, Aggregator):
        if state.run != run:
            raise ContextMismatch("the training was begun with other terms or keys")
        told(state.stage, state.turn)
        asked = {p: encode(question) for p, question in aggregator.questions(state).items()}
        answers = line.ask(asked, patience.at(state.stage), patience.away)
        at = {"job": job, "stage": state.stage.value, "turn": state.turn}
        log.info("federated-step", asked=len(asked), answered=len(answers), **at)
        state = aggregator.collect(state, answers)
        states.save(job, state)
    return state
