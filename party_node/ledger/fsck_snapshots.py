"""Folding the state of consent again, at every size that a snapshot of it was logged for."""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlmodel import Session

from consent.facts import Facts, Whats
from consent.milestones import StateSnapshot
from consent.projection import Projection
from party_node.ledger.findings import Findings
from party_node.ledger.policies import load_policy

_OTHER = "the state that decided then is not what the entries come to"


def check_snapshots(
    session: Session,
    findings: Findings,
    snapshots: Sequence[tuple[int, StateSnapshot]],
    facts: Facts,
    whats: Whats,
    erased: Mapping[int, Sequence[int]],
) -> None:
    """Compare each snapshot (index, record) with the fold of the facts before it.

    One that has people in it who were erased since cannot be made again, and is passed over.
    """
    facts = np.sort(facts, order="index")
    projection, policy, taken = None, b"", 0
    for index, snapshot in snapshots:
        if _erased_since(snapshot, erased):
            continue
        if projection is None or snapshot.policy_hash != policy:
            policy, taken = snapshot.policy_hash, 0
            projection = Projection(load_policy(session, policy), whats)
        until = int(np.searchsorted(facts["index"], snapshot.tree_size))
        projection.take_in(facts[taken:until])
        taken = until
        if projection.digest() != snapshot.projection:
            findings.add(f"snapshot of entry {index}", _difference(projection, snapshot))


def _erased_since(snapshot: StateSnapshot, erased: Mapping[int, Sequence[int]]) -> bool:
    return any(
        erasure >= snapshot.tree_size and min(entries) < snapshot.tree_size
        for erasure, entries in erased.items()
    )


def _difference(projection: Projection, snapshot: StateSnapshot) -> str:
    """Return which set is the first that differs, if it is among those that are named."""
    found = {one.name: one for one in projection.sets()}
    for said in snapshot.sets:
        if found.get(said.name) != said:
            return f"{_OTHER}: first of all the set {said.name!r}"
    return _OTHER
