"""One statement on its way into the ledger: what its caller said, and what follows from the policy.

From the policy come the trust in the source, whether the source may say how a person acted, the
regime at capture, and the end of a yes that names none. What a caller left open is settled when
the event comes in first; the same event again is then the same, whatever the policy says by now.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, TypeVar

from consent.events import ConsentEvent, EventType
from consent.preferences import Preference, PreferenceEvent
from consent.statements import Method, Relation, Statement
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, SELF, AgeBand, Assurance, EventState
from party_node.capture.ends import end_of
from party_node.contact.time_zones import time_zone
from party_node.errors import NotFound

S = TypeVar("S", bound=Statement)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known when a statement becomes a record."""

    subject_id: str
    now_ms: int
    vocabulary: Vocabulary
    zone: str
    """The person's time zone, or what stands in for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a statement comes from, and when it happened."""

    source_id: str
    source_event_id: str
    method: Method
    relation: Relation = Relation.SUBJECT
    event_time_ms: int | None = None
    """Now, where nothing is said."""
    time_zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one person said about one scope."""

    origin: Origin
    state: EventState
    purpose: str
    recipient: str = SELF
    channel: str = ANY_CHANNEL
    separate: bool = False
    written: bool = False
    event_type: EventType = EventType.EXPLICITLY_EXPRESSED
    listed: tuple[str, ...] = ()
    notice_hash: bytes | None = None
    jurisdiction: str
    """ISO 3166 code of the law at capture."""
    residence: str | None = None
    age_band: AgeBand | None = None
    age_assurance: Assurance | None = None
    valid_until_ms: int | None = None
    validity: str | None = None


def consent_event(said: Said, known: Circumstances) -> ConsentEvent:
    """Return the record of what was said.

    Raises: UnknownPurpose, NotFound for an unknown zone, MalformedRecord.
    """
    vocabulary, origin = known.vocabulary, said.origin
    purpose, start = vocabulary.find(said.purpose), _start(origin, known)
    validity, until = said.validity, said.valid_until_ms
    if said.state.valid_for_processing and until is None and validity is None:
        validity = purpose.validity
    if validity is not None:
        until = end_of(start, validity, known_zone(known.zone))
    places = vocabulary.places(said.jurisdiction, said.residence)
    return ConsentEvent(
        subject_id=known.subject_id,
        **_origin(origin, known),
        state=said.state,
        event_type=said.event_type,
        purpose=said.purpose,
        purpose_version=purpose.version,
        recipient=said.recipient,
        channel=said.channel,
        separate=said.separate,
        written=said.written,
        listed=said.listed,
        notice_hash=said.notice_hash,
        jurisdiction=said.jurisdiction,
        residence=said.residence,
        legal_regime=strictest_regime(vocabulary, said.purpose, places),
        age_band=said.age_band,
        age_assurance=said.age_assurance,
        valid_until_ms=until,
        validity=validity,
    )


def preference_event(
    preference: Preference, origin: Origin, jurisdiction: str | None, known: Circumstances
) -> PreferenceEvent:
    """Return the record of one choice."""
    return PreferenceEvent(
        subject_id=known.subject_id,
        **_origin(origin, known),
        preference=preference,
        jurisdiction=jurisdiction,
    )


def as_at_first(event: S, first: Statement, method: Method, *stated: str) -> S:
    """Return a repeated event with all that was settled when it came first, save what is `stated`.

    `method` is what the caller said. A source that is first-hand no more, or was not yet, repeats
    by another method what is the same.
    """
    if type(first) is not type(event):
        return event
    settled = {name for name in _SETTLED if hasattr(event, name)} - set(stated)
    if first.method in (method, Method.IMPORT):
        settled.add("method")
    return dataclasses.replace(event, **{name: getattr(first, name) for name in settled})


_SETTLED = frozenset(
    {
        "event_time_ms",
        "jurisdiction",
        "legal_regime",
        "purpose_version",
        "source_trust",
        "valid_until_ms",
        "validity",
    }
)
"""Fields that follow from the policy or the clock, unless the caller states them."""


def strictest_regime(vocabulary: Vocabulary, purpose: str, places: Iterable[str]) -> str:
    """Rule 15: return the regime that asks for most, of those that apply."""
    regimes = {place: vocabulary.regime(place) for place in places}
    strictest = max(
        regimes,
        key=lambda place: (
            vocabulary.basis(purpose, [place]).strictness,
            regimes[place].guardian_below,
        ),
    )
    return regimes[strictest].regime_id


def known_zone(name: str) -> tzinfo:
    """Return the zone of an IANA name. Raises: NotFound."""
    found = time_zone(name)
    if found is None:
        raise NotFound("there is no such time zone", hint="write its IANA name, as Europe/Paris")
    return found


def _start(origin: Origin, known: Circumstances) -> int:
    return known.now_ms if origin.event_time_ms is None else origin.event_time_ms


def _origin(origin: Origin, known: Circumstances) -> dict[str, Any]:
    source = known.vocabulary.source(origin.source_id)
    return {
        "source_id": origin.source_id,
        "source_event_id": origin.source_event_id,
        "source_trust": source.trust,
        "method": origin.method if source.first_hand else Method.IMPORT,
        "relation": origin.relation,
        "event_time_ms": _start(origin, known),
        "time_zone": origin.time_zone,
    }
