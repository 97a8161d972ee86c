"""What the gate permitted, written before any row is read, and how each use ended."""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.errors import MalformedRecord
from consent.fields import Entry, Payload, field, one_of, sequence
from consent.statements import SubjectEntry
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
    topic: str | None = field(fields.name, None)
    round: int | None = field(fields.count, None)
    """The round of a federated training from which on it permits; the first is 1."""
    witnessed: AsOf | None = field(_AS_OF, None)
    """The newest published checkpoint at that moment: what outsiders can check the state by."""
    break_glass: str | None = field(fields.subject, None)
    """The emergency approval under which it was given although the gate could not finish."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceReserved(SubjectEntry):
    """One of the uses that a consent with `max_uses` permits is set aside for a decision."""

    TYPE: ClassVar[str] = "occurrence-reserved"

    grant: int = field(fields.count)
    """Index of the consent event."""
    decision_id: str = field(fields.subject)
    reserved_at_ms: int = field(fields.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class OccurrenceReleased(SubjectEntry):
    """The use that was set aside did not take place; it can be made again."""

    TYPE: ClassVar[str] = "occurrence-released"

    grant: int = field(fields.count)
    decision_id: str = field(fields.subject)
    released_at_ms: int = field(fields.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentExpired(SubjectEntry):
    """A consent has run out: for reports. The decision never waits for this entry."""

    TYPE: ClassVar[str] = "consent-expired"

    grant: int = field(fields.count)
    """Index of the consent event."""
    purpose: str = field(fields.name)
    recipient: str = field(fields.name)
    channel: str = field(fields.name)
    expired_at_ms: int = field(fields.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposedUse(Payload):
    """One use that took place between a withdrawal and its arrival."""

    decision_id: str = field(fields.subject)
    job: str = field(fields.name)
    operation: str = field(fields.name)
    purpose: str = field(fields.name)
    recipient: str = field(fields.name)
    evaluated_at_ms: int = field(fields.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureReport(SubjectEntry):
    """Which uses a late withdrawal came too late for. They stay valid, and are said."""

    TYPE: ClassVar[str] = "exposure-report"

    withdrawal: int = field(fields.count)
    """Index of the withdrawal, and what it was about."""
    purpose: str = field(fields.name)
    recipient: str = field(fields.name)
    channel: str = field(fields.name)
    withdrawn_at_ms: int = field(fields.time)
    """When the person withdrew, by the source's clock."""
    effective_at_ms: int = field(fields.time)
    """When it arrived here and took effect."""
    uses: tuple[ExposedUse, ...] = field(sequence(fields.nested(ExposedUse)), ())
    uses_total: int = field(fields.count, 0)
    """All of them, where there are more than the list holds."""
