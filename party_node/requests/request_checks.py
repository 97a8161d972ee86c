"""Comparing the table of requests with the entries that say the same."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlmodel import Session, col

from consent.milestones import Erasure, OperatorAction
from consent.requests import RequestStatus, SubjectRequest
from party_node.requests.request_rows import results_of
from party_node.requests.tables import SubjectRequestRow
from party_node.tables import SubjectRow

_LIFTED = "restriction-lifted"
_OPEN = (RequestStatus.RECEIVED, RequestStatus.VERIFIED, RequestStatus.EXTENDED)


def damaged(
    session: Session, milestones: Sequence[tuple[int, object]]
) -> Iterator[tuple[str, str]]:
    """Return which requests do not stand as the entries about them say, and what is wrong."""
    said: dict[str, list[tuple[int, SubjectRequest]]] = {}
    for index, record in milestones:
        if isinstance(record, SubjectRequest):
            said.setdefault(record.request_id, []).append((index, record))
    done = _done(milestones)
    people = set(session.execute(select(col(SubjectRow.dense))).scalars())
    rows = {r.request_id: r for r in session.execute(select(SubjectRequestRow)).scalars()}
    for request_id in sorted({*rows, *said}):
        where = f"request {request_id[:8]}"
        if request_id not in said:
            yield where, "no entry of the ledger is about it"
            continue
        if request_id not in rows:
            yield where, "the ledger has entries about it, and it is not here"
            continue
        row = rows[request_id]
        if not _fits(row, said[request_id]):
            yield where, "it stands otherwise than the last of its entries says"
        if row.subject is not None and row.subject not in people:
            yield where, "it is about nobody who is known here"
        if (row.lifted_ms is not None) != ((request_id, True) in done):
            yield where, "the ledger says otherwise whether its restriction was lifted"
        if _says_too_much(row, (request_id, False) in done):
            yield where, "it says that this node did its part, and the ledger does not"


def _done(milestones: Sequence[tuple[int, object]]) -> set[tuple[str, bool]]:
    """Return under which requests something was done; True where a restriction was lifted."""
    done: set[tuple[str, bool]] = set()
    for _, record in milestones:
        if isinstance(record, Erasure):
            done.add((record.request_id, False))
        elif isinstance(record, OperatorAction) and (record.detail or "").startswith("request "):
            done.add((str(record.detail).removeprefix("request "), record.action == _LIFTED))
    return done


def _fits(row: SubjectRequestRow, said: Sequence[tuple[int, SubjectRequest]]) -> bool:
    index, last = said[-1]
    stands = row.entry, row.kind, row.status, row.regime, row.received_ms, row.due_ms, row.ended
    steps = {record.status for _, record in said}
    return (
        stands
        == (
            index,
            last.request.value,
            last.status.value,
            last.regime,
            last.received_at_ms,
            last.due_at_ms,
            last.status.is_final,
        )
        and row.verified_by == last.verified_by
        and row.verified == (RequestStatus.VERIFIED in steps)
        and row.extended == (RequestStatus.EXTENDED in steps)
        and (last.status is not RequestStatus.COMPLETED or tuple(results_of(row)) == last.results)
    )


def _says_too_much(row: SubjectRequestRow, done: bool) -> bool:
    """Tell whether an open request claims a part that nothing in the ledger speaks of."""
    return row.fulfilled_ms is not None and row.status in _OPEN and not done
