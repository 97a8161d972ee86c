"""The ledger's own milestones: opened, decided by another vocabulary, state at a size."""

from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.fields import Entry, field


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
