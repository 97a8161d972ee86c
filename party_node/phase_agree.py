"""The first phases of a run: pre-flight from both sides, then the data owner's decision."""

from sqlmodel import Session

from coordinator.wire import JobState
from party_node import phase_recall, preflight
from party_node.errors import JobRefused
from party_node.execution import Execution
from party_node.job_tables import PreflightRow
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
        execution.account,
        parts.collaborations.limit_nano(execution.agreed),
        parts.gate,
        parts.budgets,
        parts.home.settings.x25519_backend,
    )
    mine = phase_recall.with_earlier(prospect.said, execution.job, parts)
    facts = {**run.facts, preflight.PEOPLE: prospect.people}
    with parts.db.writing() as session:
        _remember(session, run.job, mine)
        stored = execution.store(session, run, [mine], phase="greet", facts=facts)
    if mine.refusal:
        raise JobRefused(f"this party would refuse the job: {mine.refusal}", cause=mine.refusal)
    return stored


def greet(execution: Execution, run: Run) -> Run | None:
    """Hear the other side's pre-flight."""
    body = execution.hear(run)
    if body is None:
        return None
    theirs = decode(Preflight, body)
    if (theirs.job_hash, theirs.party) != (job_hash(execution.job), execution.peer.party):
        raise ContextMismatch("the pre-flight is for another job")
    with execution.services.db.writing() as session:
        _remember(session, run.job, theirs)
        stored = execution.store(session, run, phase="agree", received=run.received + 1)
    execution.mail.acknowledge(stored)
    return stored


def agree(execution: Execution, run: Run) -> Run | None:
    """Wait until the data owner has accepted; at the owner, let a standing rule decide."""
    jobs = execution.services.jobs
    row = jobs.get(run.job)
    execution.mail.flush(run.job)
    if row.state == JobState.PROPOSED:
        if row.requester == execution.me:
            return None
        rule = execution.services.rules.approving(execution.job, jobs.clause(execution.job))
        if rule is None:
            return None
        jobs.approve(run.job, f"rule:{rule.name}")
    jobs.acceptance(run.job)
    return execution.go(run, phase="recall" if phase_recall.agreed(execution) else "permit")


def _remember(session: Session, job: str, said: Preflight) -> None:
    session.merge(PreflightRow(job=job, party=said.party, record=encode(said)))
