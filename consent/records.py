"""What the ledger's entries say: consent events, uses, and the ledger's own milestones.

Each record is a frozen dataclass with a payload: a JSON object with exactly the record's fields
and a `schema` that names its kind. Instants are milliseconds since 1970 in UTC here and
`YYYY-MM-DDTHH:MM:SS.sssZ` in payloads; hashes are bytes here and hexadecimal digits there. What is
None is absent. Names follow ISO/IEC TS 27560 where it has one; see `docs/spec/ledger.md`.
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
import hashlib
from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.errors import MalformedRecord
from consent.fields import Entry, Payload, field, one_of, sequence
from consent.vocabulary import ANY_CHANNEL, SELF, EventState


class EventType(enum.StrEnum):
    """How the person's will was shown (27560 `event type`)."""

    IMPLIED = "implied"
    EXPRESSED = "expressed"
    EXPLICITLY_EXPRESSED = "explicitly-expressed"


class Method(enum.StrEnum):
    """How the event was captured (dpv:hasIndicationMethod, Kantara `collectionMethod`)."""

    WEB_FORM = "web-form"
    MOBILE_APP = "mobile-app"
    PREFERENCE_CENTRE = "preference-centre"
    PAPER_FORM = "paper-form"
    PHONE = "phone"
    IN_PERSON = "in-person"
    SIGNAL = "signal"
    IMPORT = "import"
    BATCH_SYNC = "batch-sync"

    @property
    def is_copy(self) -> bool:
        """True where another system's state was copied: no act of the person."""
        return self in _COPIES


_COPIES = frozenset({Method.IMPORT, Method.BATCH_SYNC})


class Relation(enum.StrEnum):
    """Who indicated it, as seen from the person (dpv:isIndicatedBy)."""

    SUBJECT = "subject"
    GUARDIAN = "guardian"
    AGENT = "agent"
    STAFF = "staff"
    MACHINE = "machine"


_STATE, _METHOD = one_of(EventState), one_of(Method)
_EVENT_TYPE, _RELATION = one_of(EventType), one_of(Relation)
_NAMES = sequence(fields.name, ascending=True)
_VERSION, _TRUST = fields.integer(1, 1_000_000), fields.integer(0, 9)
_SEQ = fields.integer(1, 2**53 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Payload):
    """Something kept elsewhere that shows the event: a form, a recording, a screenshot."""

    sha256: bytes = field(fields.digest)
    media_type: str = field(fields.name)
    reference: str | None = field(fields.words, None)


