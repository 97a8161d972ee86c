"""/v1/models: what this party scores its own people by: models, and the scores of joint jobs."""

import csv
import dataclasses
import io
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field, model_validator

from party_node.api.access import Calling
from party_node.api.jobs import JobId
from party_node.api.noting import note
from party_node.api.strict import Name, Strict
from party_node.key_lists import read_keys
from party_node.running import Here
from party_node.scoring import again, kept, standing

router = APIRouter(prefix="/v1/models", tags=["models"])

WITHHELD = "Accord-Withheld"
"""Header of the CSV answer: people in the dataset who may not be scored."""


class AudienceBody(Strict):
    """How large an audience is to be, and who is not to be in it."""

    size: Annotated[int, Field(ge=1, le=2**24)]
    dataset: Name | None = None
    """Another dataset that this party offers in the agreement; absent: that of the job."""
    without: Annotated[list[str], Field(max_length=20_000)] | None = Field(default=None, repr=False)
    """Row keys of people to leave out, who are not even scored."""
    without_path: Annotated[str, Field(max_length=4096)] | None = None
    """File on the node's machine with such keys, one a line; of the two at most one."""

    @model_validator(mode="after")
    def _one_list(self) -> "AudienceBody":
        if self.without is not None and self.without_path is not None:
            raise ValueError("give without or without_path, not both")
        return self


@router.get("")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return the models that jobs have made here, and joint scores, with their cards."""
    return [dataclasses.asdict(one) for one in kept.listed(node.services)]


@router.get("/{job}")
def stands(job: JobId, node: Here) -> dict[str, Any]:
    """Return how one model stands: its card, whom it may score now, who withdrew, its audience."""
    return standing.of(node.services, job)


@router.post("/{job}/audience")
def make_audience(job: JobId, body: AudienceBody, node: Here, caller: Calling) -> dict[str, Any]:
    """Ask the gate, score everybody anew, and keep the best as the audience of the job."""
    without = body.without or []
    if body.without_path is not None:
        without = read_keys(Path(body.without_path))
    parts, dataset = node.services, body.dataset or ""
    made = again.make_audience(parts, job, body.size, node.party, without, dataset)
    found = made.scored
    note(parts, caller, "audience-made", f"job {job}, {body.size} people")
    return {
        "job": job,
        "dataset": found.dataset,
        "people": body.size,
        "scored": len(found.people),
        "withheld": found.withheld,
        "left_out": made.left_out,
        "unknown_keys": made.unknown_keys,
    }


@router.post("/{job}/scores", response_model=None)
def scores(job: JobId, node: Here, caller: Calling, dataset: Name | None = None) -> Response:
    """Ask the gate, score everybody anew, and return row keys with scores as CSV, best first."""
    found = again.score(node.services, job, node.party, dataset or "")
    note(node.services, caller, "scores-handed-out", f"job {job}, {len(found.people)} people")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([node.services.datasets.info(found.dataset).key_column, "score"])
    writer.writerows((key, f"{score:.6f}") for key, score in found.rows())
    headers = {WITHHELD: str(found.withheld)}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)
