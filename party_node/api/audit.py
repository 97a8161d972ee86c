"""GET /v1/audit: every use of people's data, as the consent ledger has it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from consent.uses import UseOutcome, UseRecord
from party_node.ledger.entries import LedgerEntry
from party_node.running import Here
from party_node.services import Services
from party_node.tables import EntryRow, UsePermissionRow
from protocols.dp.budget import Rho

router = APIRouter(prefix="/v1", tags=["audit"])


@router.get("/audit")
def audit(
    node: Here,
    job: Annotated[str, Query(pattern=r"^([0-9a-f]{32})?$")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """Return the newest use records first: who asked what, what was withheld, at what cost."""
    return use_views(node.services, limit, job)


def use_views(parts: Services, limit: int, job: str = "") -> list[dict[str, Any]]:
    """Return up to `limit` use records, newest first; of one job, if it is named."""
    outcomes = {
        e.record.decision_id: e.record
        for e in _newest(parts, UseOutcome.TYPE, limit)
        if isinstance(e.record, UseOutcome)
    }
    found = _of_job(parts, job, limit) if job else _newest(parts, UseRecord.TYPE, limit)
    costs: dict[str, int] = {}
    for charge in parts.budgets.history():
        costs[charge.job] = costs.get(charge.job, 0) + charge.rho_nano
    return [
        _view(e, e.record, outcomes.get(e.record.decision_id), costs.get(e.record.job, 0))
        for e in found
        if isinstance(e.record, UseRecord)
    ]


def _newest(parts: Services, kind: str, limit: int) -> list[LedgerEntry]:
    index = col(EntryRow.index)
    query = select(EntryRow.index).where(col(EntryRow.type) == kind)
    return _read(parts, query.order_by(index.desc()).limit(limit))


def _of_job(parts: Services, job: str, limit: int) -> list[LedgerEntry]:
    """The uses of one job: its run, and every later activation of its audience."""
    entry = col(UsePermissionRow.use_entry)
    query = select(UsePermissionRow.use_entry).where(col(UsePermissionRow.job).startswith(job))
    return _read(parts, query.order_by(entry.desc()).limit(limit))


def _read(parts: Services, query: SelectOfScalar[int]) -> list[LedgerEntry]:
    with parts.db.reading() as session:
        wanted = session.exec(query).all()
    return [entry for index in wanted for entry in parts.ledger.entries(index, index + 1)]


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
        "allowed": record.allowed,
        "denied": {d.reason: d.subjects for d in record.denied},
        "rho": Rho(rho_nano).decimal(),
        "decided_at": {
            "origin": record.as_of.origin,
            "size": record.as_of.tree_size,
            "root": record.as_of.root_hash.hex(),
        },
        "outcome": None if outcome is None else outcome.outcome,
        "cause": None if outcome is None else outcome.cause,
    }
