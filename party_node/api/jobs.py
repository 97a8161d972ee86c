"""/v1/jobs: asked for, decided, followed, and what came of them."""

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from coordinator.wire import MAX_WAIT_SECONDS
from party_node import (
    answerable,
    disclosures,
    phase_recall,
    preflight,
    question_text,
    receipts,
    results,
    uses,
)
from party_node.api.access import Calling
from party_node.api.releases import MAX_QUESTION
from party_node.api.strict import By, Name, RhoText, Strict, nano
from party_node.api.waiting import look_until
from party_node.errors import IllegalState, NotFound
from party_node.job_checks import is_small
from party_node.job_kinds import INSIGHT, Kind
from party_node.job_requests import Request
from party_node.job_views import described, job_list, job_view
from party_node.jobs import strictly
from party_node.preflight import Prospect
from party_node.running import Here
from party_node.services import Services
from party_node.statistics import chart, document
from protocols.codec import encode
from protocols.disclosure import coarse
from protocols.job import JobDescription, ReceiptPart, RunReceipt
from protocols.psi.params import LARGEST_ROW

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
IdentifierType = Literal["email", "phone", "idfa", "gaid", "oaid", "imei"]
DEFAULT_RHO = "0.005"


class JobBody(Strict):
    """What is asked for; what is left out is as the collaboration says."""

    collaboration: Name
    kind: Kind
    purpose: Name | Literal[""] = ""
    identifiers: Annotated[tuple[IdentifierType, ...], Field(min_length=1, max_length=6)] = (
        "email",
    )
    """Types to match on, in order; each once."""
    per_person: Annotated[int, Field(ge=0, le=LARGEST_ROW)] = 0
    """Overlap: identifiers that one person brings at most; 0 is as many as there are types."""
    minimum_size: Annotated[int, Field(ge=0, le=2**31)] = 0
    rho: RhoText = DEFAULT_RHO
    question: Annotated[str, Field(max_length=MAX_QUESTION)] = ""
    """Insight, lookalike, federated: the question's text, YAML or JSON (docs/reference/queries.md,
    docs/concepts/federated.md); its price is paid."""
    route: Literal["", "bfv", "cot"] = ""
    """Insight, lookalike: how it is added up; empty for whichever is sooner done over this line."""
    strict: bool = False
    """True: hide even which curve an item lies on, as is done anyway up to 10,000 people."""
    dataset: Name | Literal[""] = ""
    """Insight: the dataset of one's own that is meant, where the collaboration has several."""
    dry_run: bool = False
    """True: only this side's pre-flight; nothing is asked and nothing leaves the node."""


class DecisionBody(Strict):
    """Who decided; it stands in the acceptance that all parties keep."""

    by: By = "operator"


@router.post("", status_code=201)
def ask(body: JobBody, node: Here, response: Response) -> dict[str, Any]:
    """Describe a job, sign it and post it to the board; or, as a dry run, only look ahead."""
    return asked(_described(body, node.services), node, response, dry_run=body.dry_run)


def asked(job: JobDescription, node: Here, response: Response, *, dry_run: bool) -> dict[str, Any]:
    """Sign a described job and post it to the board; or, as a dry run, only look ahead."""
    parts = node.services
    if dry_run:
        response.status_code = 200
        ahead = _preflight(job, parts)
        said = dataclasses.asdict(disclosures.view(ahead.said))
        takes = _estimate(job, ahead, parts)
        return described(parts, job) | {"preflight": said, "estimate": takes, "dry_run": True}
    parts.jobs.submit(job)
    node.driver.wake()
    return job_view(parts, job.job)


