"""GET /v1/audit: every use of people's data, as the consent ledger has it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlmodel import col, select

from consent.records import UseOutcome, UseRecord
from party_node.ledger_entries import LedgerEntry
from party_node.running import Here
from party_node.services import Services
from party_node.tables import EntryRow
from protocols.dp.budget import Rho

router = APIRouter(tags=["audit"])


@router.get("/audit")
def audit(
    node: Here, job: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> dict[str, Any]:
    """Return the newest use records first: who asked what, what was withheld, at what cost."""
    return {"uses": use_views(node.services, limit, job)}


def use_views(parts: Services, limit: int, job: str = "") -> list[dict[str, Any]]:
    """Return up to `limit` use records, newest first; of one job, if it is named."""
    outcomes = {
        e.record.decision_id: e.record
        for e in _entries(parts, UseOutcome.TYPE, limit)
        if isinstance(e.record, UseOutcome)
    }
    costs: dict[str, int] = {}
    for charge in parts.budgets.history():
        costs[charge.job] = costs.get(charge.job, 0) + charge.rho_nano
    return [
        _view(e, e.record, outcomes.get(e.record.decision_id), costs.get(e.record.job, 0))
        for e in _entries(parts, UseRecord.TYPE, limit)
        if isinstance(e.record, UseRecord) and e.record.job.startswith(job)
    ]


def _entries(parts: Services, kind: str, limit: int) -> list[LedgerEntry]:
    index = col(EntryRow.index)
    with parts.db.reading() as session:
        query = select(EntryRow.index).where(col(EntryRow.type) == kind)
        newest = session.exec(query.order_by(index.desc()).limit(limit)).all()
    return [entry for i in newest for entry in parts.ledger.entries(i, i + 1)]


def _view(
    entry: LedgerEntry, record: UseRecord, outcome: UseOutcome | None, rho_nano: int
) -> dict[str, Any]:
    return {
        "entry": entry.index,
        "recorded_ms": entry.recorded_ms,
        "leaf_hash": entry.leaf_hash.hex(),
        "job": record.job,
        "requested_by": record.requested_by,
        "operation": record.operation,
        "purpose": record.purpose,
        "recipient": record.recipient,
        "datasets": list(record.datasets),
        "asked": record.asked,
        "permitted": record.allowed,
        "withheld": {d.reason: d.subjects for d in record.denied},
        "rho": str(Rho(rho_nano)),
        "decided_at": {
            "origin": record.as_of.origin,
            "size": record.as_of.tree_size,
            "root": record.as_of.root_hash.hex(),
        },
        "outcome": None if outcome is None else outcome.outcome,
        "cause": None if outcome is None else outcome.cause,
    }
