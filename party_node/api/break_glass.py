"""/v1/jobs/{job}/break-glass: two people in two roles let one job go on without a quorum."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from party_node.api.access import TwoCalling
from party_node.api.strict import Strict
from party_node.emergencies import LONGEST_HOURS
from party_node.errors import IllegalState
from party_node.jobs import ENDED
from party_node.requests.texts import nameless
from party_node.running import Here

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])


class ReasonBody(Strict):
    """Why it cannot wait, and how long the approval lasts."""

    reason: Annotated[str, Field(min_length=1, max_length=512)]
    hours: Annotated[int, Field(ge=1, le=LONGEST_HOURS)] = LONGEST_HOURS


@router.post("/{job}/break-glass", status_code=201)
def break_glass(
    job: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")],
    body: ReasonBody,
    node: Here,
    two: TwoCalling,
) -> dict[str, Any]:
    """Let one job go on although too few witnesses answer; nobody's no is overruled.

    Wants an operator's token in `Accord-Operator-Token` and a compliance officer's in
    `Accord-Compliance-Token`.
    """
    parts = node.services
    row = parts.jobs.get(job)
    if row.state in ENDED:
        raise IllegalState(f"job {job} is {row.state}")
    operator, compliance = two
    reason = nameless(body.reason)
    approval = parts.emergencies.approve(job, reason, operator, compliance, body.hours)
    node.driver.wake()
    return {
        "job": job,
        "approval": approval.approval_id,
        "index": approval.entry,
        "expires_ms": approval.expires_ms,
        "approved_by": [operator.words, compliance.words],
    }
