"""Where runs meet kept sets: what is laid before a run begins, read by its steps, kept after it.

For every protocol but `psi-dh-prepared/1` these functions do what is done without them.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from pyroaring import FrozenBitMap

from party_node.chunks import ChunkStore
from party_node.execution import Execution
from party_node.permission import Permission
from party_node.prepared.kept_sets import KeptSets, Use
from party_node.stepping import Steps
from protocols.job import JobDescription
from protocols.job_params import params_of
from protocols.psi.epochs import scope_of
from protocols.psi.params import MatchingParams
from protocols.psi.prepared import NAME
from protocols.psi.prepared_kept import ASKED
from protocols.session import Chunks, Fetch, Items, Role

Read = Callable[[Execution, Permission, FrozenBitMap, MatchingParams], tuple[Items, dict[str, Any]]]


def is_prepared(job: JobDescription) -> bool:
    """Tell whether a job runs against a prepared set."""
    return job.protocol == NAME


def use_of(execution: Execution) -> Use:
    """Return which kept set a job is about."""
    receiver, sender = execution.keys
    scope = scope_of(execution.job, receiver, sender)
    return Use(scope, params_of(execution.job).tag_bytes)


def lay(
    execution: Execution,
    permission: Permission,
    people: FrozenBitMap,
    params: MatchingParams,
    read: Read,
) -> tuple[Items, dict[str, Any]]:
    """Lay the run's input, these permitted people: the sender's prepared set, or the items and the
    receiver's copy.

    Returns what `read` does: the items, and what they consist of, for this party alone.
    Raises: as `read`.
    """
    if not is_prepared(execution.job):
        return read(execution, permission, people, params)
    sets, use = execution.services.kept_sets, use_of(execution)
    if execution.role is Role.RESPONDER:
        brought = sets.lay_set(
            use, permission, people, execution.job.identifiers, params, execution.chunks
        )
        return Items(brought["items"], params.chunk_items), brought
    sets.lay_copy(use, execution.chunks)
    return read(execution, permission, people, params)


def fetch_of(execution: Execution) -> Fetch:
    """Return what a run's steps read chunks through: its own, and those of the kept set."""
    if not is_prepared(execution.job):
        return execution.chunks.fetch
    bucket_tags = params_of(execution.job).chunk_items
    return reading(execution.services.kept_sets, use_of(execution), execution.chunks, bucket_tags)


def reading(sets: KeptSets, use: Use, chunks: ChunkStore, bucket_tags: int) -> Fetch:
    """Return what reads a run's own chunks, and those of the kept set that it has pinned."""

    def fetch(name: str) -> bytes:
        if name.startswith(("whole/", "since/")):
            return sets.supply(use, name, chunks, bucket_tags)
        if name.startswith("held/"):
            return sets.held(use, name, chunks)
        return chunks.fetch(name)

    return fetch


def steps_of(execution: Execution) -> Steps:
    """Return the steps of a run, which read kept sets and count what is asked of them."""
    return replace(execution.steps, fetch=fetch_of(execution), on_keep=partial(note, execution))


def note(execution: Execution, keep: Chunks) -> None:
    """Count what a run asks about, before anything is answered."""
    if is_prepared(execution.job) and ASKED in keep:
        points = int.from_bytes(keep[ASKED], "big")
        execution.services.kept_sets.count(use_of(execution), execution.job.job, points)


def adopt(execution: Execution) -> None:
    """Keep the receiver's copy once the protocol has ended: also if the run fails later on.

    Raises: DiskFull.
    """
    if is_prepared(execution.job) and execution.role is Role.INITIATOR:
        execution.services.kept_sets.adopt(use_of(execution), execution.chunks)
