"""The records that a job consists of, each signed by who says it.

A requester signs a `JobDescription`; every other party signs an `Acceptance`. Inside the run,
sealed, each party tells the others its `Preflight`, and at the end its `ReceiptPart`; all then sign
the same `RunReceipt`. Most jobs have two parties, a receiver and one sender. See
`docs/spec/job.md`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from protocols.codec import Record, encode
from protocols.errors import LocalError
from protocols.session import Role

MOST_SENDERS = 15
"""A protocol has at most sixteen parties."""

OPERATIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "overlap": ("psi", "dp.stat"),
        "audience": ("psi", "activate"),
        "insight": ("psi", "dp.stat"),
        "lookalike": ("psi", "lookalike.train", "lookalike.score"),
        "joint": ("psi", "lookalike.train", "lookalike.score"),
        "federated": ("train",),
    }
)
"""What each job kind does with a person's data: each must be permitted by that person's consent."""
SCORING = ("lookalike.score",)
"""What scoring one's own people by a kept model does with their data, later and each time."""
MATCHED_AND_SCORED = ("psi", *SCORING)
"""What a job does that scores by a model of an earlier one."""
SENDER_BEGINS = frozenset({"lookalike"})
"""Kinds whose protocol the sender begins: it has the vectors, and the receiver has the matrix."""


@dataclass(frozen=True, slots=True)
class Source(Record):
    """A sender, and the dataset that it brings."""

    KIND: ClassVar[str] = "job-source/1"
    party: str
    dataset: str


@dataclass(frozen=True, slots=True)
class JobDescription(Record):
    """What is asked, under which collaboration, by whom, at what price."""

    KIND: ClassVar[str] = "job/3"
    job: str
    """32 lower-case hexadecimal digits, random."""
    collaboration: str
    version: int
    collaboration_hash: bytes
    """32 bytes: `collaboration.digest` of the countersigned version."""
    kind: str
    """One of `OPERATIONS`."""
    protocol: str
    params: bytes
    """The encoded parameter record of the protocol."""
    purpose: str
    requester: str
    receiver: str
    """The party that learns the protocol's output; in most kinds it speaks first (`role_of`)."""
    receiver_dataset: str
    senders: tuple[Source, ...]
    """The other parties, one or more, in the order in which the protocol numbers them from 1."""
    identifiers: tuple[str, ...]
    """Identifier types that are matched on, in order: a person who matches under several is
    counted once, and is a match of the first of them."""
    minimum_size: int
    """People; a noisy size below it is withheld."""
    rho_nano: int
    """What each side charges its budget towards the other, in billionths of a rho (zCDP).

    For a size it is the price of the noise. Revealing members is no differentially private release;
    it is charged the same, so that the agreed budget bounds how often it can happen.
    """
    created_ms: int
    expires_ms: int
    question: bytes = b""
    """The encoded record of what is asked beside the match; empty where the kind says it all."""

    def parties(self) -> tuple[str, ...]:
        """Return the receiver, then the senders in their order."""
        return self.receiver, *(source.party for source in self.senders)

    def others(self, party: str) -> tuple[str, ...]:
        """Return the parties that are not `party`, in their order."""
        return tuple(p for p in self.parties() if p != party)

    def number_of(self, party: str) -> int:
        """Return a party's number: 0 is the receiver. Raises: LocalError if it is none of them."""
        if party not in self.parties():
            raise LocalError("the job has no such party")
        return self.parties().index(party)

    def dataset_of(self, party: str) -> str:
        """Return the dataset that a party brings. Raises: LocalError if it is none of them."""
        if party == self.receiver:
            return self.receiver_dataset
        return self.senders[self.number_of(party) - 1].dataset

    def is_of_two(self) -> bool:
        """Tell whether there is one sender only."""
        return len(self.senders) == 1

    @property
    def sender(self) -> str:
        """The sender, where there is one only. Raises: LocalError if there are several."""
        return self._only().party

    @property
    def sender_dataset(self) -> str:
        """The dataset of the sender, where there is one only. Raises: LocalError otherwise."""
        return self._only().dataset

    def other(self, party: str) -> str:
        """Return the party of two that is not `party`. Raises: LocalError if there are more."""
        only = self._only().party
        return only if party == self.receiver else self.receiver

    def role_of(self, party: str) -> Role:
        """Return what a party is in the protocol: the initiator speaks first."""
        begins = self.kind not in SENDER_BEGINS
        return Role.INITIATOR if (party == self.receiver) is begins else Role.RESPONDER

    def _only(self) -> Source:
        if not self.is_of_two():
            raise LocalError("the job has more than one sender")
        return self.senders[0]


