"""Pre-flight: what both sides see before anything is read.

Sizes are made coarse (`protocols.disclosure.coarse`); counts come from the index
of people and the consent projection, so no row of the dataset is touched. Estimates use the cost
of a blinding on this machine, measured once per process, where the protocol blinds.
"""

import functools
import os
import time

import numpy as np
from numpy.typing import NDArray

from party_node import job_checks
from party_node.budgets import Budgets
from party_node.errors import JobRefused, StrictNeeded
from party_node.gate import Gate
from protocols.disclosure import coarse
from protocols.errors import BudgetExceeded
from protocols.groups import choose_backend, evaluate, hash_to_group
from protocols.job import OPERATIONS, JobDescription, Preflight, job_hash
from protocols.job_params import kind_of_params, per_person
from protocols.psi.params import OtParams

_FIXED_SECONDS = 2
_BYTES_PER_ITEM = 400
_BASE_MEMORY_MIB = 150
_PASSES = 2
"""Each side blinds its own set once and the other side's set once."""
_SECONDS_PER_ITEM_BY_OT = 4e-6
"""Of matching by OT extension, which no multiplication of points decides: measured, with room."""


def make(
    job: JobDescription,
    party: str,
    limit_nano: int,
    gate: Gate,
    budgets: Budgets,
    backend: str,
) -> Preflight:
    """Return this side's pre-flight for `job`."""
    dataset = job.receiver_dataset if party == job.receiver else job.sender_dataset
    other = job.other(party)
    asked, permitted = gate.preview(dataset, job.purpose, other, OPERATIONS[job.kind])
    before = budgets.remaining(job.collaboration, limit_nano, other).nano
    after = before - job.rho_nano
    # Estimates are made from the coarse step too: finer ones would tell the size after all.
    step = coarse(permitted)
    # People, each with as many identifiers as there are types: how many they have is not read yet.
    items = step * (per_person(job) or len(job.identifiers))
    return Preflight(
        job_hash=job_hash(job),
        party=party,
        asked_step=coarse(asked),
        permitted_step=step,
        seconds=_FIXED_SECONDS + round(items * _seconds_per_item(job, backend)),
        memory_mib=_BASE_MEMORY_MIB + items * _BYTES_PER_ITEM // 2**20,
        rho_nano_before=before,
        rho_nano_after=max(after, 0),
        refusal=_refusal(job, permitted, after),
    )


def _refusal(job: JobDescription, permitted: int, rho_nano_after: int) -> str:
    if rho_nano_after < 0:
        return BudgetExceeded.code
    try:
        job_checks.check_sizes(job, permitted)
    except (StrictNeeded, JobRefused) as e:
        return e.code
    return ""


def _seconds_per_item(job: JobDescription, backend: str) -> float:
    if issubclass(kind_of_params(job.protocol), OtParams):
        return _SECONDS_PER_ITEM_BY_OT
    return _PASSES * seconds_per_blinding(backend)


@functools.cache
def seconds_per_blinding(preference: str) -> float:
    """Measure what one blinding costs here, in seconds of wall time with all cores."""
    backend = choose_backend(preference)
    digests = hash_to_group(bytes(32), _some_points())
    begin = time.perf_counter()
    evaluate(os.urandom(32), digests, backend=backend)
    return (time.perf_counter() - begin) / len(digests)


def _some_points() -> NDArray[np.uint8]:
    return np.frombuffer(os.urandom(32 * 512), dtype=np.uint8).reshape(-1, 32)
