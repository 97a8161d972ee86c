"""What entries about one person have in common, and those that a source stated.

A person's entries form a chain of their own: each holds its number among them and the leaf hash of
the one before, inside the sealed payload. So the person can see that one is missing, which the log
alone cannot prove.
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
import hashlib
from dataclasses import dataclass

from consent import fields
from consent.fields import Entry, Payload, field, one_of, sequence


class Method(enum.StrEnum):
    """How it was captured (dpv:hasIndicationMethod, Kantara `collectionMethod`)."""

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
    """Staff decided it. Who only writes down what the person said indicates nothing: `subject`."""
    MACHINE = "machine"

    @property
    def acts_for_subject(self) -> bool:
        """True for the person and for who may act in their place: only these can end a no."""
        return self in _ACTING


_ACTING = frozenset({Relation.SUBJECT, Relation.GUARDIAN, Relation.AGENT})
_SEQ, TRUST = fields.integer(1, 2**53 - 1), fields.integer(0, 9)
_METHOD, _RELATION = one_of(Method), one_of(Relation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence(Payload):
    """Something kept elsewhere that shows the event: a form, a recording, a screenshot."""

    sha256: bytes = field(fields.digest)
    media_type: str = field(fields.name)
    reference: str | None = field(fields.words, None)


_EVIDENCE = sequence(fields.nested(Evidence))


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectEntry(Entry):
    """An entry about one person, sealed with that person's keys and erasable with them."""

    subject_id: str = field(fields.subject, own=True)
    """32 hexadecimal digits, random, never derived from anything about the person."""
    subject_seq: int | None = field(_SEQ, None, own=True)
    """Number of this entry among the person's: 1, 2, 3, … Set by the ledger."""
    previous: bytes | None = field(fields.digest, None, own=True)
    """Leaf hash of the person's previous entry; absent in the first. Set by the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement(SubjectEntry):
    """Something that a source said about a person; corrections are new ones with `supersedes`."""

    event_time_ms: int = field(fields.time, own=True)
    """When it happened, by the source's clock."""
    source_id: str = field(fields.name)
    """The authenticated stream that it came in by."""
    source_event_id: str = field(fields.words, own=True)
    """The source's own name for it: the same one again is no second entry."""
    method: Method = field(_METHOD)
    source_trust: int = field(TRUST, 5)
    """Rank of the source: consent after a withdrawal must come from at least the same rank."""
    relation: Relation = field(_RELATION, Relation.SUBJECT)
    evidence: tuple[Evidence, ...] = field(_EVIDENCE, (), own=True)
    time_zone: str | None = field(fields.words, None)
    """IANA name of the person's zone."""
    time_source: str | None = field(fields.name, None)
    """Whose clock `event_time` is: `device`, `server`, a time-stamping authority."""
    supersedes: str | None = field(fields.name, None)
    """Entry id of the statement that this one corrects."""

    def content_digest(self) -> bytes:
        """Return SHA-256 of the payload without what the ledger sets (subject_seq, previous).

        Two submissions of one (source_id, source_event_id) are the same iff these are equal.
        """
        content = self.canonical(subject_seq=None, previous=None)
        return hashlib.sha256(b"accord/event-content/1\x00" + content).digest()
