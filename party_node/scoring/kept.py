"""What this node keeps to score people by: of every job that has brought something, what it is."""

from dataclasses import dataclass
from typing import Any

from party_node import results
from party_node.errors import NotFound
from party_node.job_kinds import FEDERATED, JOINT, LOOKALIKE
from party_node.services import Services


@dataclass(frozen=True, slots=True)
class Kept:
    """A model, or the scores of a joint job."""

    job: str
    kind: str
    card: dict[str, Any]
    """What is said of it, as the job's result has it."""


def listed(services: Services) -> list[Kept]:
    """Return everything, by kind."""
    found = []
    for kind, jobs, part in (
        (LOOKALIKE, services.models.listed(), "model"),
        (FEDERATED, services.trained.listed(), "model"),
        (JOINT, services.scores.listed(), "joint"),
    ):
        for job in jobs:
            try:
                found.append(Kept(job, kind, results.load(services.db, job)[part]))
            except NotFound:
                continue  # the model is kept a moment before the result is
    return found