_EVIDENCE = sequence(fields.nested(Evidence))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent(Entry):
    """One thing that one person said, or that was said for them, about one scope.

    The scope is (purpose, recipient or `self`, channel or `*`). Corrections are new events with
    `supersedes`.
    """

    TYPE: ClassVar[str] = "consent-event"

    subject_id: str = field(fields.subject)
    """32 hexadecimal digits, random, never derived from anything about the person."""
    state: EventState = field(_STATE)
    purpose: str = field(fields.name)
    event_time_ms: int = field(fields.time)
    """When it happened, by the source's clock."""
    source_id: str = field(fields.name)
    """The authenticated stream that the event came in by."""
    source_event_id: str = field(fields.words)
    """The source's own name for the event: the same event again is no second entry."""
    jurisdiction: str = field(fields.words)
    """ISO 3166 code of the law that applied at capture: `CN`, `DE`, `US-CA`."""
    method: Method = field(_METHOD)
    event_type: EventType = field(_EVENT_TYPE, EventType.EXPRESSED)
    purpose_version: int = field(_VERSION, 1)
    recipient: str = field(fields.name, SELF)
    channel: str = field(fields.name, ANY_CHANNEL)
    separate: bool = field(fields.flag, False)
    """Given by an act of its own, for this recipient (PIPL 23, 25, 29, 39)."""
    written: bool = field(fields.flag, False)
    listed: tuple[str, ...] = field(_NAMES, ())
    """Narrower purposes that the notice listed: a grant covers these too, and no others."""
    source_trust: int = field(_TRUST, 5)
    """Rank of the source: consent after a withdrawal must come from at least the same rank."""
    subject_seq: int | None = field(_SEQ, None)
    """Number of this event among the person's: 1, 2, 3, … Set by the ledger."""
    previous: bytes | None = field(fields.digest, None)
    """Leaf hash of the person's previous event; absent in the first. Set by the ledger."""
    relation: Relation = field(_RELATION, Relation.SUBJECT)
    valid_until_ms: int | None = field(fields.time, None)
    """The first instant at which it no longer holds."""
    notice_hash: bytes | None = field(fields.digest, None)
    """SHA-256 of the notice exactly as it was shown."""
    served_event_id: str | None = field(fields.words, None)
    """Joins what was shown to what was chosen."""
    time_zone: str | None = field(fields.words, None)
    """IANA name of the person's zone."""
    legal_regime: str | None = field(fields.name, None)
    layer: str | None = field(fields.name, None)
    control_label: str | None = field(fields.words, None)
    """What the button said."""
    evidence: tuple[Evidence, ...] = field(_EVIDENCE, ())
    supersedes: str | None = field(fields.name, None)
    """Entry id of the event that this one corrects."""

    @property
    def is_explicit_grant(self) -> bool:
        """True where the person acted to say yes: no implied consent, no copy of another system."""
        return (
            self.state.valid_for_processing
            and self.event_type is not EventType.IMPLIED
            and not self.method.is_copy
        )

    def content_digest(self) -> bytes:
        """Return SHA-256 of the payload without what the ledger sets (subject_seq, previous).

        Two submissions of one (source_id, source_event_id) are the same event iff these are equal.
        """
        content = self.canonical(subject_seq=None, previous=None)
        return hashlib.sha256(b"accord/event-content/1\x00" + content).digest()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOpened(Entry):
    """The first entry of a ledger: whose it is, and which key signs for it."""

    TYPE: ClassVar[str] = "ledger-opened"

    origin: str = field(fields.words)
    controller: str = field(fields.name)
    opened_at_ms: int = field(fields.time)
    log_vkey: str = field(fields.words)
    policy_hash: bytes = field(fields.digest)
    """`Vocabulary.digest()` of the vocabulary in force from here on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanged(Entry):
    """From here on decisions are made by another vocabulary."""

    TYPE: ClassVar[str] = "policy-changed"

    policy_hash: bytes = field(fields.digest)
    previous_policy_hash: bytes = field(fields.digest)
    changed_at_ms: int = field(fields.time)
    changed_by: str = field(fields.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSnapshot(Entry):
    """What the projection that decides looked like at one tree size: lets an auditor compare a
    replay.
    """

    TYPE: ClassVar[str] = "state-snapshot"

    tree_size: int = field(fields.count)
    taken_at_ms: int = field(fields.time)
    policy_hash: bytes = field(fields.digest)
    projection: bytes = field(fields.digest)
    """`Projection.digest()`."""
    subjects: int = field(fields.count)


ENTRY_KINDS: tuple[type[Entry], ...] = (
    ConsentEvent,
    UseRecord,
    UseOutcome,
    LedgerOpened,
    PolicyChanged,
    StateSnapshot,
)
"""Every kind of entry; `docs/spec/ledger.md` has a row for each."""

_BY_TYPE = {kind.TYPE: kind for kind in ENTRY_KINDS}


def kind_of(entry_type: str, version: int) -> type[Entry]:
    """Return the record class of a leaf's `type` and `v`.

    Raises: MalformedRecord if this program does not know it.
    """
    kind = _BY_TYPE.get(entry_type)
    if kind is None or version != kind.VERSION:
        raise MalformedRecord("this kind of entry is not known")
    return kind


def payload_bytes(record: Entry) -> bytes:
    """Return the JCS bytes of a record: what is encrypted and committed to.

    Raises: MalformedRecord if a field is outside its range.
    """
    return record.canonical()
