"""/v1/consent: what people said comes in here; and why somebody may be used, or not."""

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header
from pydantic import Field, model_validator

from consent.events import ConsentEvent, EventType
from consent.statements import Method, Relation
from consent.words import SELF, EventState, Operation
from party_node.api.strict import Name, Strict
from party_node.errors import ErasedPerson, IdempotencyConflict, NotFound
from party_node.identity import EMAIL, NOBODY, PHONE
from party_node.ledger.explaining import Explanation
from party_node.ledger.explaining import explain as explain_person
from party_node.ledger.writer import Submitted
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
    if body.event_time_ms is None:
        event = _with_first_time(event, parts)
    submission = parts.ledger.submit([event])[0]
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
    dense = parts.identity.find(kind, value)
    if dense is None:
        raise NotFound("nobody with this identifier is known here")
    return _explained(
        explain_person(
            parts.ledger,
            parts.identity,
            parts.clock_ms,
            dense,
            body.purpose,
            body.recipient,
            body.operation,
        )
    )


def _event(body: EventBody, key: str, parts: Services) -> ConsentEvent:
    region = parts.home.settings.default_region
    kind, value = body.normalised(region)
    emails, phones = ([value], [None]) if kind == EMAIL else ([None], [value])
    returning = body.state == "given" and not body.method.is_copy
    resolution = parts.identity.resolve(emails, phones, returning=returning)
    dense = int(resolution.dense[0])
    if dense == NOBODY:
        raise ErasedPerson
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


def _with_first_time(event: ConsentEvent, parts: Services) -> ConsentEvent:
    """Return a repeated event with the time that it had at first: the caller stated none."""
    first = parts.ledger.first_of(event.source_id, event.source_event_id)
    record = None if first is None else parts.ledger.entry(first).record
    if not isinstance(record, ConsentEvent):
        return event
    return dataclasses.replace(event, event_time_ms=record.event_time_ms)


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
