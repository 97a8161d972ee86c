"""The addresses of the console's pages of models."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from party_node.console import model, model_actions, models
from party_node.console.answering import back, render, same_origin, signed_in
from party_node.console.model_actions import REFUSED, Outcomes, Size
from party_node.console.models import Page
from party_node.errors import NotFound
from party_node.running import Here

router = APIRouter(include_in_schema=False)
forms = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin)])

JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.get("/models")
def all_models(request: Request, node: Here) -> Response:
    """Show all models."""
    if not signed_in(request):
        return back()
    return _answer(models.listed(node))


@router.get("/models/{job}")
def one_model(job: JobId, request: Request, node: Here) -> Response:
    """Show one model."""
    if not signed_in(request):
        return back()
    try:
        return _answer(model.shown(node, job))
    except NotFound as e:
        return _answer(models.listed(node, e))


@forms.post("/models/{job}/audience/look")
def look_at_audience(job: JobId, request: Request, node: Here, size: Size) -> Response:
    """Say what making an audience would do."""
    if not signed_in(request):
        return back()
    return _answer(model_actions.look_at_audience(node, job, size))


@forms.post("/models/{job}/audience")
def make_audience(job: JobId, request: Request, node: Here, size: Size) -> Response:
    """Make an audience of the best."""
    if not signed_in(request):
        return back()
    try:
        model_actions.make_audience(node, job, size)
    except REFUSED as e:
        return _answer(model.refused(node, job, e, "audience", size=str(size)))
    return back(f"/models/{job}#audience")


@forms.post("/models/{job}/outcomes/look")
def look_at_outcomes(job: JobId, request: Request, node: Here, outcomes: Outcomes) -> Response:
    """Say what comparing a model with outcomes would take."""
    if not signed_in(request):
        return back()
    return _answer(model_actions.look_at_outcomes(node, job, outcomes))


@forms.post("/models/{job}/outcomes")
def compare(job: JobId, request: Request, node: Here, outcomes: Outcomes) -> Response:
    """Compare a model with outcomes, or ask the partner that has it."""
    if not signed_in(request):
        return back()
    found = model_actions.compare(node, job, outcomes)
    if found is None:
        node.driver.wake()
        return back()
    return _answer(found)


def _answer(page: Page) -> Response:
    content, status = page
    return render("model.html" if "job" in content else "models.html", content, status)
