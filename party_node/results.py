"""What a job brought this party: the answer with its interval, what was withheld and why, what it
cost.

Stored as JSON, shown as it stands by the command line and the console. Counts of people that did
not pass through noise (how many of this party's own people were permitted) are shown to this party
alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyroaring import BitMap, FrozenBitMap
from sqlmodel import Session

from party_node.database import Database
from party_node.errors import NotFound
from party_node.execution import Execution
from party_node.job_tables import ResultRow
from protocols.codec import decode
from protocols.dp.budget import Rho, epsilon
from protocols.dp.count import SizeRelease
from protocols.errors import SmallCohort
from protocols.federated.release import TrainedModel
from protocols.job import JobDescription, LedgerHead
from protocols.release import Told, Withheld


def members(order: bytes, matched: bytes, allowed: FrozenBitMap) -> BitMap:
    """Return the matched people, by dense number, who may still be used."""
    dense = np.frombuffer(order, dtype="<u4")
    positions = np.frombuffer(matched, dtype="<u4")
    return BitMap(dense[positions]) & BitMap(allowed)


def matched_by(
    order: bytes, types: bytes, matched: bytes, members: BitMap, kinds: Sequence[str]
) -> dict[str, int]:
    """Return how many members match under each type first, in the job's order of types."""
    positions = np.frombuffer(matched, dtype="<u4")
    people = np.frombuffer(order, dtype="<u4")[positions]
    kind = np.frombuffer(types, dtype=np.uint8)[positions]
    found, before = {}, BitMap()
    for position, name in enumerate(kinds):
        these = (BitMap(people[kind == position]) & members) - before
        found[name] = len(these)
        before |= these
    return found


@dataclass(frozen=True, slots=True)
class Brought:
    """What a job brought this party beside a size."""

    audience: int | None = None
    """People in the audience that it keeps; 0 where so few are left that it keeps none."""
    matched_by: dict[str, int] | None = None
    """Those of them who match, by the type that they match under first."""
    statistics: dict[str, Any] | None = None
    """The answer to a question."""
    model: dict[str, Any] | None = None
    """What is said of a model."""
    joint: dict[str, Any] | None = None
    """What is said of a joint score."""


NOTHING = Brought()


def document(
    execution: Execution,
    facts: dict[str, Any],
    told: Told | TrainedModel,
    brought: Brought = NOTHING,
) -> dict[str, Any]:
    """Return the result as it is stored and shown."""
    job = execution.job
    return {
        "job": job.job,
        "kind": job.kind,
        "purpose": job.purpose,
        "with": " and ".join(peer.party for peer in execution.peers),
        "size": size_document(told),
        "withheld": _withheld(told),
        "statistics": brought.statistics,
        "model": brought.model,
        "joint": brought.joint,
        "audience": None if brought.audience is None else {"people": brought.audience},
        "own": {
            "asked": facts["asked"],
            "permitted": facts["permitted"],
            "withheld": facts["withheld"],
            "matchable": facts["matchable"],
            "waiting": facts["waiting"],
            "unmatchable": facts["permitted"] - facts["matchable"],
            "items": facts["items"],
            "identifiers": facts["identifiers"],
            "beyond": facts["beyond"],
            "matched_by": brought.matched_by,
            "columns": facts.get("columns"),
        },
        "cost": {
            "rho": str(Rho(job.rho_nano)),
            "epsilon_alone": epsilon(job.rho_nano, execution.agreed.delta_exponent),
            "delta": f"1e-{execution.agreed.delta_exponent}",
        },
        "earlier": None,
        "provenance": {
            "collaboration": job.collaboration,
            "version": job.version,
            "protocol": job.protocol,
            "ledger": _ledger(facts),
        },
    }


def again(session: Session, found: dict[str, Any], job: JobDescription) -> dict[str, Any]:
    """Return the result of an earlier job as that of `job`, with its date: it costs nothing."""
    before = session.get_one(ResultRow, found["job"])
    earlier = {"job": before.job, "created_ms": before.created_ms}
    cost = found["cost"] | {"rho": "0", "epsilon_alone": 0.0}
    return found | {"job": job.job, "cost": cost, "earlier": earlier}


def _ledger(facts: dict[str, Any]) -> dict[str, Any]:
    head = decode(LedgerHead, bytes.fromhex(facts["head"]))
    return {
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
        "use_record": head.use_record.hex(),
        "use_entry": facts["use_entry"],
    }


def size_document(told: Told | TrainedModel) -> dict[str, Any] | None:
    """Return a noisy size for people: value, 95 % interval, and the sentence that says it."""
    if not isinstance(told, SizeRelease):
        return None
    noisy = told.noisy
    return {
        "value": noisy.shown(),
        "low": max(noisy.low, 0),
        "high": max(noisy.high, 0),
        "confidence": 0.95,
        "text": f"{noisy.shown():,} ± {noisy.high - noisy.value:,} (95 %)",
    }


def _withheld(told: Told | TrainedModel) -> dict[str, Any] | None:
    if not isinstance(told, Withheld):
        return None
    return {
        "reason": SmallCohort.code,
        "text": f"the noisy size is below the agreed minimum of {told.minimum} people",
    }


def keep(session: Session, job: str, document: dict[str, Any], now_ms: int) -> None:
    """Store a result, in the caller's transaction."""
    session.merge(
        ResultRow(job=job, document=json.dumps(document, sort_keys=True), created_ms=now_ms)
    )


def load(db: Database, job: str) -> dict[str, Any]:
    """Return a result. Raises: NotFound."""
    with db.reading() as session:
        row = session.get(ResultRow, job)
        if row is None:
            raise NotFound(f"job {job} has no result yet", hint="`accord job wait` follows it")
        found: dict[str, Any] = json.loads(row.document)
        return found
