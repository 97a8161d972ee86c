"""The addresses of the console's pages of models."""

from fastapi import APIRouter, Depends, Response

from party_node.api.jobs import JobId
from party_node.console import model, model_actions, models
from party_node.console.answering import back, render, same_origin
from party_node.console.model_actions import REFUSED, Outcomes, Size
from party_node.console.models import Page
from party_node.console.signing_in import Reading, RunningJobs
from party_node.errors import NotFound
from party_node.roles.callers import Caller
from party_node.running import Here

router = APIRouter(include_in_schema=False)
forms = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin)])


@router.get("/models")
def all_models(node: Here, who: Reading) -> Response:
    """Show all models."""
    return _answer(who, models.listed(node))


@router.get("/models/{job}")
def one_model(job: JobId, node: Here, who: Reading) -> Response:
    """Show one model."""
    try:
        return _answer(who, model.shown(node, job))
    except NotFound as e:
        return _answer(who, models.listed(node, e))


@forms.post("/models/{job}/audience/look")
def look_at_audience(job: JobId, node: Here, who: RunningJobs, size: Size) -> Response:
    """Say what making an audience would do."""
    return _answer(who, model_actions.look_at_audience(node, job, size))


@forms.post("/models/{job}/audience")
def make_audience(job: JobId, node: Here, who: RunningJobs, size: Size) -> Response:
    """Make an audience of the best."""
    try:
        model_actions.make_audience(node, job, size, who)
    except REFUSED as e:
        return _answer(who, model.refused(node, job, e, "audience", size=str(size)))
    return back(f"/models/{job}#audience")


@forms.post("/models/{job}/outcomes/look")
def look_at_outcomes(job: JobId, node: Here, who: RunningJobs, outcomes: Outcomes) -> Response:
    """Say what comparing a model with outcomes would take."""
    return _answer(who, model_actions.look_at_outcomes(node, job, outcomes))


@forms.post("/models/{job}/outcomes")
def compare(job: JobId, node: Here, who: RunningJobs, outcomes: Outcomes) -> Response:
    """Compare a model with outcomes, or ask the partner that has it."""
    found = model_actions.compare(node, job, outcomes, who)
    if found is None:
        node.driver.wake()
        return back()
    return _answer(who, found)


def _answer(who: Caller, page: Page) -> Response:
    content, status = page
    return render("model.html" if "job" in content else "models.html", content, status, who)
