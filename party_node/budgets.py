"""The privacy budget of this party towards each other party: charged before release, never lost.

A charge is one row, made in a transaction that holds the write lock from before it reads the sum:
two charges at once can never both fit into what is left for one. Repeating a charge charges
nothing, so a run that crashed between charge and release pays once. Amounts are whole billionths of
a rho (`protocols.dp.budget`), which add up. Charges are numbered from 1 without a gap and counted:
one that was taken away is missed, and nothing more is charged until that is cleared up.
"""

from dataclasses import dataclass

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from party_node.database import Database
from party_node.errors import IdempotencyConflict, RowChanged
from party_node.tables import BudgetChargeRow, CounterRow
from protocols.dp.budget import Rho
from protocols.errors import BudgetExceeded

CHARGES = "budget-charges"
"""Counter of all charges that were ever made."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge: for which job, towards whom, for what, how much, when."""

    job: str
    collaboration: str
    to_party: str
    what: str
    rho_nano: int
    charged_ms: int


class Budgets:
    """All charges of one node."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def spent(self, collaboration: str, to_party: str) -> Rho:
        """Return what has been charged, under all versions of the collaboration together."""
        with self._db.reading() as session:
            return Rho(_spent(session, collaboration, to_party))

    def remaining(self, collaboration: str, limit_nano: int, to_party: str) -> Rho:
        """Return what is left of `limit_nano`, the limit of the version in force; never below 0."""
        return Rho(max(0, limit_nano - self.spent(collaboration, to_party).nano))

    def charge(
        self,
        job: str,
        collaboration: str,
        to_party: str,
        what: str,
        rho_nano: int,
        limit_nano: int,
        now_ms: int,
    ) -> bool:
        """Charge once for (job, to_party, what); return False if that was charged before.

        When it returns, the charge is on disk.
        Raises: BudgetExceeded, and nothing is charged; InvalidParameter for a negative amount;
        IdempotencyConflict if it was charged before with another amount; DiskFull; RowChanged.
        """
        cost = Rho(rho_nano)
        with self._db.writing() as session:
            before = session.exec(_of(job, to_party, what)).one_or_none()
            if before is not None:
                if (before.collaboration, before.rho_nano) != (collaboration, rho_nano):
                    raise IdempotencyConflict("this was charged before with another amount")
                return False
            left = Rho(max(0, limit_nano - _spent(session, collaboration, to_party)))
            if cost > left:
                raise BudgetExceeded(
                    requested=cost.decimal(),
                    available=left.decimal(),
                    missing=(cost - left).decimal(),
                )
            number = _all(session) + 1
            session.merge(CounterRow(name=CHARGES, value=number))
            session.add(
                BudgetChargeRow(
                    charge=number,
                    job=job,
                    collaboration=collaboration,
                    to_party=to_party,
                    what=what,
                    rho_nano=rho_nano,
                    charged_ms=now_ms,
                )
            )
        return True

    def history(self, collaboration: str | None = None) -> list[Charge]:
        """Return all charges in the order in which they were made."""
        query = select(BudgetChargeRow).order_by(col(BudgetChargeRow.charge))
        if collaboration is not None:
            query = query.where(col(BudgetChargeRow.collaboration) == collaboration)
        with self._db.reading() as session:
            return [
                Charge(r.job, r.collaboration, r.to_party, r.what, r.rho_nano, r.charged_ms)
                for r in session.exec(query)
            ]


def _of(job: str, to_party: str, what: str) -> SelectOfScalar[BudgetChargeRow]:
    return select(BudgetChargeRow).where(
        col(BudgetChargeRow.job) == job,
        col(BudgetChargeRow.to_party) == to_party,
        col(BudgetChargeRow.what) == what,
    )


def _spent(session: Session, collaboration: str, to_party: str) -> int:
    """Return the sum of what was charged; every charge is looked at, so that each is as it was."""
    _all(session)
    return sum(
        row.rho_nano
        for row in session.exec(select(BudgetChargeRow))
        if (row.collaboration, row.to_party) == (collaboration, to_party)
    )


def _all(session: Session) -> int:
    """Return how many charges there are. Raises: RowChanged if there should be others."""
    numbers = session.exec(select(BudgetChargeRow.charge).order_by(col(BudgetChargeRow.charge)))
    found, counted = list(numbers), session.get(CounterRow, CHARGES)
    if found != list(range(1, 1 + (0 if counted is None else counted.value))):
        raise RowChanged("charges are missing in the table budget_charges")
    return len(found)
