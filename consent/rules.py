"""The rules that a decision about consent follows, one event and one scope at a time.

`decision.decide` applies them to one subject's history, `projection.Projection` to everybody at
once; both take every rule about a single event from here. Numbers are those of
`docs/concepts/consent.md`.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from consent.events import ConsentEvent
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, SELF, EventState, Operation

SKEW_MS = 300_000
"""How far two honest clocks may disagree: five minutes."""

Scope = tuple[str, str, str]
"""(purpose, recipient, channel): what a consent event is about."""


class Reason(enum.StrEnum):
    """Why a decision is what it is."""

    PERMITTED = "permitted"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    REFUSED = "refused"
    INVALIDATED = "invalidated"
    TERMINATED = "terminated"
    EVALUATED_TOO_EARLY = "evaluated-too-early"
    SOURCES_DISAGREE = "sources-disagree"
    EXPIRED = "expired"
    RENEWAL_REQUIRED = "renewal-required"
    NOT_SEPARATE = "not-separate"
    NOT_LISTED = "not-listed-on-notice"
    REQUESTED = "requested"
    REQUEST_DEFERRED = "request-deferred"
    UNKNOWN = "unknown"
    NO_EVIDENCE = "no-evidence"
    OPERATION_NOT_COVERED = "operation-not-covered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """May data be used for this purpose, for this recipient, in this operation, at this instant?"""

    purpose: str
    operation: Operation
    at_ms: int
    """Milliseconds since 1970 in UTC; not before the newest entry that is decided by."""
    recipient: str = SELF
    channel: str = ANY_CHANNEL


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A consent event where it stands in the ledger."""

    index: int
    recorded_at_ms: int
    event: ConsentEvent


_RANKS = {s: 0 if s.valid_for_processing else 2 if s.is_objection else 1 for s in EventState}

Place = tuple[int, int, int]
"""(time, rank, index): what decides which event of a stream is the latest."""


def place(index: int, recorded_at_ms: int, event: ConsentEvent) -> Place:
    """Rule 2: the source's time, but no later than it was recorded; then no over yes; then index.

    Nothing happened after it was written down. A source whose clock runs ahead could otherwise give
    a consent that outlives the withdrawal which follows it.
    """
    rank = _RANKS[event.state]
    return min(event.event_time_ms, recorded_at_ms), rank, index


def is_quarantined(recorded_at_ms: int, event: ConsentEvent) -> bool:
    """Rule 7: a grant from more than five minutes ahead does not count; a no always does."""
    ahead = event.event_time_ms > recorded_at_ms + SKEW_MS
    return ahead and event.state.valid_for_processing


def failure(event: ConsentEvent, vocabulary: Vocabulary) -> Reason | None:
    """Rules 1, 9 and 11: why this event permits nothing at any time, or None if it may."""
    if not event.state.valid_for_processing:
        return Reason(event.state.value)
    if event.notice_hash in vocabulary.notices_to_renew:
        return Reason.RENEWAL_REQUIRED
    explicit = event.separate and event.is_explicit_grant
    if not explicit and needs_separate(event.purpose, event, vocabulary):
        return Reason.NOT_SEPARATE
    return None


def needs_separate(purpose: str, event: ConsentEvent, vocabulary: Vocabulary) -> bool:
    """Rule 11: whether `purpose` asks for consent of its own to the recipient of this event.

    The controller itself and those who process on its behalf (PIPL 21) need none.
    """
    if event.recipient == SELF or event.recipient in vocabulary.processors:
        return False
    return vocabulary.find(purpose).needs_separate(event.jurisdiction)


def covers(event: ConsentEvent, purpose: str, vocabulary: Vocabulary) -> bool:
    """Rule 10: whether a grant of a broader purpose covers `purpose`, which its notice must have
    listed.

    Where `purpose` asks for separate consent, no other purpose's grant covers it (rule 11).
    """
    if purpose == event.purpose:
        return True
    return (
        purpose in event.listed
        and event.purpose in vocabulary.ancestors(purpose)
        and not needs_separate(purpose, event, vocabulary)
    )


def grant_scopes(query: Query, vocabulary: Vocabulary) -> Iterator[Scope]:
    """Return where a grant may lie, nearest first: purpose or broader, channel or every."""
    for purpose in (query.purpose, *vocabulary.ancestors(query.purpose)):
        for channel in dict.fromkeys((query.channel, ANY_CHANNEL)):
            yield purpose, query.recipient, channel


def forbidding_scopes(query: Query, vocabulary: Vocabulary) -> Iterator[Scope]:
    """Return where an objection forbids: as for grants, and with the controller as recipient."""
    for purpose in (query.purpose, *vocabulary.ancestors(query.purpose)):
        for recipient in dict.fromkeys((query.recipient, SELF)):
            for channel in dict.fromkeys((query.channel, ANY_CHANNEL)):
                yield purpose, recipient, channel
