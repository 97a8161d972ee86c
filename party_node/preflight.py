"""Pre-flight: what all parties see before anything is read.

Sizes are made coarse (`protocols.disclosure.coarse`); counts come from the index of people and the
consent projection, so no row of the dataset is touched. What the other side is told is estimated
from the coarse sizes; what this side's own people see is estimated from the number of its people,
which stays here (`costs.py` has the models).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from party_node import job_checks, uses
from party_node.accounts import Account
from party_node.budgets import Budgets
from party_node.charges import price_at
from party_node.costs import Estimate, Sizes, estimate, speed_of
from party_node.errors import JobRefused, StrictNeeded
from party_node.gate import Gate
from protocols.codec import Record
from protocols.disclosure import FLOOR, coarse, step_up
from protocols.errors import BudgetExceeded
from protocols.job import JobDescription, Preflight, job_hash
from protocols.job_params import params_of
from protocols.psi.blinded_join_records import JoinParams
from protocols.psi.params import RowParams
from protocols.session import Role
from protocols.sums.alignment_params import AlignedParams

PEOPLE = "people"
"""Fact of a run that has not begun to read: people permitted at this side, exactly."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What this side says, and what it knows beyond that."""

    said: Preflight
    people: int
    """Permitted just now, exactly: for this node alone."""


def make(
    job: JobDescription,
    party: str,
    accounts: Sequence[Account],
    limit_nano: int,
    gate: Gate,
    budgets: Budgets,
    backend: str,
) -> Prospect:
    """Return this side's pre-flight for `job`, which would be charged to these accounts."""
    asked, people = uses.permitted_now(gate, job, party)
    permitted = len(people)
    before = min(budgets.remaining(account, limit_nano).nano for account in accounts)
    after = before - price_at(job, party)
    # Estimates are made from the coarse step too: finer ones would tell the size after all. The
    # other side's size is not known yet, and taken to be the same.
    step = coarse(permitted)
    takes = expected(job, party, likely(step), likely(step), backend)
    said = Preflight(
        job_hash=job_hash(job),
        party=party,
        asked_step=coarse(asked),
        permitted_step=step,
        seconds=takes.seconds,
        memory_mib=takes.memory_mib,
        traffic_kib=takes.traffic_kib,
        rho_nano_before=before,
        rho_nano_after=max(after, 0),
        refusal=_refusal(job, permitted, after),
    )
    return Prospect(said, permitted)


def expected(
    job: JobDescription, party: str, own: int, peer: int, backend: str, items: int | None = None
) -> Estimate:
    """Return what the job takes at `party`, for so many people there and at each other party.

    `items` is what this side brings, where that is known already.
    """
    role = job.role_of(party)
    brought = items_of(job, role, own) if items is None else items
    sizes = Sizes(brought, items_of(job, role.other, peer), role, len(job.parties()))
    return estimate(job.protocol, sizes, params_of(job), speed_of(backend), own)


def items_of(job: JobDescription, role: Role, people: int) -> int:
    """Return as how many items a side sends so many people, filled up: at most, because how many
    identifiers they have is not read yet.
    """
    params = params_of(job)
    join = _joined_by(params)
    if join is not None and role is Role.INITIATOR:
        # Each group is filled up by itself, and a small one as far as it takes to hide in.
        filled = join.groups * step_up(max(people // join.groups, join.least))
        return min(join.per_person * (filled + join.dummies), params.max_items)
    each = params.per_person if isinstance(params, RowParams) else len(job.identifiers)
    width = each if isinstance(params, RowParams) and role is Role.INITIATOR else 1
    most = max(params.max_items // width - params.dummies, 0)
    # More than the job allows is refused elsewhere: an estimate is given all the same.
    filled = min(step_up(people * each // width), most)
    return min(width * (filled + params.dummies), params.max_items)


def _joined_by(params: Record) -> JoinParams | None:
    """Return the parameters of the join that a sum stands on; None where nothing is added up."""
    while isinstance(params, AlignedParams):
        params = params.first
    return params if isinstance(params, JoinParams) else None


def likely(step: int) -> int:
    """Return a size to reckon with where only its step is known: the middle of the step, as factors
    go. From there no size of the step is further than 1.6 times away.
    """
    if step < FLOOR:
        return FLOOR // 2
    leading = int(str(step)[0])
    return round(step * math.sqrt(2.5 if leading == 2 else 2))


def _refusal(job: JobDescription, permitted: int, rho_nano_after: int) -> str:
    if rho_nano_after < 0:
        return BudgetExceeded.code
    try:
        job_checks.check_sizes(job, permitted)
    except (StrictNeeded, JobRefused) as e:
        return e.code
    return ""
