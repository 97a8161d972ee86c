"""A job for people: what is asked, where it stands, who learns what, what both sides said."""

import dataclasses
import json
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from sqlmodel import col, select

from coordinator.wire import JobState
from party_node import (
    count_noise,
    disclosures,
    endings,
    preflight,
    progress,
    question_text,
    question_words,
)
from party_node.charges import price_at
from party_node.errors import NodeError
from party_node.federated.standing import training_view
from party_node.job_tables import JobRow, PreflightRow, RunRow
from party_node.jobs import ENDED, acceptances_of
from party_node.runs import DONE
from party_node.services import Services
from party_node.stepping import PROTOCOL
from protocols import registry
from protocols.codec import decode
from protocols.dp.budget import Rho, epsilon
from protocols.errors import ProtocolError
from protocols.job import JobDescription, Preflight
from protocols.job_params import per_person
from protocols.signed import Signed, peek


def job_view(parts: Services, job: str) -> dict[str, Any]:
    """Return one job with all that is known of it. Raises: NotFound."""
    row, description = parts.jobs.get(job), parts.jobs.description(job)
    phase = _phases(parts, [job]).get(job, "")
    said = _preflights(parts, job)
    ahead = _NOTHING_AHEAD
    if phase not in ("", DONE) and registry.runs(description.protocol):
        ahead = _ahead(parts, description, said)
    return (
        _summary(parts, row, phase)
        | described(parts, description)
        | {
            "preflights": said,
            "accepted_by": _accepted_by(parts, row),
            "why": why(parts, row.job, row.cause),
        }
        | dict(ahead)
    )


def job_list(parts: Services) -> list[dict[str, Any]]:
    """Return all jobs in short, newest first."""
    rows = parts.jobs.all()
    phases = _phases(parts, [row.job for row in rows])
    return [_summary(parts, row, phases.get(row.job, "")) for row in rows]


def described(parts: Services, job: JobDescription) -> dict[str, Any]:
    """Return what a job asks for, what it costs whom, who learns what, and what is foretold: all
    that stands in the job itself, so every side sees the same.

    Of a job by a protocol that only earlier versions ran, what that protocol says is left out: how
    many identifiers a person brings, the noise of the size, who learns what, the question.
    """
    runs = registry.runs(job.protocol)
    return {
        "job": job.job,
        "kind": job.kind,
        "purpose": job.purpose,
        "collaboration": job.collaboration,
        "version": job.version,
        "protocol": job.protocol,
        "outdated": not runs,
        "receiver": job.receiver,
        "senders": [source.party for source in job.senders],
        "datasets": {party: job.dataset_of(party) for party in job.parties()},
        "identifiers": list(job.identifiers),
        "per_person": per_person(job) if runs else None,
        "minimum_size": job.minimum_size,
        "rho": Rho(job.rho_nano).decimal(),
        "cost": _cost(parts, job),
        "half_width": count_noise.half_width(job) if runs else None,
        "expires_ms": job.expires_ms,
        "who_learns": [dataclasses.asdict(one) for one in disclosures.who_learns(job)]
        if runs
        else [],
        "question": [dataclasses.asdict(one) for one in question_words.question(job)]
        if runs
        else [],
        "forecast": question_text.forecast_of(job) if runs else None,
    }


def _cost(parts: Services, job: JobDescription) -> dict[str, Any]:
    """Return the price with the epsilon that it means alone, and whose budget it is paid from.

    The delta is that of the agreement, expired or not; null where this node does not have it.
    """
    payers = [party for party in job.parties() if price_at(job, party)]
    agreed = [d for d, row in parts.collaborations.all() if row.digest == job.collaboration_hash]
    delta = agreed[0].delta_exponent if agreed else None
    return {
        "rho": Rho(job.rho_nano).decimal(),
        "epsilon_alone": None if delta is None else epsilon(job.rho_nano, delta),
        "delta": None if delta is None else f"1e-{delta}",
        "paid_by": payers,
    }


def _summary(parts: Services, row: JobRow, phase: str) -> dict[str, Any]:
    purpose = peek(JobDescription, decode(Signed, row.signed)).purpose
    mine = row.requester == parts.home.settings.party
    over = row.state in ENDED and phase in ("", DONE)
    return {
        "job": row.job,
        "kind": row.kind,
        "purpose": purpose,
        "collaboration": row.collaboration,
        "requester": row.requester,
        "counterparties": row.counterparties.split(),
        "state": row.state,
        "cause": row.cause,
        "phase": phase,
        "stage": f"{row.state}/{phase}",
        "ended": over,
        "waits_for_us": row.state == JobState.PROPOSED and not mine and not _is_ours_said(row),
        "accepted_so_far": sorted(acceptances_of(row)),
        "decision": row.decision,
        "created_ms": row.created_ms,
        "updated_ms": row.updated_ms,
    }


def _is_ours_said(row: JobRow) -> bool:
    """Tell whether this party has accepted, and what is awaited is others' yes."""
    return len(row.counterparties.split()) > 1 and bool(row.decision)


def _phases(parts: Services, jobs: list[str]) -> dict[str, str]:
    query = select(RunRow.job, RunRow.phase)
    if len(jobs) == 1:
        query = query.where(col(RunRow.job) == jobs[0])
    with parts.db.reading() as session:
        return dict(session.exec(query).all())


def _preflights(parts: Services, job: str) -> dict[str, Any]:
    with parts.db.reading() as session:
        query = select(PreflightRow).where(col(PreflightRow.job) == job)
        said = [decode(Preflight, row.record) for row in session.exec(query)]
    return {one.party: dataclasses.asdict(disclosures.view(one)) for one in said}


def why(parts: Services, job: str, cause: str) -> dict[str, Any] | None:
    """Say why a job ended early; None where it has no cause."""
    if not cause:
        return None  # as of most views, of jobs that run or have completed
    with parts.db.reading() as session:
        run = session.get(RunRow, job)
        facts = {} if run is None else json.loads(run.facts)
    paid = parts.budgets.paid(job)
    said = paid.decimal() if paid.nano else ""
    return endings.why(cause, facts.get(endings.FOUND, ""), said)


_NOTHING_AHEAD: Mapping[str, Any] = MappingProxyType(
    {"estimate": None, "progress": None, "training": None}
)


def _ahead(parts: Services, job: JobDescription, said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a job that is under way takes at this side, and how far it is.

    This side's own number is exact; the other side's is guessed from its pre-flight.
    """
    me = parts.home.settings.party
    run, backend = parts.runs.load(job.job), parts.home.settings.x25519_backend
    own = run.facts.get("matchable", run.facts.get(preflight.PEOPLE))
    if own is None:
        return _NOTHING_AHEAD
    steps = [said[other]["permitted_step"] for other in job.others(me) if other in said]
    peer = preflight.likely(max(steps)) if steps else own
    takes = preflight.expected(job, me, own, peer, backend, run.facts.get("items"))
    found = None
    if run.phase == PROTOCOL and job.is_of_two():
        rows = preflight.items_of(job, job.role_of(me).other, peer)
        found = progress.standing(registry.find(job.protocol), run, rows, parts.clock_ms())
    return {
        "estimate": dataclasses.asdict(takes),
        "progress": None if found is None else dataclasses.asdict(found),
        "training": training_view(parts, run),
    }


def _accepted_by(parts: Services, row: JobRow) -> str:
    """Who said yes, where all have and that is proved; empty where the proof does not hold."""
    if acceptances_of(row):
        with suppress(NodeError, ProtocolError):
            return ", ".join(yes.by for yes in parts.jobs.check_acceptances(row.job))
    return ""
