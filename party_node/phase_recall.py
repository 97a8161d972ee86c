"""A count that is answered from an earlier release: nothing is read, counted or charged again.

Each side says in its pre-flight from which earlier run it could answer (`Preflight.earlier`): one
of the same question, at no lower a price, to which it brought nearly the same people. Where both
name the same run, both show its result again, with its date.
"""

import contextlib
import dataclasses
from collections.abc import Sequence

from coordinator.wire import JobEvent
from party_node import results
from party_node.errors import CoordinatorRefused, NotFound
from party_node.execution import Execution
from party_node.gate import Gate
from party_node.job_tables import PreflightRow
from party_node.jobs import Jobs
from party_node.repeats import Repeats
from party_node.runs import DONE, Run
from protocols.codec import decode
from protocols.errors import BudgetExceeded
from protocols.job import OPERATIONS, JobDescription, Preflight


def with_earlier(
    said: Preflight, job: JobDescription, jobs: Jobs, gate: Gate, repeats: Repeats
) -> Preflight:
    """Return a side's pre-flight with the run from which it could answer.

    That may cost nothing, so want of budget is no refusal then.
    """
    earlier = _earlier(job, said.party, jobs, gate, repeats)
    short = earlier and said.refusal == BudgetExceeded.code
    return dataclasses.replace(said, earlier=earlier, refusal="" if short else said.refusal)


def _earlier(job: JobDescription, party: str, jobs: Jobs, gate: Gate, repeats: Repeats) -> str:
    """Return the newest run whose release this side could answer with; empty if there is none."""
    if job.kind != "overlap":
        return ""
    dataset = job.receiver_dataset if party == job.receiver else job.sender_dataset
    peer = job.other(party)
    _, permitted = gate.permitted_now(dataset, job.purpose, peer, OPERATIONS[job.kind])
    near = repeats.nearest(job, peer, permitted)
    return next((found for found in near if _answers(jobs, found, job)), "")


def _answers(jobs: Jobs, found: str, job: JobDescription) -> bool:
    try:
        asked = jobs.description(found)
    except NotFound:
        return False
    return asked.minimum_size == job.minimum_size and asked.rho_nano >= job.rho_nano


def agreed(execution: Execution) -> str:
    """Return the run that both sides would answer from; empty if they name none, or not one."""
    with execution.services.db.reading() as session:
        rows = [
            session.get(PreflightRow, (execution.job.job, party))
            for party in execution.job.parties()
        ]
    named = _named([decode(Preflight, row.record) for row in rows if row is not None])
    return named if execution.job.kind == "overlap" else ""


def _named(said: Sequence[Preflight]) -> str:
    names = {one.earlier for one in said}
    return names.pop() if len(said) == 2 and len(names) == 1 else ""


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
