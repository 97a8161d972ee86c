"""A count that is answered from an earlier release: nothing is read, counted or charged again.

Each side says in its pre-flight from which earlier run it could answer (`Preflight.earlier`): one
of the same question, at no lower a price, not older than 30 days, to which it brought nearly the
same people. Where both name the same run, both show its result again, with its date. Who is asked
says so only of a job that a standing rule accepts, or that is accepted already: else proposing jobs
that nobody accepts would tell, free of charge, whether few people have changed.

An `insight` job is paid by the side that is asked. Two people of that side may let its question be
asked anew (`second_approvals.py`): then it does not name that run, and the answer is made anew.
"""

import contextlib
import dataclasses
from collections.abc import Sequence

from sqlmodel import Session

from coordinator.wire import JobEvent, JobState
from party_node import results
from party_node.charges import charged_for
from party_node.errors import CoordinatorRefused, NotFound
from party_node.execution import Execution
from party_node.job_kinds import INSIGHT
from party_node.job_tables import PreflightRow
from party_node.jobs import Jobs
from party_node.runs import DONE, Run
from party_node.services import Services
from protocols import question
from protocols.codec import decode
from protocols.errors import BudgetExceeded
from protocols.job import JobDescription, Preflight, operations_of

RECALLED = frozenset({"overlap", "insight"})
"""Kinds of job whose answers are given again."""


def with_earlier(said: Preflight, job: JobDescription, parts: Services) -> Preflight:
    """Return a side's pre-flight with the run from which it could answer.

    That may cost nothing, so want of budget is no refusal then.
    """
    earlier = _earlier(job, said.party, parts)
    short = earlier and said.refusal == BudgetExceeded.code
    return dataclasses.replace(said, earlier=earlier, refusal="" if short else said.refusal)


def _earlier(job: JobDescription, party: str, parts: Services) -> str:
    """Return the newest run whose release this side could answer with; empty if there is none, or
    if it is not to be told yet. Three or more parties always count again.
    """
    if (
        not job.is_of_two()
        or job.kind not in RECALLED
        or (party != job.requester and not _is_accepted(job, parts))
    ):
        return ""
    peer = job.other(party)
    dataset = job.dataset_of(party)
    _, permitted = parts.gate.permitted_now(dataset, job.purpose, peer, operations_of(job))
    near = parts.repeats.nearest(peer, permitted, parts.clock_ms())
    since = parts.datasets.info(dataset).registered_ms if job.question else 0
    newest = next((found for found in near if _answers(parts.jobs, found, job, since)), "")
    return newest if newest and parts.answers.job_answers(newest) else ""


def _is_accepted(job: JobDescription, parts: Services) -> bool:
    """Tell whether this party has accepted the job, or a standing rule of it will."""
    if parts.jobs.get(job.job).state != JobState.PROPOSED:
        return True
    return parts.rules.approving(job, parts.jobs.clause(job)) is not None


def _answers(jobs: Jobs, found: str, job: JobDescription, since_ms: int) -> bool:
    """Tell whether an earlier job asked the same, at no lower a price, of rows that were there
    already: who is asked about may be the same, and what stands in their rows another.
    """
    try:
        asked = jobs.description(found)
    except NotFound:
        return False
    if asked.created_ms < since_ms:
        return False
    return asked.rho_nano >= job.rho_nano and question.of_job(asked) == question.of_job(job)


def agreed(execution: Execution) -> str:
    """Return the run that both sides would answer from; empty if they name none, or not one."""
    with execution.services.db.reading() as session:
        rows = [
            session.get(PreflightRow, (execution.job.job, party))
            for party in execution.job.parties()
        ]
    named = _named([decode(Preflight, row.record) for row in rows if row is not None])
    return named if execution.job.kind in RECALLED else ""


def _named(said: Sequence[Preflight]) -> str:
    names = {one.earlier for one in said}
    return names.pop() if len(said) == 2 and len(names) == 1 else ""


def keep_answer(session: Session, execution: Execution, now_ms: int) -> None:
    """Keep that this side paid for the answer to a question, so that two people may let it be asked
    anew; a count, which both sides pay for, has no such answer.
    """
    parts, job = execution.services, execution.job
    if job.kind != INSIGHT:
        return
    for account in execution.accounts:
        if charged_for(job, account.counterparty):
            asked = question.of_job(job)
            parts.answers.keep_job(session, account, asked, job.job, job.rho_nano, now_ms)


def recall(execution: Execution, run: Run) -> Run:
    """Keep the earlier result as this job's."""
    parts, job = execution.services, execution.job
    found = results.load(parts.db, agreed(execution))
    parts.jobs.report(job.job, JobEvent.START)
    with parts.db.writing() as session:
        results.keep(session, job.job, results.again(session, found, job), parts.clock_ms())
        return execution.store(session, run, phase="close")


def close(execution: Execution, run: Run) -> Run:
    """Say that this side is done, and close the mailbox."""
    parts = execution.services
    execution.mail.flush(run.job)
    with contextlib.suppress(CoordinatorRefused):
        parts.jobs.report(run.job, JobEvent.COMPLETE)
        parts.client.close_mailbox(run.job, "completed")
    with parts.db.writing() as session:
        parts.runs.end(session, run.job)
    return Run(run.job, DONE)
