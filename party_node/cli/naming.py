"""Naming a job by how its number begins."""

from collections.abc import Iterable

import typer

from party_node.local_client import LocalClient


def whole(client: LocalClient, job: str) -> str:
    """Return the one job that begins like this."""
    return job if len(job) == 32 else whole_of(job, (j["job"] for j in client.list("/v1/jobs")))


def whole_of(job: str, known: Iterable[str]) -> str:
    """Return the one of these jobs that begins like this."""
    fitting = [one for one in known if one.startswith(job)]
    if len(fitting) != 1:
        found = "no job begins" if not fitting else f"{len(fitting)} jobs begin"
        raise typer.BadParameter(f"{found} with {job}")
    return fitting[0]
