"""/v1/models/{job}/tracking: a model beside what became of people later, and trained anew."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from party_node.api import jobs
from party_node.api.access import Calling
from party_node.api.jobs import JobId
from party_node.api.noting import note
from party_node.api.releases import MAX_QUESTION
from party_node.api.strict import Strict
from party_node.errors import IllegalState
from party_node.job_kinds import FEDERATED, JOINT, LOOKALIKE
from party_node.job_requests import Request
from party_node.running import Here
from party_node.tracking import by_scores, outcomes_file, reached
from protocols.question import read

router = APIRouter(prefix="/v1/models", tags=["models"])


class OutcomesBody(Strict):
    """Who of one's own people has the outcome: YAML or JSON."""

    outcomes: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]


class AnewBody(Strict):
    """How a model is asked for again."""

    dry_run: bool = False
    """True: only this side's pre-flight; nothing is asked and nothing leaves the node."""


@router.get("/{job}/tracking")
def tracked(job: JobId, node: Here) -> dict[str, Any]:
    """Return the card of a lookalike model beside what later outcomes have said of it."""
    return reached.tracked(node.services, job)


@router.post("/{job}/tracking")
def track(job: JobId, body: OutcomesBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Ask the gate, and compare scores of one's own people with outcomes; nothing leaves."""
    outcomes = outcomes_file.parse(body.outcomes)
    found = by_scores.track(node.services, job, outcomes, node.party)
    note(node.services, caller, "scores-compared", f"job {job}, {found['people']} people")
    return found


@router.post("/{job}/anew", status_code=201)
def train_anew(job: JobId, body: AnewBody, node: Here, response: Response) -> dict[str, Any]:
    """Ask for the job that made a model again, with the same question at the same price."""
    made = node.services.jobs.description(job)
    if made.kind not in (LOOKALIKE, JOINT, FEDERATED):
        raise IllegalState("the job has made no model that can be asked for again")
    request = Request(
        made.collaboration,
        made.kind,
        made.purpose,
        made.identifiers,
        made.minimum_size,
        question=read(made.question),
        bandwidth_mbit=node.services.home.settings.bandwidth_mbit,
    )
    again = jobs.describe(request, node.services, strict=False)
    return jobs.asked(again, node, response, dry_run=body.dry_run)
