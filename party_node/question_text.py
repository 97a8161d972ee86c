"""The question of a job as people write it, by the kind of job; and what is foretold of it."""

from functools import partial
from typing import Any

from party_node.federated import question_file as federated
from party_node.federated.forecast import ahead as of_training
from party_node.insight import question_file as insight
from party_node.job_kinds import FEDERATED, LOOKALIKE
from party_node.jobs import Jobs
from party_node.joint import earlier
from party_node.joint import question_file as joint
from party_node.lookalike import card_words
from party_node.lookalike import question_file as lookalike
from protocols.federated.asked import Federated
from protocols.job import JobDescription
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.preflight import forecast
from protocols.question import Asked, read


def parse(kind: str, text: str, jobs: Jobs) -> Asked:
    """Return the question of a job of this kind, which may name an earlier one of this node.

    Raises: InvalidQuery, JobRefused.
    """
    match kind:
        case "lookalike":
            return lookalike.parse(text)
        case "joint":
            return joint.parse(text, partial(earlier.question_by, jobs))
        case "federated":
            return federated.parse(text)
        case _:
            return insight.parse(text)


def forecast_of(job: JobDescription) -> dict[str, Any] | None:
    """Return how good the model of a job can get; None for what makes no model."""
    match read(job.question) if job.kind in (LOOKALIKE, FEDERATED) else None:
        case Lookalike() as asked:
            return card_words.ahead(forecast(asked.seeds, asked.rho_nano))
        case Federated() as asked:
            return of_training(job, asked)
        case _:
            return None
