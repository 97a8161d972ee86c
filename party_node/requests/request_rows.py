"""Requests in the database: finding them, what their columns mean, and forgetting whom they are
about.
"""

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select, tuple_
from sqlmodel import Session, col

from consent.request_life import Life
from consent.requests import RequestStatus, SystemResult
from party_node.errors import NotFound
from party_node.requests.errors import StepNotPossible
from party_node.requests.tables import SubjectRequestRow

_ORDER = (
    col(SubjectRequestRow.ended),
    col(SubjectRequestRow.due_ms),
    col(SubjectRequestRow.request_id),
)
"""What is due first comes first, and what has ended last."""


def find(session: Session, request_id: str) -> SubjectRequestRow:
    """Return one request. Raises: NotFound."""
    row = session.get(SubjectRequestRow, request_id)
    if row is None:
        raise NotFound("there is no such request")
    return row


def by_key(session: Session, key: bytes) -> SubjectRequestRow | None:
    """Return the request that was opened under a caller's key, if there is one."""
    query = select(SubjectRequestRow).where(col(SubjectRequestRow.key) == key)
    return session.execute(query).scalars().one_or_none()


def listed(
    session: Session, limit: int, *, ended_too: bool, after: SubjectRequestRow | None
) -> Sequence[SubjectRequestRow]:
    """Return requests in their order; `after` goes on from one of them."""
    query = select(SubjectRequestRow).order_by(*_ORDER).limit(limit)
    if not ended_too:
        query = query.where(col(SubjectRequestRow.ended).is_(False))
    if after is not None:
        query = query.where(tuple_(*_ORDER) > (after.ended, after.due_ms, after.request_id))
    return session.execute(query).scalars().all()


def counted(session: Session, now_ms: int) -> tuple[int, int]:
    """Return how many requests are open, and how many of these should have been answered."""
    still = col(SubjectRequestRow.ended).is_(False)
    late = col(SubjectRequestRow.due_ms) < now_ms
    count = select(func.count()).select_from(SubjectRequestRow).where(still)
    return session.execute(count).scalar_one(), session.execute(count.where(late)).scalar_one()


def open_ones(session: Session, people: Iterable[int], but: str) -> Sequence[str]:
    """Return the requests of these people that have not ended, but for one."""
    # Also those that have ended: that they have is compared with their stamp.
    query = select(SubjectRequestRow).where(
        col(SubjectRequestRow.subject).in_(list(people)),
        col(SubjectRequestRow.request_id) != but,
    )
    found = session.execute(query.order_by(col(SubjectRequestRow.due_ms))).scalars().all()
    return [row.request_id for row in found if not row.ended]


def forget_person(session: Session, subject: int) -> None:
    """Forget whom requests are about, in the transaction of an erasure; the requests stay."""
    own = select(SubjectRequestRow).where(col(SubjectRequestRow.subject) == subject)
    for row in session.execute(own).scalars():
        row.subject = row.key = row.content = None


def life_of(row: SubjectRequestRow) -> Life:
    """Return how far a request is."""
    return Life(verified=row.verified, extended=row.extended, ended=row.ended)


def require(row: SubjectRequestRow, step: RequestStatus) -> None:
    """Return if the step can be taken now.

    Raises: StepNotPossible, which says what can be done.
    """
    possible = life_of(row).possible
    if step in possible:
        return
    if row.ended:
        raise StepNotPossible(f"the request is {row.status}: nothing follows")
    if step is RequestStatus.COMPLETED:
        raise StepNotPossible("nobody has verified yet that the person themself asks")
    steps = ", ".join(s.value for s in possible)
    raise StepNotPossible(f"the request is {row.status}; what it can become now: {steps}")


def results_of(row: SubjectRequestRow) -> list[SystemResult]:
    """Return what each system did."""
    return [SystemResult.from_payload(one) for one in json.loads(row.results)]


def written(results: Iterable[SystemResult]) -> str:
    """Return results as they are stored."""
    return json.dumps([result.to_payload() for result in results])


def purposes_of(row: SubjectRequestRow) -> list[str]:
    """Return the purposes that a request names."""
    found: list[str] = json.loads(row.purposes)
    return found
