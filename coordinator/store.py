"""Queries: what the rules of the other files ask of the tables. No rule is decided here.

Each takes a session of `database.py`; those that change something need a writing one.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import CursorResult, Delete, delete, func, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from coordinator.tables import (
    BodyRow,
    CollaborationRow,
    InvitationRow,
    JobEventRow,
    JobPartyRow,
    JobRow,
    MailboxSideRow,
    MembershipRow,
    MessageRow,
    PartyRow,
    RevisionRow,
    WitnessConflictRow,
    WitnessHeadRow,
)
from coordinator.wire import JobState

PAGE = 100
"""Rows of a list at most."""
OPEN_STATES = (JobState.PROPOSED.value, JobState.ACCEPTED.value, JobState.RUNNING.value)


def next_revision(session: Session) -> int:
    """Count one change; numbers become visible in their order, because writers take turns."""
    counted = update(RevisionRow).where(col(RevisionRow.name) == "all")
    changed = counted.values(value=col(RevisionRow.value) + 1).returning(col(RevisionRow.value))
    return int(session.execute(changed).scalar_one())


def parties(session: Session) -> Sequence[PartyRow]:
    """Return all parties by name."""
    return session.exec(select(PartyRow).order_by(col(PartyRow.party))).all()


def party_of_origin(session: Session, origin: str) -> PartyRow | None:
    """Return the party whose ledger has this origin."""
    return session.exec(select(PartyRow).where(col(PartyRow.ledger_origin) == origin)).first()


def forget_invitations(session: Session, expired_before_ms: int) -> int:
    """Delete invitations that expired before then; return how many."""
    old = delete(InvitationRow).where(col(InvitationRow.expires_ms) < expired_before_ms)
    return _count(session, old)


def latest_collaboration(session: Session, collaboration: str) -> CollaborationRow | None:
    """Return the newest version, in force or not."""
    newest = select(CollaborationRow).where(col(CollaborationRow.collaboration) == collaboration)
    return session.exec(newest.order_by(col(CollaborationRow.version).desc())).first()


def version_in_force(session: Session, collaboration: str) -> CollaborationRow | None:
    """Return the version in force."""
    return session.exec(
        select(CollaborationRow).where(
            col(CollaborationRow.collaboration) == collaboration, col(CollaborationRow.in_force)
        )
    ).first()


def memberships(session: Session, collaboration: str, version: int) -> Sequence[MembershipRow]:
    """Return the members of a version, by name."""
    return session.exec(
        select(MembershipRow)
        .where(
            col(MembershipRow.collaboration) == collaboration, col(MembershipRow.version) == version
        )
        .order_by(col(MembershipRow.party))
    ).all()


def collaborations_after(session: Session, party: str, after: int) -> Sequence[CollaborationRow]:
    """Return the party's versions with a later revision, oldest change first, one page."""
    return session.exec(
        select(CollaborationRow)
        .join(
            MembershipRow,
            (col(MembershipRow.collaboration) == col(CollaborationRow.collaboration))
            & (col(MembershipRow.version) == col(CollaborationRow.version)),
        )
        .where(col(MembershipRow.party) == party, col(CollaborationRow.revision) > after)
        .order_by(col(CollaborationRow.revision))
        .limit(PAGE)
    ).all()


def count_open_proposals(session: Session, party: str, now_ms: int) -> int:
    """Return how many versions the party has signed that can still come into force.

    They wait for another member, have not expired, and no newer version is in force.
    """
    other, newer = aliased(MembershipRow), aliased(CollaborationRow)
    awaited = (
        select(other.party)
        .where(
            col(other.collaboration) == col(CollaborationRow.collaboration),
            col(other.version) == col(CollaborationRow.version),
            col(other.signed).is_(None),
        )
        .exists()
    )
    superseded = (
        select(newer.version)
        .where(
            col(newer.collaboration) == col(CollaborationRow.collaboration),
            col(newer.version) > col(CollaborationRow.version),
            col(newer.in_force),
        )
        .exists()
    )
    return session.exec(
        select(func.count())
        .select_from(MembershipRow)
        .join(
            CollaborationRow,
            (col(MembershipRow.collaboration) == col(CollaborationRow.collaboration))
            & (col(MembershipRow.version) == col(CollaborationRow.version)),
        )
        .where(
            col(MembershipRow.party) == party,
            col(MembershipRow.signed).is_not(None),
            col(CollaborationRow.expires_ms) > now_ms,
            awaited,
            ~superseded,
        )
    ).one()


def lapsed_collaborations(session: Session, now_ms: int) -> Sequence[CollaborationRow]:
    """Return versions still marked in force whose time is over."""
    return session.exec(
        select(CollaborationRow)
        .where(col(CollaborationRow.in_force), col(CollaborationRow.expires_ms) <= now_ms)
        .order_by(col(CollaborationRow.collaboration))
    ).all()


def all_jobs(session: Session) -> Sequence[JobRow]:
    """Return every job, newest change first: for the operator's list."""
    return session.exec(select(JobRow).order_by(col(JobRow.revision).desc())).all()


