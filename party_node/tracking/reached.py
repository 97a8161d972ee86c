"""How a lookalike model does now: the answers to questions about its reach, beside its card.

Every answer is a job's result of this party's; the card is that of the job that made the model.
Nothing is asked, read or charged here.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from coordinator.wire import JobState
from party_node import earlier_models, results
from party_node.errors import IllegalState, NotFound
from party_node.job_kinds import INSIGHT, LOOKALIKE
from party_node.job_tables import JobRow
from party_node.scoring import kept
from party_node.services import Services
from party_node.tracking import words
from protocols.dp.budget import sigma_milli
from protocols.job import JobDescription
from protocols.lookalike.drift import AtTraining, Later, drift


def tracked(parts: Services, job: str) -> dict[str, Any]:
    """Return a model's card, and what later outcomes have said of it, the newest first.

    Raises: NotFound if the job has no model that this party was told of; IllegalState if it is of
    another kind.
    """
    made = parts.jobs.description(job)
    if made.kind != LOOKALIKE:
        if job not in (one.job for one in kept.listed(parts)):
            raise NotFound(f"job {job} has left no model at this node")
        raise IllegalState(
            "reach is of lookalike models; scores of one's own people are compared with a file "
            "of outcomes, and nothing of that is kept"
        )
    card = results.load(parts.db, job)["model"]
    before = AtTraining(
        tuple(point["recall"] for point in card["curve"]),
        card["held_out"],
        sigma_milli(made.rho_nano) / 1000,
    )
    return {
        "job": job,
        "kind": made.kind,
        "collaboration": made.collaboration,
        "purpose": made.purpose,
        "card": card,
        "tracked": [
            {"job": again, "created_ms": at_ms} | compared(made, card, before, found)
            for again, at_ms, found in _answers(parts, job)
        ],
    }


def asked_about(parts: Services, model: str) -> list[dict[str, Any]]:
    """Return the jobs that have asked how far a model reaches, whoever was told, newest first."""
    return [{"job": row.job, "created_ms": row.created_ms} for row in _questions(parts, model)]


def _questions(parts: Services, model: str) -> Iterator[JobRow]:
    for row in parts.jobs.all():
        if (row.kind, row.state) != (INSIGHT, JobState.COMPLETED):
            continue
        if earlier_models.named(parts.jobs.description(row.job)) == model:
            yield row


def _answers(parts: Services, model: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Return jobs that have asked how far a model reaches, when, and each one's result."""
    for row in _questions(parts, model):
        try:
            found = results.load(parts.db, row.job)
        except NotFound:
            continue  # completed, and not yet stored here
        if found["statistics"] is not None:
            yield row.job, row.created_ms, found


def compared(
    made: JobDescription, card: Mapping[str, Any], before: AtTraining, found: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an answer about reach beside the card: both curves, and the verdict."""
    told = found["statistics"]
    (noise,) = told["noise"]["parts"]
    now = Later(tuple(row["value"] for row in told["rows"]), noise["sigma"])
    said = drift(before, now).verdict
    return {
        "earlier": found["earlier"],
        "people": now.people if now.reliable else None,
        "curve": [_point(at, point, now) for at, point in enumerate(card["curve"])],
        "verdict": said.value,
        "text": words.OF_REACH[said],
        "command": words.train_anew(made) if said in words.ASK_ANEW else None,
    }


def _point(at: int, point: Mapping[str, Any], now: Later) -> dict[str, Any]:
    found = now.interval(at)
    return {
        "reach": point["reach"],
        "before": {key: point[key] for key in ("recall", "low", "high")},
        "now": None
        if found is None
        else {
            "recall": round(found.value, 3),
            "low": round(found.low, 3),
            "high": round(found.high, 3),
        },
    }
