"""The records that a job consists of, each signed by who says it.

A requester signs a `JobDescription`; the other party signs an `Acceptance`. Inside the run,
sealed, each side tells the other its `Preflight`, and at the end its `ReceiptPart`; both then sign
the same `RunReceipt`. See `docs/spec/job.md`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from protocols.codec import Record, encode

OPERATIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"overlap": ("psi", "dp.stat"), "audience": ("psi", "activate")}
)
"""What each job kind does with a person's data: each must be permitted by that person's consent."""


@dataclass(frozen=True, slots=True)
class JobDescription(Record):
    """What is asked, under which collaboration, by whom, at what price."""

    KIND: ClassVar[str] = "job/2"
    job: str
    """32 lower-case hexadecimal digits, random."""
    collaboration: str
    version: int
    collaboration_hash: bytes
    """32 bytes: `collaboration.digest` of the countersigned version."""
    kind: str
    """`overlap` or `audience`."""
    protocol: str
    params: bytes
    """The encoded parameter record of the protocol."""
    purpose: str
    requester: str
    receiver: str
    """The party that learns the protocol's output; it speaks first (the initiator)."""
    sender: str
    receiver_dataset: str
    sender_dataset: str
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

    def parties(self) -> tuple[str, str]:
        """Return (receiver, sender)."""
        return self.receiver, self.sender

    def dataset_of(self, party: str) -> str:
        """Return the dataset that one of the two parties brings."""
        return self.receiver_dataset if party == self.receiver else self.sender_dataset

    def other(self, party: str) -> str:
        """Return the party of the two that is not `party`."""
        return self.sender if party == self.receiver else self.receiver


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
    """What one side tells the other before anything is read; sizes in coarse steps."""

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
    """What is left of the budget towards the other party."""
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
    """`noisy-size`, `members` or `withheld`."""
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
    """What one side contributes to the run receipt."""

    KIND: ClassVar[str] = "receipt-part/1"
    party: str
    head: LedgerHead
    transcript: bytes
    """32 bytes; both sides must have the same."""
    released: tuple[Released, ...]
    note: str = ""
    """The checkpoint that `head` names, as a signed note with the witness's cosignature."""
    index: int = 0
    """Index of the use record in the ledger."""
    inclusion: tuple[bytes, ...] = ()
    """Hashes that prove the use record under the checkpoint."""


@dataclass(frozen=True, slots=True)
class RunReceipt(Record):
    """What both sides sign when a run has ended; it is filed at the coordinator."""

    KIND: ClassVar[str] = "run-receipt/1"
    job_hash: bytes
    ctx: bytes
    transcript: bytes
    receiver: ReceiptPart
    sender: ReceiptPart


@dataclass(frozen=True, slots=True)
class ReceiptSignature(Record):
    """One side's signature over the run receipt, as sent in the last envelope."""

    KIND: ClassVar[str] = "receipt-signature/1"
    party: str
    signature: bytes


def job_hash(job: JobDescription) -> bytes:
    """Return the 32 bytes by which everything else names this job."""
    return hashlib.sha256(b"accord/job/2\x00" + encode(job)).digest()
