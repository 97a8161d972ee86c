"""What one person said about one scope, as an entry of the ledger.

Names follow ISO/IEC TS 27560 where it has one; see `docs/spec/ledger.md`.
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.fields import field, one_of, sequence
from consent.statements import Statement
from consent.words import ANY_CHANNEL, SELF, AgeBand, Assurance, EventState


class EventType(enum.StrEnum):
    """How the person's will was shown (27560 `event type`)."""

    IMPLIED = "implied"
    EXPRESSED = "expressed"
    EXPLICITLY_EXPRESSED = "explicitly-expressed"


_STATE, _EVENT_TYPE = one_of(EventState), one_of(EventType)
_AGE, _ASSURANCE = one_of(AgeBand), one_of(Assurance)
_NAMES = sequence(fields.name, ascending=True)
_VERSION = fields.integer(1, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent(Statement):
    """One thing that one person said, or that was said for them, about one scope.

    The scope is (purpose, recipient or `self`, channel or `*`).
    """

    TYPE: ClassVar[str] = "consent-event"

    state: EventState = field(_STATE)
    purpose: str = field(fields.name)
    jurisdiction: str = field(fields.words)
    """ISO 3166 code of the law that applied at capture: `CN`, `DE`, `US-CA`."""
    event_type: EventType = field(_EVENT_TYPE, EventType.EXPRESSED)
    purpose_version: int = field(_VERSION, 1)
    recipient: str = field(fields.name, SELF)
    channel: str = field(fields.name, ANY_CHANNEL)
    separate: bool = field(fields.flag, False)
    """Given by an act of its own, for this recipient (PIPL 23, 25, 29, 39)."""
    written: bool = field(fields.flag, False)
    listed: tuple[str, ...] = field(_NAMES, ())
    """Narrower purposes that the notice listed: a grant covers these too, and no others."""
    valid_until_ms: int | None = field(fields.time, None, own=True)
    """The first instant at which it no longer holds."""
    validity: str | None = field(fields.duration, None)
    """The ISO 8601 duration that `valid_until` was reckoned from."""
    max_uses: int | None = field(_VERSION, None)
    """It permits so many uses and then no more (DPV FixedOccurrencesDuration)."""
    residence: str | None = field(fields.words, None)
    """ISO 3166 code of where the person lives, if known: that law applies too."""
    age_band: AgeBand | None = field(_AGE, None)
    age_assurance: Assurance | None = field(_ASSURANCE, None)
    notice_hash: bytes | None = field(fields.digest, None)
    """SHA-256 of the notice exactly as it was shown."""
    served_event_id: str | None = field(fields.words, None, own=True)
    """Joins what was shown to what was chosen."""
    confirms_over: tuple[str, ...] | None = field(_NAMES, None)
    """Signals, as `gpc`, that the person was told of and said yes in spite of."""
    signal_entry: str | None = field(fields.name, None, own=True)
    """Entry id of the signal that this event draws the consequence of."""
    legal_regime: str | None = field(fields.name, None)
    """The regime that was taken to apply at capture."""
    layer: str | None = field(fields.name, None)
    control_label: str | None = field(fields.words, None)
    """What the button said."""

    @property
    def is_explicit_grant(self) -> bool:
        """True where the person acted to say yes: no silence, no copy, no staff, no machine."""
        return (
            self.state.valid_for_processing
            and self.event_type is not EventType.IMPLIED
            and not self.method.is_copy
            and self.relation.acts_for_subject
        )
