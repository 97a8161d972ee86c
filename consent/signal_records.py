"""Machine signals as they came in, and what was concluded from each: two entries, not one.

The raw string is kept, so that a later reader can decode it again; the conclusion says what it was
taken to mean and whether it contradicted what the person had chosen (11 CCR 7025).
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.fields import Payload, field, one_of, sequence
from consent.statements import Statement, SubjectEntry
from consent.words import SELF, EventState


class SignalKind(enum.StrEnum):
    """The signals that are understood."""

    GPC = "gpc"
    TCF = "tcf"
    GPP = "gpp"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalReceived(Statement):
    """A signal about one person, byte for byte."""

    TYPE: ClassVar[str] = "signal-received"

    signal: SignalKind = field(one_of(SignalKind))
    raw: str = field(fields.long_text)
    jurisdiction: str = field(fields.words)
    recipients: tuple[str, ...] = field(sequence(fields.name, ascending=True), ())
    """Whom a yes in it is about, and a TC string altogether; empty is `self`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning(Payload):
    """What a signal says about one scope."""

    purpose: str = field(fields.name)
    state: EventState = field(one_of(EventState))
    recipient: str = field(fields.name, SELF)


class Conclusion(enum.StrEnum):
    """What was done about a signal."""

    APPLIED = "applied"
    """Consent events follow from it, or stand already."""
    CONFLICT = "conflict"
    """The same, against a consent that stood: the person may be asked."""
    CONFIRMED_OVER = "confirmed-over"
    """Nothing: the person was told of this signal and said yes in spite of it."""
    NOTHING_SAID = "nothing-said"
    """Nothing: it says nothing about any purpose here, or nothing that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalConcluded(SubjectEntry):
    """What was concluded from a signal, with the consent events that follow as entries after it."""

    TYPE: ClassVar[str] = "signal-concluded"

    signal_entry: str = field(fields.name)
    """Entry id of the signal."""
    conclusion: Conclusion = field(one_of(Conclusion))
    concluded_at_ms: int = field(fields.time)
    meanings: tuple[Meaning, ...] = field(sequence(fields.nested(Meaning)), ())
    against: tuple[str, ...] = field(sequence(fields.name, ascending=True), ())
    """Purposes for which it contradicts a consent that stood."""
