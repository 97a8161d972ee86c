"""/v1/releases: statistics of this party's own people, with noise, for one recipient or for all."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from party_node.api.access import Calling
from party_node.api.collaborations import take_up_news
from party_node.api.strict import Name, Strict
from party_node.running import Here
from party_node.statistics import chart, document, question_file, recipients, releases

router = APIRouter(prefix="/v1", tags=["releases"])

Release = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
MAX_QUESTION = 262_144


class ReleaseBody(Strict):
    """A question about a registered dataset."""

    query: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
    """The question's text, YAML or JSON: docs/reference/queries.md."""
    purpose: Name
    collaboration: Name | None = None
    """Under which a party is told; without one the answer is for everybody."""
    to: Name | None = None
    """The party, where the collaboration has several others."""
    dry_run: bool = False


@router.post("/releases", status_code=201)
def make(body: ReleaseBody, node: Here, caller: Calling, response: Response) -> dict[str, Any]:
    """Answer a question, charged first; as a dry run, only say what it would cost."""
    parts = node.services
    query = question_file.parse(body.query)
    if body.collaboration is not None:
        take_up_news(parts)
    to = recipients.recipient_of(parts, query.dataset, body.collaboration or "", body.to or "")
    if body.dry_run:
        response.status_code = 200
        return releases.look_ahead(parts, query, to)
    return releases.release(parts, query, body.purpose, to, caller.words)


@router.get("/releases")
def listed(node: Here, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[dict[str, Any]]:
    """Return the newest releases first, with their answers."""
    return releases.listed(node.services, limit)


@router.get("/releases/{release}")
def show(release: Release, node: Here) -> dict[str, Any]:
    """Return one release: answer, what is hidden and why, cost, proof."""
    return releases.load(node.services, release)


@router.get("/releases/{release}/table")
def as_csv(release: Release, node: Here) -> Response:
    """Return the answer of a release as CSV."""
    text = document.to_csv(releases.load(node.services, release))
    return Response(text, media_type="text/csv; charset=utf-8")


@router.get("/releases/{release}/chart")
def as_chart(release: Release, node: Here) -> Response:
    """Return the answer of a release as a chart, an SVG."""
    return Response(chart.svg(releases.load(node.services, release)), media_type="image/svg+xml")
