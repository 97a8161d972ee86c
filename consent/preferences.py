"""What a person chose beyond consent: channels, topics, how often, when, in which language.

A preference can only narrow what consent permits, never widen it.
"""

# ruff: noqa: RUF009 - `field` is dataclasses.field with a codec

import enum
from dataclasses import dataclass
from typing import ClassVar

from consent import fields
from consent.fields import Variant, field, one_of, sequence
from consent.statements import Statement
from consent.words import ANY_CHANNEL


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelChoice(Variant):
    """Whether the person wants to be reached by a channel at all."""

    KIND: ClassVar[str] = "channel"
    channel: str = field(fields.name)
    allowed: bool = field(fields.flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicChoice(Variant):
    """Whether the person wants to hear about a topic."""

    KIND: ClassVar[str] = "topic"
    topic: str = field(fields.name)
    allowed: bool = field(fields.flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Variant):
    """Nothing before that instant; an instant that has passed ends an earlier pause."""

    KIND: ClassVar[str] = "pause"
    until_ms: int = field(fields.time)
    channel: str = field(fields.name, ANY_CHANNEL)


class Per(enum.StrEnum):
    """What a frequency cap counts by."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class CapBasis(enum.StrEnum):
    """Which days, weeks and months are meant."""

    CALENDAR = "calendar"
    """Those of the calendar, in the person's zone."""
    ROLLING = "rolling"
    """The last so many hours: 1, 24, 168, 720."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap(Variant):
    """At most so many contacts in a period."""

    KIND: ClassVar[str] = "frequency-cap"
    limit: int = field(fields.integer(0, 10_000))
    per: Per = field(one_of(Per))
    basis: CapBasis = field(one_of(CapBasis), CapBasis.CALENDAR)
    channel: str = field(fields.name, ANY_CHANNEL)


_MINUTE = fields.integer(0, 1439)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet(Variant):
    """Hours of silence; after midnight they belong to the day on which they began."""

    KIND: ClassVar[str] = "quiet-hours"
    days: tuple[int, ...] = field(sequence(fields.integer(1, 7), ascending=True))
    """1 is Monday; no day at all takes the quiet hours away."""
    start_minute: int = field(_MINUTE)
    end_minute: int = field(_MINUTE)
    """Minutes since midnight; equal to the start means the whole day."""
    channel: str = field(fields.name, ANY_CHANNEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Language(Variant):
    """The language the person reads."""

    KIND: ClassVar[str] = "language"
    tag: str = field(fields.words)
    """BCP 47, as `de-CH`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeZone(Variant):
    """The zone the person lives by."""

    KIND: ClassVar[str] = "time-zone"
    zone: str = field(fields.words)
    """IANA name, as `Europe/Zurich`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomatedDecisions(Variant):
    """Whether machines may choose what the person gets (PIPL 24, GDPR 21 and 22)."""

    KIND: ClassVar[str] = "automated-decisions"
    allowed: bool = field(fields.flag)


Preference = (
    ChannelChoice | TopicChoice | Pause | Cap | Quiet | Language | TimeZone | AutomatedDecisions
)
PREFERENCE_KINDS: tuple[type[Variant], ...] = (
    ChannelChoice,
    TopicChoice,
    Pause,
    Cap,
    Quiet,
    Language,
    TimeZone,
    AutomatedDecisions,
)
"""Every kind of preference; `docs/spec/ledger.md` has a row for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceEvent(Statement):
    """One choice of one person."""

    TYPE: ClassVar[str] = "preference-event"

    preference: Preference = field(fields.variant(*PREFERENCE_KINDS))
    jurisdiction: str | None = field(fields.words, None)

    @property
    def is_act(self) -> bool:
        """True where the person chose it: no copy of another system, no staff, no machine."""
        return not self.method.is_copy and self.relation.acts_for_subject
