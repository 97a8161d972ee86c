"""/v1/requests: what people ask for beyond consent, step by step, until it is answered."""

import dataclasses
import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import Field

from consent.request_life import end_of_day
from consent.requests import RequestType, SystemResult
from consent.statements import Relation
from consent.words import ANY_CHANNEL, SELF, Operation
from party_node.api.access import Calling, TwoCalling
from party_node.api.person import Person
from party_node.api.request_views import explained, opened_hold, view, views
from party_node.api.strict import Name, Strict
from party_node.erasure.holds import HoldOrder
from party_node.requests.asked import Asked
from party_node.requests.channels import RequestChannel
from party_node.requests.explaining import Explaining, Question
from party_node.requests.person_file import person_file
from party_node.requests.requests import zone_of
from party_node.running import Here
from party_node.services import Services
from party_node.surface_errors import MalformedRequest

router = APIRouter(prefix="/v1/requests", tags=["requests"])

MOST_LISTED = 1_000
_EPOCH = datetime.date(1970, 1, 1)
RequestId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
Key = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
]
Words = Annotated[str, Field(min_length=1, max_length=512)]
Place = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Wording = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:/-]{0,127}$")]


class RequestBody(Person):
    """What one person asks for."""

    type: RequestType
    channel: RequestChannel
    relation: Relation = Relation.SUBJECT
    """Who asks: the person, a guardian, an agent."""
    received_at_ms: Annotated[int, Field(ge=0)] | None = None
    """When it came in; now if absent."""
    received_on: datetime.date | None = None
    """The day on which it came in, in the controller's zone, where no more is known."""
    place: Place | None = None
    """ISO 3166 code of where the person lives."""
    purposes: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """Purposes that an objection or an opt-out is about."""


class VerifiedBody(Strict):
    """How it is known that the person themself asks."""

    method: Words


class ExtensionBody(Strict):
    """Why the answer is put off, and by how many days."""

    reason: Words
    days: Annotated[int, Field(ge=1, le=365)] | None = None
    """As many as the regime allows if absent."""


class ReasonBody(Strict):
    """Why it is refused: the person is told."""

    reason: Words


class CancelBody(Strict):
    """Why it is none any more."""

    reason: Words | None = None


class ResultBody(Strict):
    """What one system did."""

    system: Wording
    outcome: Wording
    detail: Words | None = None


class CompletionBody(Strict):
    """What the other systems did."""

    results: Annotated[tuple[ResultBody, ...], Field(max_length=200)] = ()


class HoldBody(Strict):
    """What is kept in spite of the erasure."""

    ground: Words
    until: datetime.date
    """The last day of it, in the controller's zone."""
    purposes: Annotated[tuple[Name, ...], Field(max_length=64)] = ()
    """Only entries about these purposes; everything if empty."""


class ErasureBody(Strict):
    """Holds, if there are any."""

    holds: Annotated[tuple[HoldBody, ...], Field(max_length=16)] = ()


class ExplanationBody(Strict):
    """What is to be explained: a job that was run, or a purpose as it stands now."""

    job: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    purpose: Name | None = None
    recipient: Name = SELF
    operation: Operation | None = None
    channel: Annotated[str, Field(pattern=r"^(\*|[a-z0-9][a-z0-9_-]{0,62})$")] = ANY_CHANNEL


@router.post("", status_code=201)
def open_request(
    body: RequestBody, key: Key, node: Here, caller: Calling, response: Response
) -> dict[str, Any]:
    """Take a request in; the header Idempotency-Key is the caller's own name for it."""
    parts = node.services
    asked = Asked(
        kind=body.type,
        identifier=body.normalised(parts.home.settings.default_region),
        channel=body.channel,
        relation=body.relation,
        received_ms=_received(body, parts),
        place=body.place or "",
        purposes=body.purposes,
    )
    opened = parts.requests.open(asked, caller.words, key)
    if opened.repeated:
        response.status_code = 200
    return view(parts, opened.row) | {"repeated": opened.repeated}


@router.get("")
def listed(
    node: Here,
    ended: Annotated[bool, Query(description="Also those that have ended.")] = False,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    after: Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")] = None,
) -> list[dict[str, Any]]:
    """Return requests, those that are due first come first; `after` goes on from one."""
    parts = node.services
    found = parts.requests.listed(limit, ended_too=ended, after=after)
    return views(parts, found)


@router.get("/{request}")
def show(request: RequestId, node: Here) -> dict[str, Any]:
    """Return one request, with what is possible now."""
    return _shown(node.services, request)


