"""What can be told: the event types, the fields of each, and the one encoding of a payload.

A payload is small and names a person by nothing but the random record id. Its words are written in
the alphabet of the ledger's names, which has neither `@` nor `+` nor a space: no e-mail address and
no international telephone number fits into any field. Format: `docs/spec/webhooks.md`, whose tables
are these.
"""

import enum
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from consent import instants
from consent.errors import MalformedRecord
from consent.events import ConsentEvent

Value = str | int

_MOST = 2**53
"""Below it every JSON reader keeps a whole number as it is."""


class EventType(enum.StrEnum):
    """What happened."""

    CONSENT_CHANGED = "consent.changed"
    PREFERENCE_CHANGED = "preference.changed"
    SUBJECT_ERASED = "subject.erased"
    SUBJECT_MERGED = "subject.merged"
    REQUEST_CHANGED = "request.changed"
    EXPOSURE_REPORTED = "exposure.reported"
    GATE_FAILED = "gate.failed"
    LEDGER_ALARM = "ledger.alarm"
    WEBHOOK_TEST = "webhook.test"


class Kind(enum.Enum):
    """What a field holds."""

    ID = "32 hexadecimal digits"
    WORD = "a word"
    NUMBER = "a whole number from 0"
    INSTANT = "an instant"


_SHAPES = {
    Kind.ID: re.compile(r"[0-9a-f]{32}"),
    # As `consent.fields.name`: whatever the ledger took can be told.
    Kind.WORD: re.compile(r"\*|[a-z0-9][a-z0-9._:/-]{0,127}"),
}

FIELDS: Mapping[str, Kind] = {
    "subject": Kind.ID,
    "merged": Kind.ID,
    "request": Kind.ID,
    "job": Kind.ID,
    "purpose": Kind.WORD,
    "recipient": Kind.WORD,
    "channel": Kind.WORD,
    "state": Kind.WORD,
    "kind": Kind.WORD,
    "topic": Kind.WORD,
    "status": Kind.WORD,
    "reason": Kind.WORD,
    "dataset": Kind.WORD,
    "webhook": Kind.WORD,
    "index": Kind.NUMBER,
    "withdrawal": Kind.NUMBER,
    "uses": Kind.NUMBER,
    "size": Kind.NUMBER,
    "event_time": Kind.INSTANT,
    "due": Kind.INSTANT,
}


@dataclass(frozen=True, slots=True)
class Content:
    """The fields of one event type."""

    required: frozenset[str]
    optional: frozenset[str] = frozenset()


def _content(required: str, optional: str = "") -> Content:
    return Content(frozenset(required.split()), frozenset(optional.split()))


CONTENT: Mapping[EventType, Content] = {
    EventType.CONSENT_CHANGED: _content("subject purpose recipient channel state index event_time"),
    EventType.PREFERENCE_CHANGED: _content(
        "subject kind index event_time", "channel topic state purpose"
    ),
    EventType.SUBJECT_ERASED: _content("subject index", "request"),
    EventType.SUBJECT_MERGED: _content("subject merged index"),
    EventType.REQUEST_CHANGED: _content("request kind status index", "subject due reason"),
    EventType.EXPOSURE_REPORTED: _content(
        "subject purpose recipient index withdrawal uses", "channel"
    ),
    EventType.GATE_FAILED: _content("reason", "job dataset purpose"),
    EventType.LEDGER_ALARM: _content("reason", "index size"),
    EventType.WEBHOOK_TEST: _content("webhook"),
}


def encode(event_type: EventType, occurred_ms: int, data: Mapping[str, Value]) -> bytes:
    """Return the body that is sent: compact JSON, ASCII, `data` in the order of its names.

    Raises: ValueError if a field is missing, unknown, or holds what it must not.
    """
    content = CONTENT[event_type]
    if missing := content.required - data.keys():
        raise ValueError(f"{event_type} lacks {', '.join(sorted(missing))}")
    for name, value in data.items():
        if name not in content.required | content.optional:
            raise ValueError(f"{event_type} has no such field")
        if not _fits(FIELDS[name], value):
            # The value stays out of the message: it may be an identifier in the wrong place.
            raise ValueError(f"{name} of {event_type} is not {FIELDS[name].value}")
    body = {
        "type": event_type.value,
        "timestamp": instants.to_text(occurred_ms),
        "data": {name: data[name] for name in sorted(data)},
    }
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def consent_changed(event: ConsentEvent, index: int) -> dict[str, Value]:
    """Return the data of `consent.changed` for an event that became entry `index`."""
    return {
        "subject": event.subject_id,
        "purpose": event.purpose,
        "recipient": event.recipient,
        "channel": event.channel,
        "state": event.state.value,
        "index": index,
        "event_time": instants.to_text(event.event_time_ms),
    }


def _fits(kind: Kind, value: Value) -> bool:
    match kind, value:
        case Kind.NUMBER, int():
            return type(value) is int and 0 <= value < _MOST
        case Kind.INSTANT, str():
            try:
                instants.from_text(value)
            except MalformedRecord:
                return False
            return True
        case ((Kind.ID | Kind.WORD), str()):
            return _SHAPES[kind].fullmatch(value) is not None
        case _:
            return False
