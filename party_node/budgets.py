"""The privacy budget of this party towards each other party: charged before release, never lost.

A charge is one row, made in a transaction that holds the write lock from before it reads what was
spent: two charges at once can never both fit into what is left for one. Repeating a charge charges
nothing, so a run that crashed between charge and release pays once. Amounts are whole billionths of
a rho (`protocols.dp.budget`), which add up. What counts together is an account (`accounts.py`);
`budget_books.py` says how a charge that was taken away is found.
"""

from collections.abc import Set
from dataclasses import dataclass
from fractions import Fraction

from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from party_node import further_deltas
from party_node.accounts import EVERY, Account
from party_node.budget_books import Books
from party_node.budget_tables import BudgetAccountRow
from party_node.database import Database
from party_node.errors import IdempotencyConflict
from party_node.tables import BudgetChargeRow
from protocols.dp.budget import Rho, require

MOST_DELTA_EXPONENT = 30
"""Where nothing is said, no word with a delta that a question can have is covered."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge: for which job, towards whom, for what, how much, when, about whose people."""

    job: str
    collaboration: str
    to_party: str
    what: str
    rho_nano: int
    charged_ms: int
    dataset: str = EVERY
    lineage: str = EVERY


class Budgets:
    """All charges of one node."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def spent(self, account: Account) -> Rho:
        """Return what counts against an account, under all collaborations together.

        Raises: UnknownDataset, RowChanged.
        """
        with self._db.reading() as session:
            return Rho(Books(session).spent_nano(account))

    def remaining(self, account: Account, limit_nano: int) -> Rho:
        """Return what is left of `limit_nano`, the limit of the version in force; never below 0.

        Raises: UnknownDataset, RowChanged.
        """
        return Rho(max(0, limit_nano - self.spent(account).nano))

    def charge(
        self,
        job: str,
        collaboration: str,
        to_party: str,
        what: str,
        rho_nano: int,
        limit_nano: int,
        now_ms: int,
        dataset: str = EVERY,
        monthly: bool = False,
        delta_exponent: int = MOST_DELTA_EXPONENT,
    ) -> bool:
        """Charge once for (job, to_party, what); return False if that was charged before.

        `dataset` is the one of this party that is read, `monthly` as in `Account`; for what is
        published, `to_party` is `PUBLIC`. 10^-delta_exponent is what words with a delta may come to
        (`further_deltas.py`). When it returns, the charge is on disk.
        Raises: BudgetExceeded, DeltaExceeded, and nothing is charged; InvalidParameter for a
        negative amount;
        IdempotencyConflict if it was charged before with another amount; UnknownDataset; DiskFull;
        RowChanged.
        """
        cost, account = Rho(rho_nano), Account(to_party, dataset, monthly)
        with self._db.writing() as session:
            before = session.exec(_of(job, to_party, what)).one_or_none()
            if before is not None:
                same = before.collaboration, before.rho_nano, before.dataset
                if same != (collaboration, rho_nano, dataset):
                    raise IdempotencyConflict("this was charged before with another amount")
                return False
            books = Books(session)
            require(cost, Rho(max(0, limit_nano - books.spent_nano(account))))
            further_deltas.check(session, to_party, what, delta_exponent)
            row = BudgetChargeRow(
                job=job,
                collaboration=collaboration,
                to_party=to_party,
                what=what,
                rho_nano=rho_nano,
                charged_ms=now_ms,
                dataset=dataset,
            )
            books.enter(account, row, limit_nano)
        return True

    def further_delta(self, to_party: str) -> Fraction:
        """Return what the deltas of all charges towards a recipient come to."""
        with self._db.reading() as session:
            return further_deltas.spent(session, to_party)

    def check_delta(self, to_party: str, what: str, delta_exponent: int) -> None:
        """Return if a charge's delta would be covered now. Raises: DeltaExceeded."""
        with self._db.reading() as session:
            further_deltas.check(session, to_party, what, delta_exponent)

    def history(self, collaboration: str | None = None, newest: int | None = None) -> list[Charge]:
        """Return all charges, or the newest so many, in the order in which they were made."""
        query = select(BudgetChargeRow).order_by(col(BudgetChargeRow.charge).desc()).limit(newest)
        if collaboration is not None:
            query = query.where(col(BudgetChargeRow.collaboration) == collaboration)
        with self._db.reading() as session:
            return [_charge(row) for row in session.exec(query)][::-1]

    def paid(self, job: str) -> Rho:
        """Return what this party was charged for a job, towards all others together."""
        return self.paid_for({job}).get(job, Rho(0))

    def paid_for(self, jobs: Set[str]) -> dict[str, Rho]:
        """Return the same of each of these jobs that was charged for."""
        job, price = col(BudgetChargeRow.job), func.sum(BudgetChargeRow.rho_nano)
        query = select(BudgetChargeRow.job, price).where(job.in_(jobs)).group_by(job)
        with self._db.reading() as session:
            return {paid: Rho(int(rho_nano)) for paid, rho_nano in session.exec(query)}

    def accounts(self) -> list[BudgetAccountRow]:
        """Return every account that was ever charged, each of its months by itself.

        Raises: RowChanged.
        """
        with self._db.reading() as session:
            rows = Books(session).accounts
            session.expunge_all()
        return sorted(rows, key=lambda row: (row.counterparty, row.lineage, row.month))


def _charge(row: BudgetChargeRow) -> Charge:
    return Charge(
        row.job, row.collaboration, row.to_party, row.what, row.rho_nano, row.charged_ms,
        row.dataset, row.lineage,
    )  # fmt: skip


def _of(job: str, to_party: str, what: str) -> SelectOfScalar[BudgetChargeRow]:
    return select(BudgetChargeRow).where(
        col(BudgetChargeRow.job) == job,
        col(BudgetChargeRow.to_party) == to_party,
        col(BudgetChargeRow.what) == what,
    )