@router.post("/{request}/verify")
def verify(request: RequestId, body: VerifiedBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Note that the person themself asks; without that nothing is fulfilled."""
    node.services.requests.verify(request, body.method, caller.words)
    return _shown(node.services, request)


@router.post("/{request}/extend")
def extend(request: RequestId, body: ExtensionBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Put the answer off, once, by at most what the regime allows."""
    node.services.requests.extend(request, body.reason, body.days, caller.words)
    return _shown(node.services, request)


@router.post("/{request}/refuse")
def refuse(request: RequestId, body: ReasonBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Say no, with the reason that the person is told."""
    node.services.requests.refuse(request, body.reason, caller.words)
    return _shown(node.services, request)


@router.post("/{request}/cancel")
def cancel(
    request: RequestId, node: Here, caller: Calling, body: CancelBody | None = None
) -> dict[str, Any]:
    """End a request that is none any more."""
    reason = None if body is None else body.reason
    node.services.requests.cancel(request, reason, caller.words)
    return _shown(node.services, request)


@router.post("/{request}/complete")
def complete(
    request: RequestId, node: Here, caller: Calling, body: CompletionBody | None = None
) -> dict[str, Any]:
    """Do what is left of this node's part, note what every system did, and end the request."""
    parts, said = node.services, body or CompletionBody()
    now = parts.ledger.now()
    results = [
        SystemResult(system=r.system, outcome=r.outcome, at_ms=now, detail=r.detail)
        for r in said.results
    ]
    parts.requests.complete(request, results, caller.words)
    return _shown(parts, request)


@router.post("/{request}/erase")
def erase(
    request: RequestId, node: Here, caller: Calling, body: ErasureBody | None = None
) -> dict[str, Any]:
    """Erase the person of a verified request here; what is under a hold is sealed away."""
    parts, asked = node.services, body or ErasureBody()
    zone = zone_of(parts.vocabulary)
    holds = [
        HoldOrder(h.ground, end_of_day((h.until - _EPOCH).days, zone), h.purposes)
        for h in asked.holds
    ]
    erased = parts.requests.fulfilling.erase(request, caller.words, holds)
    return _shown(parts, request) | {"erased": dataclasses.asdict(erased)}


@router.post("/{request}/export", response_class=Response)
def export(request: RequestId, node: Here, caller: Calling) -> Response:
    """Return the person's file, a ZIP; that it was made is in the ledger first."""
    parts = node.services
    row = parts.requests.fulfilling.ready(request, RequestType.ACCESS, RequestType.PORT)
    content = person_file(parts, parts.requests.fulfilling.about(row))
    parts.requests.fulfilling.note(request, "export", "exported", caller.words)
    headers = {"Content-Disposition": f'attachment; filename="request-{request[:8]}.zip"'}
    return Response(content, media_type="application/zip", headers=headers)


@router.post("/{request}/explanation")
def explain(
    request: RequestId, body: ExplanationBody, node: Here, caller: Calling
) -> dict[str, Any]:
    """Explain decisions to the person: those of a job, or what a purpose comes to now."""
    parts = node.services
    if (body.job is None) == (body.purpose is None):
        raise MalformedRequest("name a job or a purpose, one of the two")
    row = parts.requests.fulfilling.ready(request, RequestType.EXPLAIN_DECISION)
    person = parts.requests.fulfilling.about(row)
    explaining = Explaining(parts.ledger, parts.gate.decisions)
    if body.job is not None:
        told = list(explaining.of_job(person, body.job))
    else:
        assert body.purpose is not None
        operations = () if body.operation is None else (body.operation,)
        question = Question(body.purpose, body.recipient, operations, body.channel)
        told = explaining.now(person, question)
    parts.requests.fulfilling.note(request, "explanation", "explained", caller.words)
    return {"request": request, "decisions": [explained(one) for one in told]}


@router.post("/{request}/lift")
def lift(request: RequestId, node: Here, caller: Calling) -> dict[str, Any]:
    """End the restriction that a completed request brought; tell the person before you do."""
    node.services.requests.fulfilling.lift(request, caller.words)
    return _shown(node.services, request)


@router.post("/{request}/hold")
def open_hold(request: RequestId, node: Here, two: TwoCalling) -> dict[str, Any]:
    """Return what is held under an erased person's request; that it was opened is in the ledger.

    Wants an operator's token in `Accord-Operator-Token` and a compliance officer's in
    `Accord-Compliance-Token`.
    """
    operator, compliance = two
    opened = node.services.holds.open(request, compliance, operator)
    return {"request": request, "holds": [opened_hold(hold) for hold in opened]}


def _shown(parts: Services, request: str) -> dict[str, Any]:
    return view(parts, parts.requests.get(request))


def _received(body: RequestBody, parts: Services) -> int | None:
    """Return when a request came in: of a day that is all that is known, its beginning."""
    if body.received_on is None:
        return body.received_at_ms
    if body.received_at_ms is not None:
        raise MalformedRequest("say received_at_ms or received_on, one of the two")
    return end_of_day((body.received_on - _EPOCH).days - 1, zone_of(parts.vocabulary)) + 1
