"""The middle of a run: the gate, the charge, the witnesses, then the protocol itself.

Order matters. The use record is in the ledger, under a published checkpoint, and the budget is
charged, before any row is read or anything that depends on rows leaves this node. That a column
leaks or seeds are too few is an exact answer about rows too, which the other side hears as the
cause: checked before the charge, it could be asked for again for nothing. Where two people have
broken the glass (`emergencies.py`), the coordinator's cosignature stands for the quorum.
"""

from typing import Any

from pyroaring import FrozenBitMap

from coordinator.wire import JobEvent
from party_node import job_checks, matching_input, progress, uses
from party_node.charges import charged_for
from party_node.decisions import Price
from party_node.emergencies import Approval
from party_node.errors import ConsentNarrowed, JobExpired, QuorumMissed
from party_node.execution import WAIT_SECONDS, Execution
from party_node.insight import laying
from party_node.joint.laying import lay as lay_joint
from party_node.lookalike.laying import lay as lay_lookalike
from party_node.memory import give_back
from party_node.permission import Permission
from party_node.prepared import in_runs
from party_node.runs import Run
from party_node.uses import Uses
from protocols.codec import encode
from protocols.dp.budget import Rho, require
from protocols.dp.noise import GAUSSIAN
from protocols.errors import BudgetExceeded
from protocols.joint.records import JointAgainParams, JointParams
from protocols.lookalike.records import LookalikeParams
from protocols.psi.params import MatchingParams
from protocols.session import Items
from protocols.sums.alignment_params import JoinSumParams

PERMISSION_HOURS = 24
UNDER = "under"
"""Fact of a run that went on without a quorum: the checkpoint that the coordinator has cosigned."""

_HOUR_MS = 3_600_000
ASK_AGAIN_MS = 15 * 60 * 1000
"""A run that lasts longer than this asks the gate again."""


def uses_of(
    execution: Execution, approval: Approval | None = None, at_round: int | None = None
) -> Uses:
    """Return the permissions of this job: the same ones again after a restart, narrowed if consent
    was. Under an emergency approval they end with that.
    """
    job, parts = execution.job, execution.services
    ttl_ms, glass = PERMISSION_HOURS * _HOUR_MS, ""
    if approval is not None:
        ttl_ms, glass = approval.expires_ms - parts.ledger.now(), approval.approval_id
    price = Price(job.rho_nano, GAUSSIAN)
    return uses.permit(
        parts.gate, job, execution.me, ttl_ms, price=price, break_glass=glass, at_round=at_round
    )


def recheck(execution: Execution, run: Run, *, at_round: int | None = None) -> Uses:
    """Ask the gate again in the middle of a run, or before a round of a training.

    A run that went on under an emergency approval which has run out waits for the quorum.
    Raises: CoordinatorUnreachable, QuorumMissed (try again); as `Gate.recheck`.
    """
    parts = execution.services
    approval = parts.emergencies.standing(run.job) if UNDER in run.facts else None
    if UNDER in run.facts and approval is None:
        parts.witnessing.publish(parts.ledger.head()[0])
    glass = "" if approval is None else approval.approval_id
    held = uses_of(execution, approval, at_round)
    return uses.recheck(parts.gate, held, glass, at_round=at_round)


