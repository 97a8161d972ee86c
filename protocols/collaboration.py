"""The agreement between parties: one declarative document that every party's node countersigns.

People write it as YAML (`party_node/collaborations.py` reads that); what is signed is the encoding
of this record. A change is a new version that everyone countersigns again.
"""

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record, encode
from protocols.keys import PartyPublic


@dataclass(frozen=True, slots=True)
class Member(Record):
    """A party, with the keys that the countersignatures bind to its name."""

    KIND: ClassVar[str] = "member/1"
    party: str
    name: str
    public: PartyPublic
    ledger_vkey: str
    """C2SP verifier key of the party's consent ledger."""


@dataclass(frozen=True, slots=True)
class DatasetOffer(Record):
    """A dataset that a party brings, and what of it may be used."""

    KIND: ClassVar[str] = "dataset-offer/1"
    party: str
    dataset: str
    identifiers: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Permitted(Record):
    """One kind of job that may be asked for: protocol, purpose, who learns the output."""

    KIND: ClassVar[str] = "permitted/1"
    kind: str
    protocol: str
    purpose: str
    receiver: str
    reveal: bool
    """True where the receiver learns which of its own records match."""


@dataclass(frozen=True, slots=True)
class Collaboration(Record):
    """The whole agreement."""

    KIND: ClassVar[str] = "collaboration/2"
    collaboration: str
    version: int
    title: str
    members: tuple[Member, ...]
    datasets: tuple[DatasetOffer, ...]
    permitted: tuple[Permitted, ...]
    minimum_size: int
    """People; no job may ask for less."""
    rho_nano_each: int
    """Budget of each party towards each other party, in billionths of a rho (zCDP)."""
    delta_exponent: int
    """Epsilon is shown at delta = 10^-delta_exponent."""
    expires_ms: int
    budget_window: str = "none"
    """`none`: charges count for ever. `month`: in a new calendar month two people at the party
    whose budget it is may let it begin anew; nothing ever does so by itself."""

    def member(self, party: str) -> Member | None:
        """Return the member of that name, or None."""
        return next((m for m in self.members if m.party == party), None)


def digest(collaboration: Collaboration) -> bytes:
    """Return the 32 bytes by which jobs name this version."""
    return hashlib.sha256(b"accord/collaboration/2\x00" + encode(collaboration)).digest()
