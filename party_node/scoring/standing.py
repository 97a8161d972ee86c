"""How a model stands now: who made it, whom it may score, who has withdrawn since, what came of it.

Of every model that this node keeps, of joint scores, and of lookalikes of its own seeds, which the
partner keeps. Counts are of this party's own people, and for itself; who they are is not said.
Nobody is scored, and nothing is recorded: the gate is asked by every use, later.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pyroaring import BitMap

from consent.errors import ConsentError
from coordinator.wire import JobState
from party_node import audiences, results, uses
from party_node.errors import NodeError, NotFound
from party_node.hints import hint_for
from party_node.job_kinds import LOOKALIKE
from party_node.job_tables import ResultRow
from party_node.scoring import again, kept
from party_node.services import Services
from party_node.tables import UsePermissionRow
from party_node.tracking import by_scores, reached
from party_node.use_numbers import numbered
from protocols.errors import ProtocolError
from protocols.job import JobDescription

Standing = dict[str, Any]


def listed(parts: Services) -> list[Standing]:
    """Return every model that this party keeps or was told of, the newest first."""
    cards = {one.job: (one.card, True) for one in kept.listed(parts)}
    for row in parts.jobs.all():
        if row.kind == LOOKALIKE and row.state == JobState.COMPLETED and row.job not in cards:
            told = _told(parts, row.job)
            if told is not None:
                cards[row.job] = told, False
    found = [_standing(parts, job, card, here=here) for job, (card, here) in cards.items()]
    return sorted(found, key=lambda one: (-one["made_ms"], one["job"]))


def of(parts: Services, job: str) -> Standing:
    """Return how one model stands. Raises: NotFound if this party has none of that job."""
    for one in kept.listed(parts):
        if one.job == job:
            return _standing(parts, job, one.card, here=True)
    made = parts.jobs.description(job)
    told = _told(parts, job) if made.kind == LOOKALIKE else None
    if told is None:
        raise NotFound(f"job {job} made no model that this party keeps or was told of")
    return _standing(parts, job, told, here=False)


def _told(parts: Services, job: str) -> dict[str, Any] | None:
    """Return what a result says of a lookalike model that the other party keeps."""
    try:
        card: dict[str, Any] | None = results.load(parts.db, job)["model"]
    except NotFound:
        return None
    return card


def _standing(parts: Services, job: str, card: Mapping[str, Any], *, here: bool) -> Standing:
    made, me = parts.jobs.description(job), parts.home.keys.party
    is_lookalike = made.kind == LOOKALIKE
    audience = audiences.standing(parts, job)
    return {
        "job": job,
        "kind": made.kind,
        "collaboration": made.collaboration,
        "version": made.version,
        "purpose": made.purpose,
        "with": list(made.others(me)),
        "made_ms": _made_ms(parts, job),
        "kept_here": here,
        "minimum_size": made.minimum_size,
        "card": dict(card),
        "judged": None if is_lookalike else _judged(parts, made),
        "scoring": _scoring(parts, job) if here else None,
        "used": _used(parts, made),
        "audience": None if audience is None else dataclasses.asdict(audience),
        "tracked": reached.tracked(parts, job)["tracked"] if is_lookalike else None,
        "asked_about": reached.asked_about(parts, job) if is_lookalike else [],
    }


def _scoring(parts: Services, job: str) -> dict[str, Any]:
    """Return how many could be scored now and why not the others, or why nobody can."""
    try:
        found = again.foreseen(parts, job, parts.home.keys.party)
    except (NodeError, ProtocolError, ConsentError) as e:
        why = {"refused": e.code, "why": str(e), "hint": hint_for(e)}
        return {"asked": None, "permitted": 0, "withheld": {}, **why}
    why = {"refused": "", "why": "", "hint": ""}
    return {
        "asked": found.asked, "permitted": len(found.allowed), "withheld": found.denied, **why,
    }  # fmt: skip


def _judged(parts: Services, made: JobDescription) -> dict[str, float] | None:
    try:
        return by_scores.judged(parts, made)
    except NotFound:
        return None  # by the model of a job whose result is not here


def _used(parts: Services, job: JobDescription) -> dict[str, int | None] | None:
    """Return how many of its own people this party let the job use, and how many of them it would
    not let now: they have withdrawn since, or their consent has ended in another way.

    None where that is not known: the use records are not there, or the dataset is not. Who was
    erased is in neither number.
    """
    me, dataset = parts.home.keys.party, job.dataset_of(parts.home.keys.party)
    try:
        then = _permitted(parts, job, me, dataset)
    except NotFound:
        return None
    try:
        there, now = parts.datasets.asked(dataset), uses.permitted_now(parts.gate, job, me)[1]
    except (NodeError, ConsentError):
        return {"people": len(then), "no_longer": None}
    return {"people": len(then), "no_longer": len((then & there) - now)}


def _permitted(parts: Services, job: JobDescription, me: str, dataset: str) -> BitMap:
    """Return who was permitted towards all other parties. Raises: NotFound."""
    found = BitMap()
    with parts.ledger.database.reading() as session:
        for place, (_, number) in enumerate(numbered(job.job, job.others(me))):
            row = session.get(UsePermissionRow, (number, dataset))
            if row is None:
                raise NotFound(f"there is no use record of job {number}")
            people = parts.gate.decisions.load(session, row.use_entry).people
            found = found & people if place else people
    return found


def _made_ms(parts: Services, job: str) -> int:
    with parts.db.reading() as session:
        row = session.get(ResultRow, job)
        return 0 if row is None else row.created_ms
