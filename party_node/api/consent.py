"""/v1/consent: what people said comes in here; and why somebody may be used, or not."""

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from pydantic import Field, model_validator

from consent.events import ConsentEvent, EventType, Method, Relation
from consent.words import SELF, EventState, Operation
from party_node.api.strict import Name, Strict
from party_node.errors import IdempotencyConflict
from party_node.identity import EMAIL, PHONE
from party_node.ledger.consent_ledger import Explanation
from party_node.ledger.writer import Submission, Submitted
from party_node.running import Here
from party_node.services import Services
from protocols.identifiers import normalise_email, normalise_phone

router = APIRouter(prefix="/v1/consent", tags=["consent"])

SOURCE = "node-api"
"""Source of events that come in here, unless the caller names its own."""

Identifier = Annotated[str, Field(min_length=3, max_length=320)]
EventId = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
]


class _Person(Strict):
    """Names one person by exactly one identifier; it is never logged."""

    email: Identifier | None = Field(default=None, repr=False)
    phone: Identifier | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _one(self) -> "_Person":
        if (self.email is None) == (self.phone is None):
            raise ValueError("name the person by email or by phone, one of the two")
        return self

    def normalised(self, region: str) -> tuple[str, str]:
        """Return kind and value. Raises: InvalidIdentifier."""
        if self.email is not None:
            return EMAIL, normalise_email(self.email)
        return PHONE, normalise_phone(self.phone or "", region)


class EventBody(_Person):
    """One thing that one person said."""

    state: Literal["given", "refused", "withdrawn"]
    purpose: Name
    recipient: Name = SELF
    """Party that may use the data besides this one; `self` for this party alone."""
    separate: bool = False
    """Given by an act of its own for this recipient."""
    source: Name = SOURCE
    method: Method = Method.IN_PERSON
    relation: Relation = Relation.SUBJECT
    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")] | None = None
    """ISO 3166 code of the law that applied; this node's default region if absent."""
    event_time_ms: Annotated[int, Field(ge=0)] | None = None
    """When it happened; now if absent."""


class ExplanationBody(_Person):
    """A question about one person."""

    purpose: Name
    recipient: Name = SELF
    operation: Operation


@router.post("/events", status_code=201)
def record_event(body: EventBody, key: EventId, node: Here) -> dict[str, Any]:
    """Record what one person said; it counts from the next decision on.

    The header Idempotency-Key is the source's own name for the event: the same event again
    changes nothing, another one under the same name is refused.
    """
    parts = node.services
    parts.vocabulary.find(body.purpose)
    event = _event(body, key, parts)
    submission = parts.ledger.submit([event])[0]
    if submission.status is Submitted.CONFLICT and body.event_time_ms is None:
        submission = _same_but_later(event, submission, parts)
    if submission.status is Submitted.CONFLICT:
        raise IdempotencyConflict
    return {
        "index": submission.index,
        "repeated": submission.status is Submitted.REPEATED,
        "checkpoint": parts.ledger.checkpoint(),
    }


@router.post("/explanations")
def explain(body: ExplanationBody, node: Here) -> dict[str, Any]:
    """Say whether one person may be used now, and which entry of the ledger decides it."""
    parts = node.services
    kind, value = body.normalised(parts.home.settings.default_region)
    found = parts.ledger.explain(kind, value, body.purpose, body.recipient, body.operation)
    return _explained(found)


def _event(body: EventBody, key: str, parts: Services) -> ConsentEvent:
    region = parts.home.settings.default_region
    kind, value = body.normalised(region)
    emails, phones = ([value], [None]) if kind == EMAIL else ([None], [value])
    resolution = parts.identity.resolve(emails, phones)
    dense = int(resolution.dense[0])
    return ConsentEvent(
        subject_id=parts.identity.subject_ids([dense])[dense],
        state=EventState(body.state),
        purpose=body.purpose,
        purpose_version=parts.vocabulary.find(body.purpose).version,
        recipient=body.recipient,
        separate=body.separate,
        event_time_ms=_now(parts) if body.event_time_ms is None else body.event_time_ms,
        source_id=body.source,
        source_event_id=key,
        jurisdiction=body.jurisdiction or region,
        method=body.method,
        event_type=EventType.EXPLICITLY_EXPRESSED,
        relation=body.relation,
    )


def _same_but_later(event: ConsentEvent, first: Submission, parts: Services) -> Submission:
    """Submit a repeated event with the time that it had at first: the caller stated none."""
    entry = next(iter(parts.ledger.entries(first.index, first.index + 1)))
    if not isinstance(entry.record, ConsentEvent):
        return first
    again = dataclasses.replace(event, event_time_ms=entry.record.event_time_ms)
    return parts.ledger.submit([again])[0]


def _explained(found: Explanation) -> dict[str, Any]:
    deciding = found.deciding
    return {
        "decision": found.decision.outcome,
        "reason": found.decision.reason,
        "subject": found.subject_id,
        "evaluated_ms": found.evaluated_ms,
        "tree_size": found.tree_size,
        "deciding_index": found.decision.deciding_index,
        "deciding_entry": None
        if deciding is None
        else {
            "index": deciding.index,
            "recorded_ms": deciding.recorded_ms,
            "leaf_hash": deciding.leaf_hash.hex(),
            "record": None if deciding.record is None else deciding.record.to_payload(),
        },
    }


def _now(parts: Services) -> int:
    """Return the time, but never one before the newest entry: clocks are sometimes set back."""
    with parts.ledger.hold() as head:
        return max(parts.clock_ms(), head.newest_ms)
