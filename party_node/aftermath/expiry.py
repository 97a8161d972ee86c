"""Saying of each consent that it has run out: for reports. No decision ever waits for this."""

from sqlmodel import Session

from consent.uses import ConsentExpired
from party_node.identity import Identity
from party_node.job_tables import CursorRow
from party_node.ledger.consent_ledger import ConsentLedger

_CURSOR = "expired-until"
_STEP_MS = 3_600_000
"""One transaction sweeps an hour, so that an interrupted sweep goes on where it was."""


class ExpirySweep:
    """Writes an entry for each consent that ended since the last sweep."""

    def __init__(self, ledger: ConsentLedger, identity: Identity) -> None:
        self._ledger, self._identity = ledger, identity

    def sweep(self) -> int:
        """Sweep up to now; return how many entries were written."""
        with self._ledger.database.reading() as session:
            row = session.get(CursorRow, _CURSOR)
        now = self._ledger.now()
        swept = now if row is None else row.position
        if row is None:
            with self._ledger.database.writing() as session:
                session.merge(CursorRow(name=_CURSOR, position=swept))
        written = 0
        while swept < now:
            until = min(now, swept + _STEP_MS)
            written += self._sweep(swept, until)
            swept = until
        return written

    def _sweep(self, after_ms: int, until_ms: int) -> int:
        with self._ledger.hold() as head:
            ended = list(head.projection.expired(after_ms, until_ms))
            ids = self._identity.subject_ids({subject for _, subject, _ in ended})
            records = [
                ConsentExpired(
                    subject_id=ids[subject],
                    grant=grant,
                    purpose=purpose,
                    recipient=recipient,
                    channel=channel,
                    expired_at_ms=until_ms,
                )
                for (purpose, recipient, channel), subject, grant in ended
                if subject in ids
            ]

            def keep(session: Session, _indices: list[int]) -> None:
                session.merge(CursorRow(name=_CURSOR, position=until_ms))

            self._ledger.append(records, also=keep)
        return len(records)
