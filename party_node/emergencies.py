"""Break-glass: two people in two roles let one job go on although a quorum of witnesses is missing.

    approve    an operator and a compliance officer, for one job, with a reason, for a day at most
    standing   the approval of a job that has not run out
    effect     the job goes on under the coordinator's cosignature alone, which is what the other
               party checks; the use record names the approval

It stands in for witnesses that do not answer. It never overrules a person's no, nor a witness that
raises an alarm, and nothing goes on without the coordinator.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session, col

from consent.milestones import Approver, BreakGlass
from party_node.errors import IllegalState, RowChanged
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.observability import log
from party_node.roles.callers import Caller
from party_node.tables import EmergencyRow
from protocols.session import Rng

LONGEST_HOURS = 24
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval of one job."""

    approval_id: str
    entry: int
    expires_ms: int


class Emergencies:
    """The emergency approvals of one node; each is an entry of its ledger."""

    def __init__(self, ledger: ConsentLedger, rng: Rng) -> None:
        self._ledger, self._rng = ledger, rng

    def approve(
        self, job: str, reason: str, operator: Caller, compliance: Caller, hours: int
    ) -> Approval:
        """Write an approval. Raises: IllegalState if it would last longer than a day."""
        if not 1 <= hours <= LONGEST_HOURS:
            raise IllegalState(f"an emergency approval lasts 1 to {LONGEST_HOURS} hours")
        with self._ledger.hold():
            now = self._ledger.now()
            record = BreakGlass(
                approval_id=self._rng(16).hex(),
                job=job,
                reason=reason,
                approved_by=tuple(
                    Approver(name=who.name, role=who.role.value) for who in (operator, compliance)
                ),
                approved_at_ms=now,
                expires_at_ms=now + hours * _HOUR_MS,
            )

            def keep(session: Session, indices: list[int]) -> None:
                session.add(
                    EmergencyRow(
                        approval_id=record.approval_id,
                        job=job,
                        entry=indices[0],
                        expires_ms=record.expires_at_ms,
                    )
                )

            (entry,) = self._ledger.append([record], also=keep)
        log.warning("glass-broken", job=job, entry=entry)
        return Approval(record.approval_id, entry, record.expires_at_ms)

    def standing(self, job: str) -> Approval | None:
        """Return the approval of a job that lasts longest, if it has not run out.

        Raises: RowChanged if it is not as it was written; LedgerDamaged.
        """
        latest = select(EmergencyRow).where(col(EmergencyRow.job) == job)
        latest = latest.order_by(col(EmergencyRow.expires_ms).desc()).limit(1)
        with self._ledger.database.reading() as session:
            row = session.execute(latest).scalars().one_or_none()
        if row is None or self._ledger.now() >= row.expires_ms:
            return None
        said = self._ledger.entry(row.entry).record
        if not isinstance(said, BreakGlass) or (said.approval_id, said.job, said.expires_at_ms) != (
            row.approval_id, row.job, row.expires_ms,
        ):  # fmt: skip
            raise RowChanged("in the table emergencies")
        return Approval(row.approval_id, row.entry, row.expires_ms)