@router.get("")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return all jobs in short, newest first."""
    return job_list(node.services)


@router.get("/{job}")
async def show(
    job: JobId,
    node: Here,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_SECONDS)] = 0,
    until: Literal["ended", "changed"] = "ended",
    known: Annotated[str, Query(max_length=64)] = "",
) -> dict[str, Any]:
    """Return one job; with `wait`, when it has ended, or its `stage` is another than `known`.

    Answers after `wait` seconds at the latest, with the job as it then stands.
    """
    return await look_until(
        node,
        wait,
        lambda: job_view(node.services, job),
        lambda found: found["ended"] or (until == "changed" and found["stage"] != known),
    )


@router.post("/{job}/approve")
def approve(
    job: JobId, node: Here, caller: Calling, body: DecisionBody | None = None
) -> dict[str, Any]:
    """Say yes to a job that another party asks for."""
    node.services.jobs.approve(job, caller.signing((body or DecisionBody()).by))
    node.driver.wake()
    return job_view(node.services, job)


@router.post("/{job}/decline")
def decline(
    job: JobId, node: Here, caller: Calling, body: DecisionBody | None = None
) -> dict[str, Any]:
    """Say no to a job that another party asks for."""
    row = node.services.jobs.get(job)
    if row.requester == node.party:
        raise IllegalState("a job of one's own is cancelled, not declined")
    node.services.jobs.decline(job, caller.signing((body or DecisionBody()).by))
    node.driver.wake()
    return job_view(node.services, job)


@router.post("/{job}/cancel")
def cancel(job: JobId, node: Here) -> dict[str, Any]:
    """End a job that has not ended, whoever asked for it."""
    node.services.jobs.cancel(job)
    node.driver.wake()
    return job_view(node.services, job)


@router.get("/{job}/result")
def result(job: JobId, node: Here) -> dict[str, Any]:
    """Return what the job brought this party: answer, what was withheld and why, cost, proof."""
    view = job_view(node.services, job)
    try:
        return results.load(node.services.db, job)
    except NotFound:
        if not view["ended"] or view["state"] == "completed":
            raise
        cause = f" ({view['cause']})" if view["cause"] else ""
        hint = f"`accord job show {job[:12]}` says why" if view["why"] else None
        said = f"the job is {view['state']}{cause} and has no result"
        raise IllegalState(said, hint=hint) from None


@router.get("/{job}/result/table")
def result_table(job: JobId, node: Here) -> Response:
    """Return the answer to a question as CSV."""
    return Response(document.to_csv(_answer(job, node)), media_type="text/csv; charset=utf-8")


@router.get("/{job}/result/chart")
def result_chart(job: JobId, node: Here) -> Response:
    """Return the answer to a question as a chart, an SVG."""
    return Response(chart.svg(_answer(job, node)), media_type="image/svg+xml")


@router.get("/{job}/receipt")
def receipt(job: JobId, node: Here) -> dict[str, Any]:
    """Return the run receipt with the signatures that are there."""
    node.services.jobs.get(job)
    whole, signatures = receipts.load(node.services.db, job)
    return _receipt(job, whole, signatures)


def _answer(job: str, node: Here) -> dict[str, Any]:
    """Return the answer that a job brought this party. Raises: IllegalState if it asked nothing."""
    found = result(job, node)
    if found.get("statistics") is None:
        raise IllegalState("the job brought this party no statistics")
    return {**found["statistics"], "cost": found["cost"], "release": job}


def _described(body: JobBody, parts: Services) -> JobDescription:
    request = Request(
        body.collaboration,
        body.kind,
        body.purpose,
        body.identifiers,
        body.minimum_size,
        nano(body.rho),
        body.per_person,
        question_text.parse(body.kind, body.question, parts.jobs) if body.question else None,
        body.route,
        parts.home.settings.bandwidth_mbit,
        body.dataset if body.kind == INSIGHT else "",
    )
    return describe(request, parts, strict=body.strict)


def describe(request: Request, parts: Services, *, strict: bool) -> JobDescription:
    """Return the job that a request comes to. Raises: as `Jobs.describe`, `require`,
    `require_seeds`.
    """
    draft = parts.jobs.describe(request)
    me = draft.job.requester
    answerable.require(parts, draft.job, me)
    _, permitted = uses.permitted_now(parts.gate, draft.job, me)
    answerable.require_seeds(draft.job, me, len(permitted))
    # By a number as coarse as is told, because the route shows.
    job = draft.for_people(preflight.likely(coarse(len(permitted))))
    return strictly(job) if strict or is_small(len(permitted)) else job


def _preflight(job: JobDescription, parts: Services) -> Prospect:
    agreed = parts.jobs.agreement(job)
    backend = parts.home.settings.x25519_backend
    limit = parts.collaborations.limit_nano(agreed)
    me = job.requester
    accounts = [
        parts.collaborations.account(agreed, peer, job.dataset_of(me)) for peer in job.others(me)
    ]
    ahead = preflight.make(job, me, accounts, limit, parts.gate, parts.budgets, backend)
    said = phase_recall.with_earlier(ahead.said, job, parts)
    return dataclasses.replace(ahead, said=said)


def _estimate(job: JobDescription, ahead: Prospect, parts: Services) -> dict[str, int]:
    """Reckon with the people of this side; the other side's number is not known yet."""
    backend = parts.home.settings.x25519_backend
    takes = preflight.expected(job, job.requester, ahead.people, ahead.people, backend)
    return dataclasses.asdict(takes)


def _receipt(job: str, whole: RunReceipt, signatures: dict[str, bytes]) -> dict[str, Any]:
    return {
        "job": job,
        "job_hash": whole.job_hash.hex(),
        "context": whole.ctx.hex(),
        "parts": [_part(part) for part in whole.parts],
        "signatures": {party: s.hex() for party, s in sorted(signatures.items())},
        "complete": set(signatures) == {part.party for part in whole.parts},
        "record": encode(whole).hex(),
    }


def _part(part: ReceiptPart) -> dict[str, Any]:
    return {
        "party": part.party,
        "ledger": {
            "origin": part.head.origin,
            "size": part.head.size,
            "root": part.head.root.hex(),
            "use_record": part.head.use_record.hex(),
        },
        "transcripts": [digest.hex() for digest in part.transcripts],
        "released": [
            {"to": r.to, "what": r.what, "rho_nano": r.rho_nano, "commitment": r.commitment.hex()}
            for r in part.released
        ],
    }