def jobs_after(session: Session, party: str, after: int) -> Sequence[JobRow]:
    """Return the party's jobs with a later revision, oldest change first, one page."""
    return session.exec(
        select(JobRow)
        .join(JobPartyRow, col(JobPartyRow.job) == col(JobRow.job))
        .where(col(JobPartyRow.party) == party, col(JobRow.revision) > after)
        .order_by(col(JobRow.revision))
        .limit(PAGE)
    ).all()


def count_open_jobs(session: Session, requester: str, now_ms: int) -> int:
    """Return how many jobs that the party has asked for have neither ended nor expired."""
    return session.exec(
        select(func.count())
        .select_from(JobRow)
        .where(
            col(JobRow.requester) == requester,
            col(JobRow.state).in_(OPEN_STATES),
            col(JobRow.expires_ms) > now_ms,
        )
    ).one()


def overdue_jobs(session: Session, now_ms: int) -> Sequence[JobRow]:
    """Return jobs that have not ended and whose time is over."""
    return session.exec(
        select(JobRow)
        .where(col(JobRow.state).in_(OPEN_STATES), col(JobRow.expires_ms) <= now_ms)
        .order_by(col(JobRow.revision))
    ).all()


def said(session: Session, job: str, party: str, event: str) -> JobEventRow | None:
    """Return the record of that event, if this party has said it."""
    return session.get(JobEventRow, (job, party, event))


Sides = Mapping[tuple[str, str], MailboxSideRow]
"""What each party of a job says to each other one: by sender and recipient."""


def sides(session: Session, job: str) -> Sides:
    """Return all sides of a mailbox."""
    rows = session.exec(select(MailboxSideRow).where(col(MailboxSideRow.job) == job)).all()
    return {(row.party, row.recipient): row for row in rows}


def pending_bytes(session: Session, sender: str) -> int:
    """Return how many bytes the party has sent that wait for acknowledgement, in all jobs."""
    found = session.exec(
        select(func.sum(MailboxSideRow.pending_bytes)).where(
            col(MailboxSideRow.party) == sender, col(MailboxSideRow.pending_bytes) > 0
        )
    ).one()
    return int(found or 0)


Place = tuple[str, str, str, int]
"""Of a message: job, sender, recipient, step."""


def message(session: Session, place: Place) -> MessageRow | None:
    """Return what is known of a message."""
    return session.get(MessageRow, place)


def body(session: Session, place: Place) -> bytes | None:
    """Return a message's sealed bytes, if they are still here."""
    row = session.get(BodyRow, place)
    return None if row is None else row.body


def erase_body(session: Session, place: Place) -> int:
    """Delete one body; return 1, or 0 if there was none."""
    job, sender, recipient, step = place
    return _count(
        session,
        delete(BodyRow).where(
            col(BodyRow.job) == job,
            col(BodyRow.sender) == sender,
            col(BodyRow.recipient) == recipient,
            col(BodyRow.step) == step,
        ),
    )


def erase_bodies(session: Session, job: str) -> int:
    """Delete all bodies of a job; return how many there were."""
    return _count(session, delete(BodyRow).where(col(BodyRow.job) == job))


def ended_with_open_mailbox(session: Session, ended_before_ms: int) -> Sequence[str]:
    """Return jobs that ended before then and have a side that is not closed."""
    return session.exec(
        select(JobRow.job)
        .join(MailboxSideRow, col(MailboxSideRow.job) == col(JobRow.job))
        .where(
            col(JobRow.state).not_in(OPEN_STATES),
            col(JobRow.updated_ms) < ended_before_ms,
            col(MailboxSideRow.outcome).is_(None),
        )
        .distinct()
        .order_by(col(JobRow.job))
    ).all()


def head_by_hash(session: Session, origin_hash: str) -> WitnessHeadRow | None:
    """Return the witnessed head of the ledger whose origin has this SHA-256."""
    return session.exec(
        select(WitnessHeadRow).where(col(WitnessHeadRow.origin_hash) == origin_hash)
    ).first()


def conflicts(session: Session) -> Sequence[WitnessConflictRow]:
    """Return what the witness has kept as evidence, oldest first."""
    return session.exec(select(WitnessConflictRow).order_by(col(WitnessConflictRow.seen_ms))).all()


def count_conflicts(session: Session, origin: str, kind: str) -> int:
    """Return how much evidence of one kind is kept against one ledger."""
    return session.exec(
        select(func.count())
        .select_from(WitnessConflictRow)
        .where(col(WitnessConflictRow.origin) == origin, col(WitnessConflictRow.kind) == kind)
    ).one()


def count_bodies(session: Session) -> int:
    """Return how many bodies are held in all."""
    return session.exec(select(func.count()).select_from(BodyRow)).one()


def _count(session: Session, statement: Delete) -> int:
    done = session.execute(statement)
    assert isinstance(done, CursorResult)
    return done.rowcount
