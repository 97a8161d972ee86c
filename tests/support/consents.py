"""Consent events, ledgers and keys for tests: everything seeded, nothing random."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from consent.checkpoint import Cosigner, LogSigner, with_cosignatures
from consent.decision import LoggedEntry
from consent.defaults import DEFAULT_VOCABULARY
from consent.events import ConsentEvent
from consent.fields import Entry
from consent.ledger import SealedEntry, SubjectKeys, seal_entry
from consent.merkle import HashTree
from consent.policy import Policy, parse_policy, write_policy
from consent.proof import Proof
from consent.purpose import Purpose
from consent.reasons import Query
from consent.recipients import Recipient
from consent.statements import Method
from consent.uses import AsOf, Denied, UseRecord
from consent.vocabulary import Vocabulary
from consent.words import EventState, Operation, Role

NOON = 1_800_000_000_000
"""An instant in 2027, in milliseconds."""
MINUTE = 60_000
HOUR = 60 * MINUTE
SUBJECT = "5" * 32

# A small hierarchy with two broader terms above one purpose: marketing <- profiling <- scoring,
# analytics <- scoring.
TREE = Vocabulary(
    purposes=(
        Purpose(purpose_id="marketing", title="Marketing", operations=(Operation.PSI,)),
        Purpose(purpose_id="analytics", title="Analytics", operations=(Operation.DP_STAT,)),
        Purpose(
            purpose_id="profiling",
            title="Profiling",
            operations=(Operation.PSI,),
            parents=("marketing",),
        ),
        Purpose(
            purpose_id="scoring",
            title="Scoring",
            operations=(Operation.LOOKALIKE_SCORE, Operation.PSI),
            parents=("analytics", "profiling"),
            requires_separate_consent=("CN",),
        ),
    ),
    recipients=(Recipient(recipient_id="printer", name="Printer", role=Role.PROCESSOR),),
    notices_to_renew=frozenset({b"\x0f" * 32}),
)


HASH = b"\x01" * 32
USE = UseRecord(
    decision_id="d" * 32,
    job="job-1",
    requested_by="person:ann",
    operation="psi",
    purpose="joint-audience",
    recipient="publisher",
    policy_hash=HASH,
    engine_version="0.1.0",
    as_of=AsOf(origin="accord.example/brand", tree_size=3, root_hash=HASH),
    evaluated_at_ms=NOON,
    expires_at_ms=NOON + 1,
    input_commitment=HASH,
    allowed_commitment=HASH,
    asked=10,
    allowed=7,
    denied=(Denied(reason="no-evidence", subjects=1), Denied(reason="withdrawn", subjects=2)),
    datasets=("customers",),
    rho_nano=5,
)


def seeded(seed: str = "rng") -> "SeededRng":
    """Return a source of bytes that is the same in every run."""
    return SeededRng(seed)


class SeededRng:
    """SHA-256 in counter mode."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed.encode(), 0

    def __call__(self, size: int) -> bytes:
        out = b""
        while len(out) < size:
            out += hashlib.sha256(self._seed + self._count.to_bytes(8, "big")).digest()
            self._count += 1
        return out[:size]


def event(state: EventState = EventState.GIVEN, at: int = NOON, **changes: Any) -> ConsentEvent:
    """Return a plain event: a web form, source `crm`, purpose `joint-audience` for `publisher`."""
    values: dict[str, Any] = {
        "subject_id": SUBJECT,
        "state": state,
        "purpose": "joint-audience",
        "event_time_ms": at,
        "source_id": "crm",
        "source_event_id": f"{state.value}-{at}",
        "jurisdiction": "DE",
        "method": Method.WEB_FORM,
        "recipient": "publisher",
    }
    return ConsentEvent(**values | changes)


def logged(*events: ConsentEvent, recorded: int | None = None) -> list[LoggedEntry]:
    """Return events as entries 0, 1, 2, … each recorded when it happened, or all at `recorded`."""
    return [
        LoggedEntry(i, e.event_time_ms if recorded is None else recorded, e)
        for i, e in enumerate(events)
    ]


def query(at: int = NOON + HOUR, **changes: Any) -> Query:
    """Return a question about `joint-audience` for `publisher` by psi."""
    values: dict[str, Any] = {
        "purpose": "joint-audience",
        "operation": Operation.PSI,
        "at_ms": at,
        "recipient": "publisher",
    }
    return Query(**values | changes)


@dataclass
class SmallLedger:
    """A ledger in memory, with its log key and two witnesses."""

    controller: str = "brand"
    rng: SeededRng = field(default_factory=seeded)
    tree: HashTree = field(default_factory=HashTree)
    sealed: list[SealedEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = LogSigner("accord.example/brand", b"\x01" * 32)
        self.witnesses = {
            "coordinator": Cosigner("witness.example/coordinator", b"\x02" * 32),
            "auditor": Cosigner("witness.example/auditor", b"\x03" * 32),
        }
        self.keys = SubjectKeys.generate(self.rng)

    def append(self, record: Entry, recorded_at_ms: int = NOON) -> int:
        """Seal a record and add it to the tree."""
        sealed = seal_entry(
            record,
            controller=self.controller,
            keys=self.keys,
            recorded_at_ms=recorded_at_ms,
            rng=self.rng,
        )
        self.sealed.append(sealed)
        return self.tree.append(sealed.leaf_hash)

    def checkpoint(self, size: int | None = None, cosigned_by: Sequence[str] | None = None) -> str:
        """Return a checkpoint, cosigned by both witnesses unless told otherwise."""
        size = self.tree.size if size is None else size
        note = self.log.sign(size, self.tree.root(size))
        for name in self.witnesses if cosigned_by is None else cosigned_by:
            note = with_cosignatures(note, self.witnesses[name].cosign(note, NOON // 1000))
        return note

    def proof(self, index: int, note: str | None = None) -> Proof:
        """Return the proof of one entry under the newest checkpoint."""
        note = note or self.checkpoint()
        size = int(note.split("\n")[1])
        return Proof(index, self.tree.inclusion_proof(index, size), note)

    def policy_text(self, threshold: int = 2) -> str:
        """Return the policy that accepts this log."""
        keys = {name: w.verifier for name, w in self.witnesses.items()}
        return write_policy([self.log.verifier], keys, threshold)

    def policy(self, threshold: int = 2) -> Policy:
        """Return the parsed policy that accepts this log."""
        return parse_policy(self.policy_text(threshold))


__all__ = [
    "DEFAULT_VOCABULARY",
    "HOUR",
    "MINUTE",
    "NOON",
    "SUBJECT",
    "TREE",
    "USE",
    "SeededRng",
    "SmallLedger",
    "event",
    "logged",
    "query",
    "seeded",
]
