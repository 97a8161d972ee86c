"""/v1/audiences: joint audiences at this party, handed out through the gate each time."""

import csv
import io
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from sqlmodel import select

from party_node import audiences
from party_node.api.access import Calling
from party_node.api.noting import note
from party_node.api.strict import Strict
from party_node.job_tables import AudienceRow
from party_node.running import Here

router = APIRouter(prefix="/v1/audiences", tags=["audiences"])

LEFT_OUT = "Accord-Left-Out"
"""Header of the CSV answer: people who matched but may not be used any more."""


class ActivationBody(Strict):
    """How the row keys are wanted."""

    format: Literal["json", "csv"] = "json"


@router.get("")
def listed(node: Here) -> list[dict[str, Any]]:
    """Return the audiences that jobs brought; who is in them is not said here."""
    parts = node.services
    with parts.db.reading() as session:
        rows = {row.job: row for row in session.exec(select(AudienceRow))}
    return [
        {"job": job, "dataset": rows[job].dataset, "created_ms": rows[job].created_ms}
        for job in audiences.all_audiences(parts)
        if job in rows
    ]


@router.post("/{job}/activations", response_model=None)
def activate(
    job: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")],
    body: ActivationBody,
    node: Here,
    caller: Calling,
) -> dict[str, Any] | Response:
    """Ask the gate again and return the row keys that may be used now; a use record is written."""
    found = audiences.activate(node.services, job, node.party)
    note(node.services, caller, "audience-handed-out", f"job {job}, {found.people} people")
    if body.format == "json":
        return {
            "job": found.job,
            "dataset": found.dataset,
            "keys": found.keys,
            "people": found.people,
            "left_out": found.left_out,
        }
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([node.services.datasets.info(found.dataset).key_column])
    writer.writerows([key] for key in found.keys)
    return Response(text.getvalue(), media_type="text/csv", headers={LEFT_OUT: str(found.left_out)})
