"""What the gate permitted, written before any row is read, and how each use ended."""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.errors import MalformedRecord
from consent.fields import Entry, Payload, field, one_of, sequence
from consent.words import ANY_CHANNEL

_NAMES = sequence(fields.name, ascending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf(Payload):
    """The state of the ledger that a decision was made by."""

    origin: str = field(fields.words)
    tree_size: int = field(fields.count)
    root_hash: bytes = field(fields.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(Payload):
    """How many subjects were denied for one reason."""

    reason: str = field(fields.name)
    subjects: int = field(fields.count)


_AS_OF, _DENIED = fields.nested(AsOf), sequence(fields.nested(Denied))


@dataclass(frozen=True, slots=True, kw_only=True)
class UseRecord(Entry):
    """One decision of the gate about a set of people, written before any row is read.

    The sets stand here only as commitments (`projection.commit_set`): who was in them cannot be
    told without the set and its salt.
    """

    TYPE: ClassVar[str] = "use-record"

    decision_id: str = field(fields.subject)
    """32 hexadecimal digits, random."""
    job: str = field(fields.name)
    requested_by: str = field(fields.words)
    operation: str = field(fields.name)
    purpose: str = field(fields.name)
    recipient: str = field(fields.name)
    policy_hash: bytes = field(fields.digest)
    """`Vocabulary.digest()` of the vocabulary that was decided by."""
    engine_version: str = field(fields.words)
    as_of: AsOf = field(_AS_OF)
    evaluated_at_ms: int = field(fields.time)
    expires_at_ms: int = field(fields.time)
    """From then on the permission no longer holds and the question is asked again."""
    input_commitment: bytes = field(fields.digest)
    allowed_commitment: bytes = field(fields.digest)
    asked: int = field(fields.count)
    allowed: int = field(fields.count)
    denied: tuple[Denied, ...] = field(_DENIED, ())
    """By reason, in alphabetic order; asked = allowed + the sum of these."""
    channel: str = field(fields.name, ANY_CHANNEL)
    datasets: tuple[str, ...] = field(_NAMES, ())
    system: str | None = field(fields.words, None)
    legal_regime: str | None = field(fields.name, None)
    mechanism: str | None = field(fields.name, None)
    rho_nano: int | None = field(fields.count, None)
    """Privacy budget of what the job releases, in billionths of a rho (zCDP)."""

    def __post_init__(self) -> None:
        reasons = [d.reason for d in self.denied]
        if reasons != sorted(set(reasons)):
            raise MalformedRecord("reasons are distinct and in alphabetic order")
        if self.allowed + sum(d.subjects for d in self.denied) != self.asked:
            raise MalformedRecord("asked is the sum of allowed and denied")


class Outcome(enum.StrEnum):
    """How a permitted use ended."""

    COMPLETED = "completed"
    ABORTED = "aborted"


_OUTCOME = one_of(Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class UseOutcome(Entry):
    """How the use that a use record permitted ended."""

    TYPE: ClassVar[str] = "use-outcome"

    decision_id: str = field(fields.subject)
    job: str = field(fields.name)
    outcome: Outcome = field(_OUTCOME)
    ended_at_ms: int = field(fields.time)
    cause: str | None = field(fields.name, None)
    """An error code, where the use was aborted."""
    run_receipt: bytes | None = field(fields.digest, None)
    """SHA-256 of the run receipt that both parties signed."""
