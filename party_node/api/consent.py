"""/v1/consent: what people said comes in here; and why somebody may be used, or not."""

import dataclasses
from collections import Counter
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field, model_validator

from consent.events import ConsentEvent, EventType
from consent.vocabulary import Vocabulary
from consent.words import ANY_CHANNEL, SELF, AgeBand, Assurance, EventState, Operation
from party_node.api.access import Calling
from party_node.api.origin import (
    Channel,
    Duration,
    EventId,
    Instant,
    OriginBody,
    Place,
)
from party_node.api.person import Person
from party_node.api.strict import By, Language, Name, NoticeHash, NoticeId, Strict
from party_node.capture.recording import Fate, Pending, record
from party_node.capture.statement import Circumstances, Said, consent_event
from party_node.errors import DiskFull, NotFound
from party_node.ledger.explaining import Explanation
from party_node.ledger.explaining import explain as explain_person
from party_node.ledger.views import note_view
from party_node.ledger.writer import Submitted
from party_node.policy import notices
from party_node.running import Here
from party_node.services import Services

router = APIRouter(prefix="/v1/consent", tags=["consent"])

MAX_BATCH = 1_000


class NoticeName(Strict):
    """A published notice by its name."""

    notice_id: NoticeId
    version: Annotated[int, Field(ge=1, le=1_000_000)]
    language: Language


class EventBody(Person, OriginBody):
    """One thing that one person said."""

    state: Literal["given", "refused", "withdrawn"]
    purpose: Name
    recipient: Name = SELF
    """Party that may use the data besides this one; `self` for this party alone."""
    channel: Channel = ANY_CHANNEL
    """Only for contact by this channel, as `email`; `*` for every channel and any other use."""
    separate: bool = False
    """Given by an act of its own for this recipient."""
    written: bool = False
    event_type: EventType = EventType.EXPLICITLY_EXPRESSED
    """How the will was shown; where nobody clicked or signed for just this, say so."""
    listed: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """Narrower purposes that the notice listed: a yes covers these too."""
    notice: NoticeHash | NoticeName | None = None
    """The notice that was shown: its hash, or the name of one that is published here."""
    residence: Place | None = None
    """ISO 3166 code of where the person lives: that law applies too."""
    age_band: AgeBand | None = None
    age_assurance: Assurance | None = None
    valid_until_ms: Instant | None = None
    """The first instant at which it no longer holds."""
    validity: Duration | None = None
    """How long it holds instead, reckoned in the person's time zone."""

    @model_validator(mode="after")
    def _one_end(self) -> "EventBody":
        if self.valid_until_ms is not None and self.validity is not None:
            raise ValueError("say valid_until_ms or validity, one of the two")
        until, start = self.valid_until_ms, self.event_time_ms
        if self.state != "given" and (until is not None or self.validity is not None):
            raise ValueError("only a yes has an end: a no stands until the person says yes again")
        if until is not None and start is not None and until < start:
            raise ValueError("valid_until_ms lies before event_time_ms")
        return self

    def pending(self, key: str, parts: Services) -> Pending:
        """Return it as what is to be recorded under the source's own id for it."""
        region = parts.home.settings.default_region
        said = {f.name: getattr(self, f.name) for f in dataclasses.fields(Said) if f.name in _SAME}

        def event(known: Circumstances) -> ConsentEvent:
            whole = Said(
                origin=self.origin(key),
                state=EventState(self.state),
                listed=tuple(sorted(set(self.listed))),
                notice_hash=_notice_hash(self.notice, known.vocabulary),
                jurisdiction=self.jurisdiction or region,
                **said,
            )
            return consent_event(whole, known)

        return Pending(
            identify=lambda: self.normalised(region),
            record=event,
            method=self.method,
            zone=self.time_zone,
            stated=self.stated(),
        )


_SAME = frozenset({
    "purpose", "recipient", "channel", "separate", "written", "event_type", "residence",
    "age_band", "age_assurance", "valid_until_ms", "validity",
})  # fmt: skip


class KeyedEvent(EventBody):
    """One of many events, with the source's own id of it."""

    key: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class BatchBody(Strict):
    """Many events, each with a fate of its own."""

    events: Annotated[list[KeyedEvent], Field(min_length=1, max_length=MAX_BATCH)]


class ExplanationBody(Person):
    """A question about one person."""

    purpose: Name
    recipient: Name = SELF
    operation: Operation
    channel: Channel = ANY_CHANNEL
    by: By = "operator"
    """Who looks."""


@router.post("/events", status_code=201)
def record_event(body: EventBody, key: EventId, node: Here) -> dict[str, Any]:
    """Record what one person said; it counts from the next decision on.

    The header Idempotency-Key is the source's own name for the event: the same event again
    changes nothing, another one under the same name is refused.
    """
    parts = node.services
    (fate,) = record(parts.ledger, parts.identity, parts.clock_ms, [body.pending(key, parts)])
    if fate.refused is not None:
        raise fate.refused
    return {**_fate(fate), "checkpoint": parts.ledger.checkpoint()}


@router.post("/events/batch", status_code=201)
def record_events(body: BatchBody, node: Here) -> dict[str, Any]:
    """Record up to 1,000 events in one append; the answer says of each what became of it.

    An event that cannot be recorded keeps none of the others from it.
    """
    parts = node.services
    pending = [event.pending(event.key, parts) for event in body.events]
    fates = record(parts.ledger, parts.identity, parts.clock_ms, pending)
    counted = Counter(_status(fate) for fate in fates)
    return {
        **{status: counted[status] for status in ("accepted", "repeated", "conflict", "refused")},
        "fates": [
            {"key": event.key, "status": _status(fate), **_fate(fate)}
            for event, fate in zip(body.events, fates, strict=True)
        ],
        "checkpoint": parts.ledger.checkpoint(),
    }


@router.post("/explanations")
def explain(body: ExplanationBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Say whether one person may be used now, and which entry of the ledger decides it.

    That somebody saw what the entry says is an entry too.
    """
    parts = node.services
    kind, value = body.normalised(parts.home.settings.default_region)
    dense = parts.identity.find(kind, value)
    if dense is None:
        raise NotFound("nobody with this identifier is known here")
    found = explain_person(
        parts.ledger,
        parts.identity,
        parts.clock_ms,
        dense,
        body.purpose,
        body.recipient,
        body.operation,
        body.channel,
    )
    if found.deciding is not None:
        try:
            note_view(parts.ledger, found.deciding, caller.signing(body.by))
        except DiskFull:  # what cannot be written down is not shown; the decision is
            unshown = dataclasses.replace(found.deciding, record=None)
            found = dataclasses.replace(found, deciding=unshown)
    return _explained(found)


def _notice_hash(named: str | NoticeName | None, vocabulary: Vocabulary) -> bytes | None:
    if named is None:
        return None
    if isinstance(named, str):
        return bytes.fromhex(named)
    return notices.find(vocabulary, named.notice_id, named.version, named.language).notice_hash


def _status(fate: Fate) -> str:
    return "refused" if fate.submission is None else fate.submission.status.value


def _fate(fate: Fate) -> dict[str, Any]:
    found: dict[str, Any] = {
        "index": None if fate.submission is None else fate.submission.index,
        "repeated": _status(fate) == Submitted.REPEATED,
        "new_person": fate.new_person,
        "valid_until_ms": getattr(fate.record, "valid_until_ms", None),
    }
    if fate.refused is not None:
        found |= {"code": fate.refused.code, "detail": str(fate.refused)}
    return found


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
