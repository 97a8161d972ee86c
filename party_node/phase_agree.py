"""The first phases of a run: pre-flight from all parties, then the data owners' decisions."""

import dataclasses

from sqlmodel import Session

from coordinator.wire import JobState
from party_node import answerable, in_turn, phase_recall, preflight
from party_node.errors import JobRefused
from party_node.execution import Execution
from party_node.job_kinds import FEDERATED
from party_node.job_tables import JobRow, PreflightRow
from party_node.jobs import acceptances_of
from party_node.runs import Run
from protocols.codec import decode, encode
from protocols.errors import ContextMismatch
from protocols.job import Preflight, job_hash


def start(execution: Execution, run: Run) -> Run:
    """Work out this side's pre-flight and send it.

    Raises: JobRefused with the reason if this side could not run the job.
    """
    parts = execution.services
    prospect = preflight.make(
        execution.job,
        execution.me,
        execution.accounts,
        parts.collaborations.limit_nano(execution.agreed),
        parts.gate,
        parts.budgets,
        parts.home.settings.x25519_backend,
    )
    said = prospect.said
    if not said.refusal:
        lacks = answerable.lacks(parts, execution.job, execution.me)
        said = dataclasses.replace(said, refusal=lacks)
    mine = phase_recall.with_earlier(said, execution.job, parts)
    facts = {**run.facts, preflight.PEOPLE: prospect.people}
    with parts.db.writing() as session:
        _remember(session, run.job, mine)
        stored = execution.store(session, run, [mine], phase="greet", facts=facts)
    if mine.refusal:
        raise JobRefused(f"this party would refuse the job: {mine.refusal}", cause=mine.refusal)
    return stored


def greet(execution: Execution, run: Run) -> Run | None:
    """Hear the others' pre-flights, one after the other."""
    due = in_turn.due(execution, run)
    body = execution.hear(run, due.peer)
    if body is None:
        return None
    theirs = decode(Preflight, body)
    if (theirs.job_hash, theirs.party) != (job_hash(execution.job), due.peer):
        raise ContextMismatch("the pre-flight is for another job")
    with execution.services.db.writing() as session:
        _remember(session, run.job, theirs)
        stored = execution.store(session, due.heard, **due.then("agree"))
    execution.mail.acknowledge(stored, due.peer)
    return stored


def agree(execution: Execution, run: Run) -> Run | None:
    """Wait until every data owner has accepted; at an owner, let a standing rule decide."""
    jobs = execution.services.jobs
    row = jobs.get(run.job)
    execution.mail.flush(run.job)
    if row.state == JobState.PROPOSED:
        if row.requester == execution.me:
            return None
        by = _decided_by(execution, row)
        if not by or jobs.approve(run.job, by).state == JobState.PROPOSED:
            return None
    jobs.check_acceptances(run.job)
    if execution.job.kind == FEDERATED:
        return execution.go(run, phase="enter")
    return execution.go(run, phase="recall" if phase_recall.agreed(execution) else "permit")


def _decided_by(execution: Execution, row: JobRow) -> str:
    """Return who says yes here: a standing rule, or whoever has, while others have still to say so
    and the coordinator may not have heard it. Empty if nobody does.
    """
    if not execution.job.is_of_two() and execution.me in acceptances_of(row):
        return row.decision
    parts = execution.services
    rule = parts.rules.approving(execution.job, parts.jobs.clause(execution.job))
    return "" if rule is None else f"rule:{rule.name}"


def _remember(session: Session, job: str, said: Preflight) -> None:
    session.merge(PreflightRow(job=job, party=said.party, record=encode(said)))
