"""Following a job to its end, a line for each phase."""

from typing import Any

from coordinator.wire import MAX_WAIT_SECONDS
from party_node import job_words
from party_node.cli.output import note
from party_node.local_client import LocalClient
from party_node.surface_errors import NodeNotRunning

PROGRESS_SECONDS = 5
"""How often a job that is being matched is looked at."""


def follow(client: LocalClient, job: str, seconds: int) -> dict[str, Any]:
    """Return the job when it has ended, or after `seconds` of waiting; say each phase on stderr.

    Whoever breaks off, or loses the node, reads how to follow it again: the job is the nodes'.
    """
    try:
        return _follow(client, job, seconds)
    except (KeyboardInterrupt, NodeNotRunning):
        note(f"the job does not end by that: `accord job wait {job[:12]}` follows it again")
        raise


def _follow(client: LocalClient, job: str, seconds: int) -> dict[str, Any]:
    found, known, waited = client.get(f"/v1/jobs/{job}"), "", 0
    told: tuple[str, int] | None = None
    while True:
        known = found["stage"]
        if _far(found) != told:
            told = _far(found)
            note(job_words.stage(found))
        if found["ended"] or 0 < seconds <= waited:
            return found
        under_way = found["progress"] is not None or found.get("training") is not None
        most = PROGRESS_SECONDS if under_way else MAX_WAIT_SECONDS
        turn = min(most, seconds - waited) if seconds else most
        found = client.get(f"/v1/jobs/{job}", wait=turn, until="changed", known=known)
        waited += turn if found["stage"] == known else 1  # a change cuts a turn short


def _far(found: dict[str, Any]) -> tuple[str, int]:
    """Return what a new line is worth: another place, or another hundredth of the rows."""
    far = found["progress"]
    percent = -1 if far is None else 100 * far["rows_done"] // max(1, far["rows"])
    return job_words.place(found), percent
