"""What leaves a training: the model, which every partner has, and who took part in which round.

All partners that were there at the end sign a receipt with its hash. It needs no salt: the model is
known to everybody who could ask for it, the coordinator included.
"""

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record, encode
from protocols.federated.records import Survivors, Told
from protocols.federated.terms import FederatedTerms, Run

FEDERATED_MODEL = "federated-model"
_LABEL = b"accord/federated-model/1\x00"


@dataclass(frozen=True, slots=True)
class TrainedModel(Record):
    """A model, the terms that it was trained by, whose updates are in it."""

    KIND: ClassVar[str] = "trained-model/1"
    terms: FederatedTerms
    ctx: bytes
    weights: bytes
    turns: tuple[Survivors, ...]
    present: tuple[int, ...]

    @classmethod
    def of(cls, run: Run, told: Told) -> "TrainedModel":
        """Return what a training ended with."""
        return cls(run.terms, run.context(), told.weights, told.turns, told.present)

    def contributed(self) -> tuple[tuple[str, ...], ...]:
        """Return, for each round, whose updates are in its sum."""
        parties = self.terms.parties
        return tuple(tuple(parties[i] for i in turn.numbers) for turn in self.turns)

    def signers(self) -> tuple[str, ...]:
        """Return who signs the receipt: who was there at the end."""
        return tuple(self.terms.parties[i] for i in self.present)

    def paid(self, party: str) -> int:
        """Return what a partner's updates in this model cost it towards each other partner."""
        return self.terms.rho_nano * sum(party in turn for turn in self.contributed())

    def commitment(self) -> bytes:
        """Return the 32 bytes that stand for it in the receipt."""
        return hashlib.sha256(_LABEL + encode(self)).digest()
