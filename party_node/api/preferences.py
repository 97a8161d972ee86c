"""/v1/consent/preferences: what people chose beyond consent; it can only narrow what is permitted.

Channels, topics, pauses, how often, when not, in which language.
"""

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, model_validator

from consent.choices import key_of
from consent.preferences import (
    AutomatedDecisions,
    Cap,
    CapBasis,
    ChannelChoice,
    Language,
    Pause,
    Per,
    Preference,
    Quiet,
    TimeZone,
    TopicChoice,
)
from consent.words import ANY_CHANNEL
from party_node.api.origin import Channel, EventId, Instant, OriginBody, Zone
from party_node.api.person import Person
from party_node.api.strict import Language as LanguageTag
from party_node.api.strict import Name, Strict
from party_node.capture.chosen import chosen
from party_node.capture.recording import Pending, record
from party_node.capture.statement import preference_event
from party_node.errors import NotFound
from party_node.ledger.explaining import logged
from party_node.ledger.writer import Submitted
from party_node.persons import entries_of_person
from party_node.running import Here

router = APIRouter(prefix="/v1/consent/preferences", tags=["consent"])

Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day, as `22:00`."""


class ChannelBody(Strict):
    """Whether the person wants to be reached by a channel at all; `*` is every channel."""

    kind: Literal["channel"]
    channel: Channel
    allowed: bool

    def preference(self) -> Preference:
        return ChannelChoice(channel=self.channel, allowed=self.allowed)


class TopicBody(Strict):
    """Whether the person wants to hear about a topic."""

    kind: Literal["topic"]
    topic: Name
    allowed: bool

    def preference(self) -> Preference:
        return TopicChoice(topic=self.topic, allowed=self.allowed)


class PauseBody(Strict):
    """Nothing before that instant; one that has passed ends an earlier pause."""

    kind: Literal["pause"]
    until_ms: Instant
    channel: Channel = ANY_CHANNEL

    def preference(self) -> Preference:
        return Pause(until_ms=self.until_ms, channel=self.channel)


class CapBody(Strict):
    """At most so many contacts in a period."""

    kind: Literal["frequency-cap"]
    limit: Annotated[int, Field(ge=0, le=10_000)]
    per: Per
    basis: CapBasis = CapBasis.CALENDAR
    channel: Channel = ANY_CHANNEL

    def preference(self) -> Preference:
        return Cap(limit=self.limit, per=self.per, basis=self.basis, channel=self.channel)


class QuietBody(Strict):
    """Hours of silence, after midnight they belong to the day on which they began."""

    kind: Literal["quiet-hours"]
    start: Clock
    end: Clock
    """Equal to the start it means the whole day."""
    days: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(max_length=7)] = (
        1, 2, 3, 4, 5, 6, 7,
    )  # fmt: skip
    """1 is Monday; no day at all takes the quiet hours away."""
    channel: Channel = ANY_CHANNEL

    def preference(self) -> Preference:
        return Quiet(
            days=tuple(sorted(set(self.days))),
            start_minute=_minute(self.start),
            end_minute=_minute(self.end),
            channel=self.channel,
        )


class LanguageBody(Strict):
    """The language that the person reads."""

    kind: Literal["language"]
    tag: LanguageTag

    def preference(self) -> Preference:
        return Language(tag=self.tag)


class TimeZoneBody(Strict):
    """The zone that the person lives by."""

    kind: Literal["time-zone"]
    zone: Zone

    def preference(self) -> Preference:
        return TimeZone(zone=self.zone)


class AutomatedBody(Strict):
    """Whether machines may choose what the person gets."""

    kind: Literal["automated-decisions"]
    allowed: bool

    def preference(self) -> Preference:
        return AutomatedDecisions(allowed=self.allowed)


ChoiceBody = Annotated[
    ChannelBody | TopicBody | PauseBody | CapBody | QuietBody | LanguageBody | TimeZoneBody
    | AutomatedBody,
    Field(discriminator="kind"),
]  # fmt: skip


class PreferencesBody(Person, OriginBody):
    """What one person chose, all at once."""

    choices: Annotated[tuple[ChoiceBody, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _distinct(self) -> "PreferencesBody":
        keys = [key_of(choice.preference()) for choice in self.choices]
        if len(set(keys)) < len(keys):
            raise ValueError("two choices are about the same thing: send the one that holds")
        return self


@router.post("", status_code=201)
def prefer(body: PreferencesBody, key: EventId, node: Here) -> dict[str, Any]:
    """Record what one person chose; it counts from the next decision on.

    The header Idempotency-Key is the source's own name for the act: the same choice again under
    it changes nothing, another one about the same thing is refused.
    """
    parts = node.services
    region = parts.home.settings.default_region
    identify = partial(body.normalised, region)
    stated = (*body.stated(), "jurisdiction")  # nothing stands in for it here
    pending = []
    for choice in body.choices:
        preference = choice.preference()
        origin = body.origin(f"{key}/{'/'.join(part for part in key_of(preference) if part)}")
        event = partial(preference_event, preference, origin, body.jurisdiction)
        pending.append(Pending(identify, event, body.method, body.time_zone, stated))
    fates = record(parts.ledger, parts.identity, parts.clock_ms, pending)
    for fate in fates:
        if fate.refused is not None:
            raise fate.refused
    submissions = [fate.submission for fate in fates if fate.submission is not None]
    return {
        "indices": [s.index for s in submissions],
        "repeated": all(s.status is Submitted.REPEATED for s in submissions),
        "new_person": any(fate.new_person for fate in fates),
        "checkpoint": parts.ledger.checkpoint(),
    }


@router.post("/current")
def current(body: Person, node: Here) -> dict[str, Any]:
    """Return what one person has chosen, as it stands now."""
    parts = node.services
    dense = parts.identity.find(*body.normalised(parts.home.settings.default_region))
    if dense is None:
        raise NotFound("nobody with this identifier is known here")
    with parts.ledger.hold() as head:
        at_ms, size = max(parts.clock_ms(), head.newest_ms), head.size
        vocabulary = head.vocabulary
        dense = head.projection.current(dense)
        records = entries_of_person(parts.ledger, parts.identity, dense)
    entries = logged([entry for record in records.values() for entry in record])
    return {
        "evaluated_ms": at_ms,
        "tree_size": size,
        "preferences": [
            {**_view(found.preference), "entry": found.entry, "since_ms": found.since_ms}
            for found in chosen(entries, vocabulary, at_ms)
        ],
    }


def _view(preference: Preference) -> dict[str, Any]:
    """Return a preference in the form in which it comes in."""
    if isinstance(preference, Quiet):
        return {
            "kind": preference.KIND,
            "start": _clock(preference.start_minute),
            "end": _clock(preference.end_minute),
            "days": list(preference.days),
            "channel": preference.channel,
        }
    if isinstance(preference, Pause):
        channel, until = preference.channel, preference.until_ms
        return {"kind": preference.KIND, "until_ms": until, "channel": channel}
    return {"kind": preference.KIND, **preference.to_payload()}


def _minute(clock: str) -> int:
    return 60 * int(clock[:2]) + int(clock[3:])


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
