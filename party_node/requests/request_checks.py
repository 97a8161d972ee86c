"""Comparing the table of requests with the entries that say the same."""

from collections.abc import Iterator, Mapping

from sqlalchemy import select
from sqlmodel import Session

from consent.requests import SubjectRequest
from party_node.requests.tables import SubjectRequestRow


def damaged(
    session: Session, entries: Mapping[str, tuple[int, SubjectRequest]]
) -> Iterator[tuple[str, str]]:
    """Return which requests do not stand as the last of their entries says, and what is wrong."""
    rows = {r.request_id: r for r in session.execute(select(SubjectRequestRow)).scalars()}
    for request_id in sorted({*rows, *entries}):
        where = f"request {request_id[:8]}"
        if request_id not in entries:
            yield where, "no entry of the ledger is about it"
        elif request_id not in rows:
            yield where, "the ledger has entries about it, and it is not here"
        elif not _fits(rows[request_id], *entries[request_id]):
            yield where, "it stands otherwise than the last of its entries says"


def _fits(row: SubjectRequestRow, index: int, said: SubjectRequest) -> bool:
    stands = row.entry, row.kind, row.status, row.regime, row.received_ms, row.due_ms, row.ended
    return stands == (
        index,
        said.request.value,
        said.status.value,
        said.regime,
        said.received_at_ms,
        said.due_at_ms,
        said.status.is_final,
    )
