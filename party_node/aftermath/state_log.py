"""Logging what the state that decides looks like, so that a corrupted one can be proved.

A sound log can sit beside a projection that was changed. So the digests of all sets are entries of
the log now and then; whoever replays the log compares them (`accord ledger fsck`).
"""

from sqlmodel import Session

from consent.milestones import StateSnapshot
from consent.projection import digest_of
from party_node.job_tables import CursorRow
from party_node.ledger.consent_ledger import ConsentLedger

_CURSOR = "state-logged"
EVERY = 50_000
"""So many entries later it is time for another."""
_LISTED = 256


def log_state(ledger: ConsentLedger) -> int:
    """Write a snapshot of the state as it stands; return its index."""
    with ledger.hold() as head:
        sets = list(head.projection.sets())
        policy = head.vocabulary.digest()
        snapshot = StateSnapshot(
            tree_size=head.size,
            taken_at_ms=ledger.now(),
            policy_hash=policy,
            projection=digest_of(policy, sets),
            subjects=len(head.projection.subjects),
            sets=tuple(sets[:_LISTED]),
        )

        def keep(session: Session, _indices: list[int]) -> None:
            session.merge(CursorRow(name=_CURSOR, position=head.size))

        (index,) = ledger.append([snapshot], at_size=head.size, also=keep)
    return index


def log_state_when_due(ledger: ConsentLedger, every: int = EVERY) -> int | None:
    """Write a snapshot if there are so many entries since the last one."""
    with ledger.database.reading() as session:
        row = session.get(CursorRow, _CURSOR)
    since = 0 if row is None else row.position
    return log_state(ledger) if ledger.head()[0] - since >= every else None
