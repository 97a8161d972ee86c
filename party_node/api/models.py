"""/v1/models: lookalike models that this party has made, applied to its own people again."""

import csv
import io
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import Field

from party_node import results
from party_node.api.access import Calling
from party_node.api.noting import note
from party_node.api.strict import Strict
from party_node.running import Here
from party_node.scoring import again

router = APIRouter(prefix="/v1/models", tags=["models"])

JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
WITHHELD = "Accord-Withheld"
"""Header of the CSV answer: people in the dataset who may not be scored."""


class AudienceBody(Strict):
    """How large an audience is to be."""

    size: Annotated[int, Field(ge=1, le=2**24)]


@router.get("")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return the models that jobs have made here, with their cards."""
    db, models = node.services.db, node.services.models
    return [{"job": job, "card": results.load(db, job)["model"]} for job in models.listed()]


@router.post("/{job}/audience")
def make_audience(job: JobId, body: AudienceBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Ask the gate, score everybody anew, and keep the best as the audience of the job."""
    found = again.make_audience(node.services, job, body.size, node.party)
    note(node.services, caller, "audience-made", f"job {job}, {body.size} people")
    return {
        "job": job,
        "dataset": found.dataset,
        "people": body.size,
        "scored": len(found.people),
        "withheld": found.withheld,
    }


@router.post("/{job}/scores", response_model=None)
def scores(job: JobId, node: Here, caller: Calling) -> Response:
    """Ask the gate, score everybody anew, and return row keys with scores as CSV, best first."""
    found = again.score(node.services, job, node.party)
    note(node.services, caller, "scores-handed-out", f"job {job}, {len(found.people)} people")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([node.services.datasets.info(found.dataset).key_column, "score"])
    writer.writerows((key, f"{score:.6f}") for key, score in found.rows())
    headers = {WITHHELD: str(found.withheld)}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
