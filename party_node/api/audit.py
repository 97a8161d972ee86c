"""GET /v1/audit: every use of people's data, as the consent ledger has it."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from sqlmodel import Session, col, select

from consent.uses import AsOf, Outcome, UseRecord
from party_node.ledger.entries import LedgerEntry
from party_node.running import Here
from party_node.services import Services
from party_node.tables import DecisionRow, EntryRow, UsePermissionRow
from party_node.use_recording import COMPLETED
from protocols.dp.budget import Rho

router = APIRouter(prefix="/v1", tags=["audit"])


@router.get("/audit")
def audit(
    node: Here,
    job: Annotated[str, Query(pattern=r"^([0-9a-f]{32})?$")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> list[dict[str, Any]]:
    """Return the newest use records first: who asked what, what was withheld, at what cost.

    `before` goes on where an earlier answer ended: at the entry of its last use.
    """
    return use_views(node.services, limit, job, before)


def use_views(
    parts: Services, limit: int, job: str = "", before: int | None = None
) -> list[dict[str, Any]]:
    """Return up to `limit` use records, newest first; of jobs whose number begins so, if that is
    said, and recorded before an entry.
    """
    with parts.db.reading() as session:
        wanted = _entries(session, limit, job, before)
        ended = _ended(session, wanted)
    found = [entry for index in wanted for entry in parts.ledger.entries(index, index + 1)]
    uses = [(entry, entry.record) for entry in found if isinstance(entry.record, UseRecord)]
    paid = parts.budgets.paid_for({use.job for _, use in uses})
    return [_view(e, use, ended.get(e.index, ""), paid.get(use.job, Rho(0))) for e, use in uses]


def _entries(session: Session, limit: int, job: str, before: int | None) -> Sequence[int]:
    """Return the entries of uses: of all, or of jobs, with every later use of their audiences."""
    if job:
        index = col(DecisionRow.entry)
        query = select(DecisionRow.entry).where(col(DecisionRow.job).startswith(job))
    else:
        index = col(EntryRow.index)
        query = select(EntryRow.index).where(col(EntryRow.type) == UseRecord.TYPE)
    if before is not None:
        query = query.where(index < before)
    return session.exec(query.order_by(index.desc()).limit(limit)).all()


def _ended(session: Session, uses: Sequence[int]) -> dict[int, str]:
    """Return how uses ended, by their entries; empty where one is under way.

    What was decided anew in each round of a job ended as the job did.
    """
    decided, permitted = DecisionRow, UsePermissionRow
    query = select(decided.entry, permitted.outcome).join(
        permitted,
        (col(permitted.job) == col(decided.job)) & (col(permitted.dataset) == col(decided.dataset)),
    )
    return dict(session.exec(query.where(col(decided.entry).in_(uses))).all())


def _view(entry: LedgerEntry, record: UseRecord, ended: str, paid: Rho) -> dict[str, Any]:
    done = ended == COMPLETED
    return {
        "entry": entry.index,
        "recorded_ms": entry.recorded_ms,
        "leaf_hash": entry.leaf_hash.hex(),
        "job": record.job,
        "round": record.round,
        "requested_by": record.requested_by,
        "operation": record.operation,
        "purpose": record.purpose,
        "recipient": record.recipient,
        "datasets": list(record.datasets),
        "asked": record.asked,
        "allowed": record.allowed,
        "denied": {d.reason: d.subjects for d in record.denied},
        "rho": paid.decimal(),
        "decided_at": _state(record.as_of),
        "witnessed": None if record.witnessed is None else _state(record.witnessed),
        "outcome": (Outcome.COMPLETED if done else Outcome.ABORTED) if ended else None,
        "cause": None if done else ended or None,
    }


def _state(said: AsOf) -> dict[str, Any]:
    return {"origin": said.origin, "size": said.tree_size, "root": said.root_hash.hex()}
