"""/v1/ledger/fsck: everything about the ledger that can be checked, and what does not fit."""

import dataclasses
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Path, Query, Response

from coordinator.wire import MAX_WAIT_SECONDS
from party_node import problems
from party_node.api.strict import Strict
from party_node.api.waiting import look_until
from party_node.ledger.checking import CheckProgress
from party_node.ledger.findings import Findings
from party_node.running import Here
from party_node.surface_errors import Internal

router = APIRouter(prefix="/v1/ledger/fsck", tags=["ledger"])
log = structlog.stdlib.get_logger("party_node")

CheckId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class CheckBody(Strict):
    """How the check is to be made."""

    wait: bool = True
    """False: answer at once; the check runs on and is followed by its id."""


@router.post("")
def check(node: Here, response: Response, body: CheckBody | None = None) -> dict[str, Any]:
    """Check all that is committed; appends and decisions go on. The answer says what does not fit.

    It changes nothing.
    """
    checking = node.services.checking
    if (body or CheckBody()).wait:
        return found_view(checking.run())
    response.status_code = 202
    return _standing(checking.start())


@router.get("/{check_id}")
async def show_check(
    check_id: CheckId,
    node: Here,
    wait: Annotated[int, Query(ge=0, le=MAX_WAIT_SECONDS)] = 0,
    known: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Return how far a check is; with `wait`, when it is past `known` entries or has ended.

    Answers after `wait` seconds at the latest.
    """
    found = await look_until(
        node,
        wait,
        lambda: node.services.checking.progress(check_id),
        lambda found: found.ended or found.entries != known,
    )
    return _standing(found)


def found_view(found: Findings) -> dict[str, Any]:
    """Return what a check found."""
    return {
        "sound": not found,
        "entries": found.entries,
        "findings": [dataclasses.asdict(finding) for finding in found.listed],
        "total": found.total,
    }


def _standing(found: CheckProgress) -> dict[str, Any]:
    return {
        "fsck": found.check_id,
        "state": "failed" if found.error else "completed" if found.ended else "running",
        "entries": found.entries,
        "size": found.size,
        "report": None if found.findings is None else found_view(found.findings),
        "problem": None if found.error is None else _problem(found.error, found.check_id),
    }


def _problem(error: Exception, check_id: str) -> dict[str, Any]:
    if isinstance(error, problems.Refusal):
        return problems.problem_of(error).model_dump()
    log.error("fsck-error", id=check_id, exc_info=error)
    return problems.problem_of(Internal(), id=check_id).model_dump()
