"""What one person said about one scope, as an entry of the ledger.

Names follow ISO/IEC TS 27560 where it has one; see `docs/spec/ledger.md`.
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
import hashlib
from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.fields import Entry, Payload, field, one_of, sequence
from consent.words import ANY_CHANNEL, SELF, EventState


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
