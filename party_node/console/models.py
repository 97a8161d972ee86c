"""The console's page of all models: what each is good for, what wants a look, and what made none.

It says what `accord model list` says, from the same pieces. People are counts: nobody is named.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from coordinator.wire import JobState
from party_node import results
from party_node.console import model_words as words
from party_node.console.model_quality import quality as quality_of
from party_node.console.view import look_for_news
from party_node.errors import NotFound
from party_node.hints import hint_of
from party_node.job_kinds import FEDERATED, JOINT, LOOKALIKE
from party_node.job_views import job_list, why
from party_node.job_words import joint, stage
from party_node.problems import Refusal, problem_of
from party_node.running import RunningNode
from party_node.scoring import standing
from party_node.services import Services

Page = tuple[dict[str, Any], int]
"""What stands on a page, and its status."""
MAKING = (LOOKALIKE, FEDERATED, JOINT)
"""Kinds of jobs that make a model, or scores."""


def listed(node: RunningNode, problem: Refusal | None = None) -> Page:
    """Return the page of all models: first those that want a look, then the newest."""
    parts = node.services
    look_for_news(node)
    found = [in_short(parts, one) for one in standing.listed(parts)]
    with_model = {one["job"] for one in found}
    others = [j for j in job_list(parts) if j["kind"] in MAKING and j["job"] not in with_model]
    said = None if problem is None else problem_of(problem)
    content = {
        "name": parts.home.settings.name,
        "models": sorted(found, key=lambda one: not one["warns"]),
        "running": [job for job in others if not job["ended"]],
        "elsewhere": [e for e in (_elsewhere(parts, job) for job in others) if e],
        "without": [w for w in (_without(parts, job) for job in others if job["ended"]) if w],
        "offers": list(_offers(parts)),
        "problem": said,
    }
    return content, 200 if said is None else said.status


def in_short(parts: Services, one: standing.Standing) -> dict[str, Any]:
    """Return how a model stands with what is said of it first."""
    quality, people, state = quality_of(one), words.people(one), words.state(one)
    return one | {
        "title": words.finds(parts.jobs, parts.jobs.description(one["job"])),
        "kind_words": words.KINDS[one["kind"]],
        "quality": quality,
        "people": people,
        "state": state,
        "warns": quality.warns or people.warns or state.warns,
    }


def _without(parts: Services, job: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a job that has ended without a model, and why; None where it has one elsewhere."""
    if job["state"] != JobState.COMPLETED:
        said = why(parts, job["job"], job["cause"]) or {"found": "", "hint": ""}
        ended = ": ".join(part for part in (stage(dict(job)), said["found"]) if part)
        return {"job": job, "why": ended, "hint": said["hint"]}
    withheld = (_result(parts, job) or {}).get("withheld")
    if withheld is None:
        return None
    return {"job": job, "why": withheld["text"], "hint": hint_of(withheld["reason"])}


def _elsewhere(parts: Services, job: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a joint job whose scores the partner has, and what of this side went into them."""
    said = (_result(parts, job) or {}).get("joint")
    if said is None or job["state"] != JobState.COMPLETED:
        return None
    return {"job": job, "said": next(joint(said))}


def _result(parts: Services, job: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return results.load(parts.db, job["job"])
    except NotFound:
        return None


def _offers(parts: Services) -> Iterator[dict[str, str]]:
    """Yield what may be asked for under agreements in force, to get a first model."""
    newest = {d.collaboration: d for d, row in parts.collaborations.all() if row.in_force}
    for agreed in newest.values():
        purposes = {clause.kind: clause.purpose for clause in agreed.permitted}
        for kind in MAKING:
            if kind in purposes and parts.clock_ms() < agreed.expires_ms:
                asked = f"{kind} {agreed.collaboration} --purpose {purposes[kind]}"
                yield {"kind": words.KINDS[kind], "command": f"accord job {asked}"}
