"""The books of the privacy budget: what stands in the accounts, and that no charge was taken away.

What is left is never added up from the charges: it stands in `budget_accounts`, stamped, one row
for each account and month, rewritten in the transaction of each charge. So a charge costs the same
whether there are ten before it or a hundred thousand. Before that row is believed,

    all accounts    have as many charges together as were ever counted, the newest among them
    each account    that is asked about, and the newest, says what its newest charge says of it
    a stretch       of old charges is there and as it was written: another with each charge

A row that was taken away or changed gives no budget back, because nothing is added up from it. If
it is the newest of an account it is found at once, else when a stretch reaches it, and by fsck.
"""

from collections.abc import Callable, Sequence

from sqlmodel import Session, col, select

from party_node.accounts import EVERY, FIRST, PERSON, Account
from party_node.budget_tables import BudgetAccountRow, BudgetRenewalRow
from party_node.errors import RowChanged, UnknownDataset
from party_node.lineages import lineage_of, names_of
from party_node.tables import BudgetChargeRow, CounterRow

CHARGES = "budget-charges"
"""Counter of all charges that were ever made."""
STRETCH = 16
"""Charges that are looked at again each time."""
_GOLDEN = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio: its multiples fall evenly, so every charge gets its turn."""


class Books:
    """All accounts of a node as they stand in one transaction. Raises: RowChanged."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.counted = _counted(session)
        """How many charges were ever made."""
        self.accounts = list(session.exec(select(BudgetAccountRow)))
        self._compare()
        self._look_again()

    def lineage(self, account: Account) -> str:
        """Return the lineage that a charge to an account counts in. Raises: UnknownDataset."""
        return lineage_of(self._session, account.dataset)

    def month(self, counterparty: str, lineage: str) -> str:
        """Return the month that an account stands in: that of its last renewal."""
        return self._months(counterparty).get(lineage, FIRST)

    def spent_nano(self, account: Account) -> int:
        """Return what counts against an account: what was charged to its lineage, and what was
        charged to all data. All data together count as much as the lineage that has most.

        Raises: UnknownDataset.
        """
        towards = [row for row in self.accounts if row.counterparty == account.counterparty]
        self._believe(towards)
        months = self._months(account.counterparty) if account.monthly else None
        counts = _counting(months)
        whole = sum(row.spent_nano for row in towards if row.lineage == EVERY and counts(row))
        if account.dataset != EVERY:
            lineages = {self.lineage(account)}
        else:
            lineages = {self._now(row.lineage) for row in towards if row.lineage != EVERY}
        each = [
            sum(row.spent_nano for row in towards if row.lineage in names and counts(row))
            for names in (names_of(self._session, lineage) for lineage in lineages)
        ]
        return whole + max(each, default=0)

    def enter(self, account: Account, row: BudgetChargeRow, limit_nano: int) -> None:
        """Add a charge to its account, and number it."""
        lineage = self.lineage(account)
        month = self.month(account.counterparty, lineage)
        key = account.counterparty, lineage, PERSON, month
        head = self._session.get(BudgetAccountRow, key)
        if head is None:
            head = BudgetAccountRow(
                counterparty=account.counterparty, lineage=lineage, unit=PERSON, month=month,
                charges=0, spent_nano=0, limit_nano=0, last_charge=0,
            )  # fmt: skip
        number = self.counted + 1
        head.charges += 1
        head.spent_nano += row.rho_nano
        head.limit_nano, head.last_charge = limit_nano, number
        row.charge, row.nth, row.spent_nano = number, head.charges, head.spent_nano
        row.lineage, row.unit, row.month = lineage, PERSON, month
        self._session.merge(CounterRow(name=CHARGES, value=number))
        self._session.add(head)
        self._session.add(row)

    def _now(self, lineage: str) -> str:
        """Return what a lineage that was charged is part of by now."""
        try:
            return lineage_of(self._session, lineage)
        except UnknownDataset:
            raise RowChanged("a lineage is missing in the table dataset_lineages") from None

    def _months(self, counterparty: str) -> dict[str, str]:
        query = select(BudgetRenewalRow).where(col(BudgetRenewalRow.counterparty) == counterparty)
        rows = sorted(self._session.exec(query), key=lambda row: row.month)
        return {row.lineage: row.month for row in rows}

    def _compare(self) -> None:
        newest = max((row.last_charge for row in self.accounts), default=0)
        if sum(row.charges for row in self.accounts) != self.counted or newest != self.counted:
            raise RowChanged("the accounts of the budget do not come to the charges counted")
        self._believe([row for row in self.accounts if row.last_charge == newest])

    def _believe(self, heads: Sequence[BudgetAccountRow]) -> None:
        for head in heads:
            if not agrees(head, self._session.get(BudgetChargeRow, head.last_charge)):
                raise RowChanged("charges are missing in the table budget_charges")

    def _look_again(self) -> None:
        first = stretch_of(self.counted)
        query = select(BudgetChargeRow).where(col(BudgetChargeRow.charge) >= first)
        query = query.order_by(col(BudgetChargeRow.charge)).limit(STRETCH)
        found = [row.charge for row in self._session.exec(query)]
        if found != list(range(first, min(first + STRETCH, self.counted + 1))):
            raise RowChanged("charges are missing in the table budget_charges")


def stretch_of(counted: int) -> int:
    """Return the first of the old charges that are looked at when there are so many."""
    among = counted + STRETCH - 1
    # The first charges get their turn as often as the others: so it may begin before them.
    return max(1, ((counted * _GOLDEN) % 2**64 * among >> 64) + 2 - STRETCH)


def agrees(head: BudgetAccountRow, newest: BudgetChargeRow | None) -> bool:
    """Tell whether an account stands as its newest charge left it."""
    return newest is not None and (
        (head.counterparty, head.lineage, head.unit, head.month, head.charges, head.spent_nano)
        == (newest.to_party, newest.lineage, newest.unit, newest.month, newest.nth,
            newest.spent_nano)
    )  # fmt: skip


def ends_of(charges: Sequence[BudgetChargeRow]) -> dict[tuple[str, str, str, str], BudgetChargeRow]:
    """Return the newest charge of each account, of all charges in their order."""
    return {(row.to_party, row.lineage, row.unit, row.month): row for row in charges}


def _counted(session: Session) -> int:
    row = session.get(CounterRow, CHARGES)
    return 0 if row is None else row.value


def _counting(months: dict[str, str] | None) -> Callable[[BudgetAccountRow], bool]:
    """Return what tells whether a row counts: each lineage by its own last renewal."""
    if months is None:
        return lambda _row: True
    return lambda row: row.month == months.get(row.lineage, FIRST)