@dataclass(frozen=True, slots=True)
class Acceptance(Record):
    """The data owner's signed yes to one job."""

    KIND: ClassVar[str] = "acceptance/1"
    job_hash: bytes
    party: str
    by: str
    """`rule:<name>` or `person:<name>`."""
    reveal: bool
    """True where the job reveals which records match: said a second time, on purpose."""
    decided_ms: int


@dataclass(frozen=True, slots=True)
class Preflight(Record):
    """What a party tells each other one before anything is read; sizes in coarse steps."""

    KIND: ClassVar[str] = "preflight/2"
    job_hash: bytes
    party: str
    asked_step: int
    """People in the dataset, rounded down to a step of the ladder 0, 1000, 2000, 5000, …"""
    permitted_step: int
    seconds: int
    """Estimated wall time of this side's work."""
    memory_mib: int
    traffic_kib: int
    """Estimated: sent and received together."""
    rho_nano_before: int
    """What is left of the budget towards the other party; towards several, the least."""
    rho_nano_after: int
    refusal: str
    """Empty, or the code of the error for which this side would refuse."""
    earlier: str = ""
    """Empty, or an earlier job whose release this side would answer with again."""


@dataclass(frozen=True, slots=True)
class Released(Record):
    """One thing that left a run: to whom, what, at what cost; its value as a commitment."""

    KIND: ClassVar[str] = "released/1"
    to: str
    what: str
    """`noisy-size`, `members`, `statistics` or `withheld`."""
    rho_nano: int
    commitment: bytes
    """SHA-256 of the encoded release, which holds a 32-byte salt."""


@dataclass(frozen=True, slots=True)
class LedgerHead(Record):
    """The consent ledger that a side decided by: a checkpoint, as it stands in the signed note."""

    KIND: ClassVar[str] = "ledger-head/1"
    origin: str
    size: int
    root: bytes
    use_record: bytes
    """Leaf hash of the use record of this job."""


@dataclass(frozen=True, slots=True)
class ReceiptPart(Record):
    """What one party contributes to the run receipt."""

    KIND: ClassVar[str] = "receipt-part/2"
    party: str
    head: LedgerHead
    transcripts: tuple[bytes, ...]
    """For each other party, in the job's order, 32 bytes: what passed between the two. That one
    must have the same."""
    released: tuple[Released, ...]
    note: str = ""
    """The checkpoint that `head` names, as a signed note with the witness's cosignature."""
    index: int = 0
    """Index of the use record in the ledger."""
    inclusion: tuple[bytes, ...] = ()
    """Hashes that prove the use record under the checkpoint."""


@dataclass(frozen=True, slots=True)
class RunReceipt(Record):
    """What all parties sign when a run has ended; it is filed at the coordinator."""

    KIND: ClassVar[str] = "run-receipt/2"
    job_hash: bytes
    ctx: bytes
    parts: tuple[ReceiptPart, ...]
    """The receiver's, then those of the senders, in the job's order."""

    def part_of(self, party: str) -> ReceiptPart | None:
        """Return what a party says, or None if it says nothing."""
        return next((part for part in self.parts if part.party == party), None)

    def is_consistent(self) -> bool:
        """Tell whether each two parties say that the same passed between them."""
        n = len(self.parts)
        if any(len(part.transcripts) != n - 1 for part in self.parts):
            return False
        said = [part.transcripts for part in self.parts]
        # Of the others, those with a larger number stand one place further to the front.
        return all(said[i][j - 1] == said[j][i] for j in range(n) for i in range(j))


@dataclass(frozen=True, slots=True)
class ReceiptSignature(Record):
    """A party's signature over the run receipt, as sent in its last envelope to each other."""

    KIND: ClassVar[str] = "receipt-signature/1"
    party: str
    signature: bytes


def job_hash(job: JobDescription) -> bytes:
    """Return the 32 bytes by which everything else names this job."""
    return hashlib.sha256(b"accord/job/3\x00" + encode(job)).digest()