def permit(execution: Execution, run: Run) -> Run:
    """Decide, record, charge, have it witnessed; then read the permitted identifiers and begin.

    Raises: BudgetExceeded, ConsentError, DatasetChanged, JobRefused; CoordinatorUnreachable,
    QuorumMissed (try again).
    """
    parts, job = execution.services, execution.job
    give_back()  # whatever imports left behind: runs are promised a bound on memory
    permitted = uses_of(execution)
    job_checks.check_sizes(job, len(permitted.allowed))
    people = parts.repeats.admit(job, execution.me, permitted.allowed, parts.clock_ms())
    try:
        _charge(execution)
    except BudgetExceeded:
        parts.repeats.forget_run(job.job)
        raise
    permitted, under = witnessed(execution, permitted)
    parts.jobs.report(job.job, JobEvent.START)
    params = job_checks.params_of(job)
    items, brought = in_runs.lay(execution, permitted.reading, people, params, _prepare)
    give_back()
    allowed = permitted.allowed
    facts = {
        "asked": permitted.asked,
        "permitted": len(allowed),
        "withheld": permitted.denied,
        **brought,
        "waiting": len(allowed - people),
        "head": encode(permitted.head).hex(),
        "use_entry": permitted.use_entry,
        "asked_again_ms": parts.clock_ms(),
        **under,
    }
    facts = progress.paced(facts, parts.clock_ms())
    return in_runs.steps_of(execution).begin(run, params, items, facts=facts)


def witnessed(execution: Execution, permitted: Uses) -> tuple[Uses, dict[str, str]]:
    """Return the permissions once their use records are under a published checkpoint.

    Rule 20: without a quorum the run waits; under an emergency approval it goes on with a use
    record that names it, and the checkpoint that the coordinator has cosigned is among the facts.
    Raises: CoordinatorUnreachable, QuorumMissed (try again); LedgerInconsistent.
    """
    parts, job = execution.services, execution.job
    try:
        parts.witnessing.publish(permitted.size)
    except QuorumMissed:
        approval = parts.emergencies.standing(job.job)
        if approval is None:
            raise
        permitted = uses_of(execution, approval)
        job_checks.check_sizes(job, len(permitted.allowed))
        return permitted, {UNDER: parts.witnessing.vouched(permitted.size)}
    return permitted, {}


def _charge(execution: Execution) -> None:
    """Charge what each other party will learn, before it can: durably, and once for each job.

    Where one of several budgets is short, nothing is charged to any. Raises: BudgetExceeded.
    """
    job, parts = execution.job, execution.services
    limit_nano, now = parts.collaborations.limit_nano(execution.agreed), parts.clock_ms()
    if not job.is_of_two():
        require_budgets(execution, limit_nano)
    for account in execution.accounts:
        what = charged_for(job, account.counterparty)
        if not what:
            continue
        parts.budgets.charge(
            job.job, job.collaboration, account.counterparty, what, job.rho_nano, limit_nano, now,
            dataset=account.dataset, monthly=account.monthly,
        )  # fmt: skip


def require_budgets(execution: Execution, limit_nano: int) -> None:
    """Refuse a job that one of the budgets cannot pay for. Raises: BudgetExceeded."""
    job, budgets = execution.job, execution.services.budgets
    charged = {one.to_party for one in budgets.history(job.collaboration) if one.job == job.job}
    for account in execution.accounts:
        if account.counterparty not in charged:
            require(Rho(job.rho_nano), budgets.remaining(account, limit_nano))


def _prepare(
    execution: Execution, permission: Permission, people: FrozenBitMap, params: MatchingParams
) -> tuple[Items, dict[str, Any]]:
    """Read these permitted people's identifiers and lay them out in a secret random order.

    Raises: JobRefused if they are more than the job allows.
    """
    parts = execution.services
    if isinstance(params, JoinSumParams):
        return laying.lay(execution, permission, people, params)
    if isinstance(params, JointParams | JointAgainParams):
        return lay_joint(execution, permission, people, params)
    if isinstance(params, LookalikeParams):
        return lay_lookalike(execution, permission, people, params)
    held = parts.datasets.items(permission, execution.job.identifiers, people)
    place = matching_input.Seat.of(execution.job, execution.me)
    laid = matching_input.lay_out(held, params, place, execution.ctx, parts.rng)
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
    if len(recheck(execution, run).allowed) < run.facts["permitted"]:
        raise ConsentNarrowed
    return execution.go(run, facts={**run.facts, "asked_again_ms": now})
