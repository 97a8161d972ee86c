"""The console's page of one model: how good, whom it scores, what it goes by, its card and receipt.

It says what `accord model show` says, from the same pieces. People are counts: nobody is named, and
row keys are handed out by the command line alone.
"""

from collections.abc import Mapping
from typing import Any

from party_node import job_words
from party_node.api import jobs
from party_node.console import curve
from party_node.console.models import Page, in_short, listed
from party_node.errors import NodeError, NotFound
from party_node.job_kinds import FEDERATED, INSIGHT, JOINT, LOOKALIKE
from party_node.job_views import job_view
from party_node.problems import Refusal, problem_of
from party_node.running import RunningNode
from party_node.scoring import standing
from party_node.services import Services
from party_node.tracking import words as tracking_words


def shown(node: RunningNode, job: str, **more: Any) -> Page:
    """Return the page of one model. Raises: NotFound."""
    parts, party = node.services, node.party
    one = standing.of(parts, job)
    made, tracked = job_view(parts, job), one["tracked"] or []
    now = [point["now"] for point in tracked[0]["curve"]] if tracked else []
    is_lookalike = one["kind"] == LOOKALIKE
    content = in_short(parts, one) | {
        "name": parts.home.settings.name,
        "made": made,
        "partners": " and ".join(one["with"]),
        "seeds_of": made["senders"][0],
        "dataset": made["datasets"][party],
        "drawing": curve.draw(one["card"]["curve"], now) if is_lookalike else None,
        "now": now,
        "weighed": _weighed(one),
        "noise": job_words.noise(one["card"]) if one["kind"] == FEDERATED else "",
        "receipt": _receipt(node, job),
        "may_make": one["kept_here"] and one["kind"] != JOINT and not one["scoring"]["refused"],
        "may_track": _may_track(parts, one),
        "anew": tracking_words.train_anew(parts.jobs.description(job)),
        "size": "",
        "outcomes": _example(one, made["datasets"][party]),
        "audience_ahead": None,
        "outcomes_ahead": None,
        "compared": None,
        "problem": None,
        "at": "",
    }
    return content | more, 200


def refused(node: RunningNode, job: str, error: Refusal, at: str, **more: Any) -> Page:
    """Return the page of a model with what went wrong in that section of it; the page of all models
    where there is no such.
    """
    problem = problem_of(error)
    try:
        content, _ = shown(node, job, problem=problem, at=at, **more)
    except NotFound:
        return listed(node, error)
    return content, problem.status


def _weighed(one: standing.Standing) -> list[dict[str, Any]]:
    """Return what each feature weighs: a part of the whole, or what each of its values adds."""
    card = one["card"]
    if one["kind"] == LOOKALIKE:
        return [
            _feature(w["column"], w["importance"], ", ".join(w["highest"]), ", ".join(w["lowest"]))
            for w in card["weights"]
        ]
    if one["kind"] == JOINT:
        return [
            _feature(column, part, whose=side)
            for side in ("own", "theirs")
            for column, part in (card["weights"][side] or {}).items()
        ]
    return [
        _feature(feature["column"], None, job_words.weighed(feature["weights"][:-1]))
        for feature in card["features"]
    ]


def _feature(
    column: str, part: float | None, more: str = "", less: str = "", whose: str = ""
) -> dict[str, Any]:
    return {"column": column, "part": part, "more": more, "less": less, "whose": whose}


def _receipt(node: RunningNode, job: str) -> dict[str, Any] | None:
    try:
        return jobs.receipt(job, node)
    except NotFound:
        return None


def _may_track(parts: Services, one: standing.Standing) -> bool:
    """Tell whether this party may compare a model with outcomes: scores of its own people it may,
    a lookalike of its seeds where the agreement lets it ask.
    """
    if one["kind"] != LOOKALIKE:
        return not one["scoring"]["refused"]
    if one["kept_here"]:
        return False
    try:
        agreed = parts.jobs.agreement(parts.jobs.description(one["job"]))
    except NodeError:
        return False
    wanted = (INSIGHT, one["purpose"], parts.home.settings.party)
    return wanted in {(clause.kind, clause.purpose, clause.receiver) for clause in agreed.permitted}


def _example(one: Mapping[str, Any], dataset: str) -> str:
    """Return how outcomes are written, to be changed."""
    price = '\nprice: {rho: "0.02"}' if one["kind"] == LOOKALIKE else ""
    return (
        f"dataset: {dataset}\n"
        'columns: {COLUMN: {categories: ["yes", "no"]}}\n'
        f'where: {{eq: {{COLUMN: "yes"}}}}{price}'
    )
