"""The middle of a run: the gate, the charge, the witnesses, then the protocol itself.

Order matters. The use record is in the ledger, under a published checkpoint, and the budget is
charged, before any row is read or anything that depends on rows leaves this node. Where two people
have broken the glass (`emergencies.py`), the coordinator's cosignature stands for the quorum.
"""

from typing import Any

from pyroaring import FrozenBitMap

from coordinator.wire import JobEvent
from party_node import job_checks, matching_input, progress
from party_node.decisions import Price
from party_node.emergencies import Approval
from party_node.errors import ConsentNarrowed, JobExpired, QuorumMissed
from party_node.execution import WAIT_SECONDS, Execution
from party_node.gate import Permission
from party_node.memory import give_back
from party_node.prepared import in_runs
from party_node.runs import Run
from protocols.codec import encode
from protocols.dp.noise import GAUSSIAN
from protocols.errors import BudgetExceeded
from protocols.job import OPERATIONS, job_hash
from protocols.psi.params import MatchingParams
from protocols.release import MEMBERS, NOISY_SIZE
from protocols.session import Items, Role

PERMISSION_HOURS = 24
UNDER = "under"
"""Fact of a run that went on without a quorum: the checkpoint that the coordinator has cosigned."""

_HOUR_MS = 3_600_000
ASK_AGAIN_MS = 15 * 60 * 1000
"""A run that lasts longer than this asks the gate again."""


def permission_for(execution: Execution, approval: Approval | None = None) -> Permission:
    """Return the permission of this job: the same one again after a restart, narrowed if consent
    was. Under an emergency approval it ends with that.
    """
    job, parts = execution.job, execution.services
    ttl_ms, glass = PERMISSION_HOURS * _HOUR_MS, ""
    if approval is not None:
        ttl_ms, glass = approval.expires_ms - parts.ledger.now(), approval.approval_id
    return parts.gate.permit(
        job.job, job_hash(job), execution.dataset, job.purpose, execution.peer.party,
        OPERATIONS[job.kind], job.requester, ttl_ms, break_glass=glass,
        price=Price(job.rho_nano, GAUSSIAN),
    )  # fmt: skip


def recheck(execution: Execution, run: Run) -> Permission:
    """Ask the gate again in the middle of a run.

    A run that went on under an emergency approval which has run out waits for the quorum.
    Raises: CoordinatorUnreachable, QuorumMissed (try again); as `Gate.recheck`.
    """
    parts = execution.services
    approval = parts.emergencies.standing(run.job) if UNDER in run.facts else None
    if UNDER in run.facts and approval is None:
        parts.witnessing.publish(parts.ledger.head()[0])
    glass = "" if approval is None else approval.approval_id
    return parts.gate.recheck(permission_for(execution, approval), break_glass=glass)


def permit(execution: Execution, run: Run) -> Run:
    """Decide, record, charge, have it witnessed; then read the permitted identifiers and begin.

    Raises: BudgetExceeded, ConsentError, DatasetChanged, JobRefused; CoordinatorUnreachable,
    QuorumMissed (try again).
    """
    parts, job = execution.services, execution.job
    give_back()  # whatever imports left behind: runs are promised a bound on memory
    permission = permission_for(execution)
    job_checks.check_sizes(job, len(permission.allowed))
    people = parts.repeats.admit(job, execution.peer.party, permission.allowed, parts.clock_ms())
    try:
        _charge(execution)
    except BudgetExceeded:
        parts.repeats.forget_run(job.job)
        raise
    permission, under = _witnessed(execution, permission)
    parts.jobs.report(job.job, JobEvent.START)
    params = job_checks.params_of(job)
    items, brought = in_runs.lay(execution, permission, people, params, _prepare)
    give_back()
    grant = permission.grant
    facts = {
        "asked": grant.asked,
        "permitted": len(grant.allowed),
        "withheld": dict(grant.denied),
        **brought,
        "waiting": len(permission.allowed - people),
        "head": encode(grant.head).hex(),
        "use_entry": grant.use_entry,
        "asked_again_ms": parts.clock_ms(),
        **under,
    }
    facts = progress.paced(facts, parts.clock_ms())
    return in_runs.steps_of(execution).begin(run, params, items, facts=facts)


def _witnessed(execution: Execution, permission: Permission) -> tuple[Permission, dict[str, str]]:
    """Return the permission once its use record is under a published checkpoint.

    Rule 20: without a quorum the run waits; under an emergency approval it goes on with a use
    record that names it, and the checkpoint that the coordinator has cosigned is among the facts.
    Raises: CoordinatorUnreachable, QuorumMissed (try again); LedgerInconsistent.
    """
    parts, job = execution.services, execution.job
    try:
        parts.witnessing.publish(permission.head.size)
    except QuorumMissed:
        approval = parts.emergencies.standing(job.job)
        if approval is None:
            raise
        permission = permission_for(execution, approval)
        job_checks.check_sizes(job, len(permission.allowed))
        return permission, {UNDER: parts.witnessing.vouched(permission.head.size)}
    return permission, {}


def _charge(execution: Execution) -> None:
    """Charge what the other party will learn, before it can: durably, and once for each job."""
    job = execution.job
    reveals = job.kind == "audience" and execution.role is Role.RESPONDER
    account = execution.account
    execution.services.budgets.charge(
        job.job,
        job.collaboration,
        account.counterparty,
        MEMBERS if reveals else NOISY_SIZE,
        job.rho_nano,
        execution.services.collaborations.limit_nano(execution.agreed),
        execution.services.clock_ms(),
        dataset=account.dataset,
        monthly=account.monthly,
    )


def _prepare(
    execution: Execution, permission: Permission, people: FrozenBitMap, params: MatchingParams
) -> tuple[Items, dict[str, Any]]:
    """Read these permitted people's identifiers and lay them out in a secret random order.

    Raises: JobRefused if they are more than the job allows.
    """
    parts = execution.services
    held = parts.datasets.items(permission, execution.job.identifiers, people)
    laid = matching_input.lay_out(held, params, execution.role, execution.ctx, parts.rng)
    job_checks.check_items(execution.job, len(laid.digests))
    return matching_input.keep(laid, execution.chunks, params.chunk_items), laid.report


def protocol(execution: Execution, run: Run) -> Run | None:
    """Take the protocol one step further.

    Raises: ProtocolError, as the protocol does.
    """
    run = _still_permitted(execution, run)
    facts = progress.paced(run.facts, execution.services.clock_ms())
    return in_runs.steps_of(execution).step(run, WAIT_SECONDS, facts=facts)


def _still_permitted(execution: Execution, run: Run) -> Run:
    """Ask again from time to time, so that a run which was interrupted does not use old consent.

    Raises: JobExpired; ConsentNarrowed if fewer people permit it than when it began.
    """
    now = execution.services.clock_ms()
    if now >= execution.job.expires_ms:
        raise JobExpired
    if now < run.facts["asked_again_ms"] + ASK_AGAIN_MS:
        return run
    permission = recheck(execution, run)
    if len(permission.allowed) < run.facts["permitted"]:
        raise ConsentNarrowed
    return execution.go(run, facts={**run.facts, "asked_again_ms": now})
