"""The ledger's own milestones, about nobody in particular.

Opened, decided by another vocabulary, a notice in force, state at a size, people erased, something
that does not fit, something an operator did.
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.fields import Entry, Payload, field, one_of, sequence
from consent.notice import Notice


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
class NoticePublished(Notice, Entry):
    """From here on this text is shown to people; the leaf names its hash."""

    TYPE: ClassVar[str] = "notice-published"

    published_at_ms: int = field(fields.time)
    published_by: str = field(fields.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDigest(Payload):
    """One set of the projection: its name, its size, and the hash of its one serialisation."""

    name: str = field(fields.words)
    members: int = field(fields.count)
    sha256: bytes = field(fields.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSnapshot(Entry):
    """What the projection that decides looked like at one tree size: lets an auditor compare a
    replay, set by set.
    """

    TYPE: ClassVar[str] = "state-snapshot"

    tree_size: int = field(fields.count)
    taken_at_ms: int = field(fields.time)
    policy_hash: bytes = field(fields.digest)
    projection: bytes = field(fields.digest)
    """`Projection.digest()`: SHA-256 over all sets."""
    subjects: int = field(fields.count)
    sets: tuple[SetDigest, ...] = field(sequence(fields.nested(SetDigest)), ())
    """The first 256 of them, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Payload):
    """A ground on which some payloads are kept in spite of an erasure, and until when."""

    ground: str = field(fields.words)
    until_ms: int = field(fields.time)
    entries: int = field(fields.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure(Entry):
    """Payloads, salts, keys and identifiers of one person are gone, at that person's request.

    It names nobody. `entries_commitment` commits to the indices of the entries whose payloads went
    (`projection.commit_set`), so that "erased" can be told from "lost".
    """

    TYPE: ClassVar[str] = "erasure"

    request_id: str = field(fields.name)
    erased_at_ms: int = field(fields.time)
    entries: int = field(fields.count)
    entries_commitment: bytes = field(fields.digest)
    key_fingerprint: bytes = field(fields.digest)
    """SHA-256 over the person's tag key: shows that the right keys were destroyed."""
    holds: tuple[Hold, ...] = field(sequence(fields.nested(Hold)), ())


class AnomalyKind(enum.StrEnum):
    """What did not fit."""

    CONFLICTING_EVENT = "conflicting-event"
    """A source sent another statement under an id that it had used before."""
    FUTURE_EVENT = "future-event"
    """A grant from more than five minutes ahead: kept, and not counted."""
    BACKDATED_EVENT = "backdated-event"
    """A grant from further back than the source may go: kept, and not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly(Entry):
    """Something that did not fit, kept because somebody may have to explain it."""

    TYPE: ClassVar[str] = "anomaly"

    anomaly: AnomalyKind = field(one_of(AnomalyKind))
    source_id: str = field(fields.name)
    noticed_at_ms: int = field(fields.time)
    first_index: int | None = field(fields.count, None)
    """Index of the entry that it contradicts, or that is not counted."""
    offered: bytes | None = field(fields.digest, None)
    """Keyed hash of what was refused: the source can show that it was this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAction(Entry):
    """Something that an operator did which an auditor will ask about."""

    TYPE: ClassVar[str] = "operator-action"

    action: str = field(fields.name)
    """As `export`, `payload-viewed`, `role-added`, `key-rotated`."""
    by: str = field(fields.words)
    at_ms: int = field(fields.time)
    detail: str | None = field(fields.words, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approver(Payload):
    """Who approved, and in which role."""

    name: str = field(fields.words)
    role: str = field(fields.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass(Entry):
    """Two people in two roles let one job go on although the gate cannot finish.

    It never overrules a person's no: it stands in for a witness that does not answer.
    """

    TYPE: ClassVar[str] = "break-glass"

    approval_id: str = field(fields.subject)
    job: str = field(fields.name)
    reason: str = field(fields.words)
    approved_by: tuple[Approver, ...] = field(sequence(fields.nested(Approver)))
    approved_at_ms: int = field(fields.time)
    expires_at_ms: int = field(fields.time)
