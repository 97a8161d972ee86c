"""The federated trainings that this node takes part in: their states, sealed, one file each.

A state holds the keys that hide this party's updates. It is on disk before an answer leaves, so
that a question that comes again after a crash gets the same answer and nothing is charged twice.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from party_node.federated.errors import UnknownTraining
from party_node.passing import PASSING
from party_node.sealed_files import SealedFiles
from party_node.vault import Vault
from protocols.codec import Record, encode
from protocols.errors import ContextMismatch
from protocols.federated import partner
from protocols.federated.fixed_point import Whole
from protocols.federated.partner import Learn, Partner
from protocols.federated.release import TrainedModel
from protocols.federated.terms import FederatedTerms, Run
from protocols.keys import PartyKeys
from protocols.session import Rng

Learner = Callable[[FederatedTerms, int, int, bytes], Whole]
"""(terms, this party's number, turn, weights) → update: charges, learns, adds noise."""


def nothing_learnt(terms: FederatedTerms, number: int, turn: int, weights: bytes) -> Whole:
    """Stand for a learner until the node has one. Raises: UnknownTraining."""
    raise UnknownTraining


@dataclass(frozen=True, slots=True)
class Left(Record):
    """What is kept of a training that this party left: it never joins the same one again.

    With fresh keys it would give a second update for the price of one.
    """

    KIND: ClassVar[str] = "federated-left/1"
    job: str


_STATES = (Partner, Left)


@dataclass(slots=True)
class Trainings:
    """All trainings of one node; several threads may ask."""

    folder: Path
    vault: Vault
    keys: PartyKeys
    learner: Learner
    rng: Rng
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _news: threading.Condition = field(default_factory=threading.Condition)
    _refusals: dict[str, Exception] = field(default_factory=dict)

    def join(self, run: Run) -> None:
        """Take part from now on; joining again with the same terms and keys changes nothing.

        Raises: ContextMismatch for other terms of the same job, or one that was left;
        InvalidParameter if this party is no partner; DiskFull.
        """
        with self._lock:
            known = self._files.find(run.terms.job)
            if known is None:
                begun = partner.begin(run, self.keys.party, self.rng)
                self._files.keep(run.terms.job, begun)
            elif isinstance(known, Left) or known.run != run:
                raise ContextMismatch("this job was left, or joined with other terms or keys")

    def answer(self, question: bytes) -> bytes:
        """Return the encoded answer to a question of the aggregator.

        Raises: MalformedMessage, UnknownTraining, PeerError; whatever learning raises.
        """
        asked = partner.read_question(question)
        with self._lock:
            state = self._of_context(getattr(asked, "ctx", b""))
            changed = partner.answer(state, asked, self.keys, self._learn(state), self.rng)
            if changed != state:
                self._files.keep(changed.run.terms.job, changed)
            if changed.answer is None:  # cannot be: every question that is not refused has one
                raise UnknownTraining
            answered = encode(changed.answer)
        self._tell()
        return answered

    def state(self, job: str) -> Partner:
        """Return where this party is in a training. Raises: UnknownTraining.

        Does not wait for a round that is being learnt.
        """
        state = self._files.find(job)
        if not isinstance(state, Partner):
            raise UnknownTraining
        return state

    def model(self, job: str) -> bytes | None:
        """Return the weights of the model that a training ended with, None before.

        Raises: UnknownTraining.
        """
        return self.state(job).model or None

    def await_end(self, job: str, seconds: float) -> TrainedModel | None:
        """Return what a training ended with, or None if it has not after so many seconds.

        Raises: UnknownTraining; whatever kept this party from learning, and will again.
        """
        limit = time.monotonic() + seconds
        with self._news:
            while True:
                if job in self._refusals:
                    raise self._refusals.pop(job)
                state = self.state(job)
                if state.told is not None:
                    return TrainedModel.of(state.run, state.told)
                left = limit - time.monotonic()
                if left <= 0:
                    return None
                self._news.wait(left)

    def leave(self, job: str) -> None:
        """Take no part any more, and erase the keys; leaving twice is fine."""
        with self._lock:
            if self._files.find(job) is not None:
                self._files.keep(job, Left(job))
            self._refusals.pop(job, None)

    def _learn(self, state: Partner) -> Learn:
        def learn(turn: int, weights: bytes) -> Whole:
            terms = state.run.terms
            try:
                return self.learner(terms, state.number, turn, weights)
            except PASSING:
                raise  # asked again, it may go well
            except Exception as e:
                self._refusals[terms.job] = e
                self._tell()
                raise

        return learn

    def _tell(self) -> None:
        with self._news:
            self._news.notify_all()

    def _of_context(self, ctx: bytes) -> Partner:
        for job in self._files.listed():
            state = self._files.find(job)
            if isinstance(state, Partner) and state.run.context() == ctx:
                return state
        raise UnknownTraining

    @property
    def _files(self) -> SealedFiles[Partner | Left]:
        return SealedFiles(self.folder, self.vault, _STATES, ".training", "federated")
