"""What is asked of the ledger, and why an answer is what it is."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, EVERYBODY, SELF, Operation

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
    USED_UP = "used-up"
    RENEWAL_REQUIRED = "renewal-required"
    PROHIBITED = "prohibited"
    NOT_EXPRESSED = "not-expressed"
    NOT_SEPARATE = "not-separate"
    NOT_ON_NOTICE = "not-on-notice"
    NOT_LISTED = "not-listed-on-notice"
    NOT_BY_GUARDIAN = "not-by-guardian"
    GUARDIAN_ENDED = "guardian-ended"
    AGE_UNKNOWN = "age-unknown"
    REQUESTED = "requested"
    REQUEST_DEFERRED = "request-deferred"
    UNKNOWN = "unknown"
    NO_EVIDENCE = "no-evidence"
    OPERATION_NOT_COVERED = "operation-not-covered"
    PAUSED = "paused"
    CHANNEL_REFUSED = "channel-refused"
    TOPIC_REFUSED = "topic-refused"
    NOT_PERSONALISED = "not-personalised"


REASONS = (None, *Reason)
"""A reason's number in columns is its place here; 0 is none."""
NUMBER_OF = {reason: number for number, reason in enumerate(REASONS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """May data be used for this purpose, for this recipient, in this operation, at this instant?"""

    purpose: str
    operation: Operation
    at_ms: int
    """Milliseconds since 1970 in UTC; not before the newest entry that is decided by."""
    recipient: str = SELF
    channel: str = ANY_CHANNEL
    topic: str | None = None
    """What a message is about, where people may choose topics."""


def grant_scopes(query: Query, vocabulary: Vocabulary) -> Iterator[Scope]:
    """Return where a grant may lie, nearest first: purpose or broader, channel or every."""
    for purpose in (query.purpose, *vocabulary.ancestors(query.purpose)):
        for channel in dict.fromkeys((query.channel, ANY_CHANNEL)):
            yield purpose, query.recipient, channel


def forbidding_scopes(query: Query, vocabulary: Vocabulary) -> Iterator[Scope]:
    """Return where an objection forbids: as for grants, and with the controller or everybody as
    recipient.
    """
    for purpose in (query.purpose, *vocabulary.ancestors(query.purpose)):
        for recipient in dict.fromkeys((query.recipient, SELF, EVERYBODY)):
            for channel in dict.fromkeys((query.channel, ANY_CHANNEL)):
                yield purpose, recipient, channel
