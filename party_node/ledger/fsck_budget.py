"""Checking the privacy budget: every charge is there, accounts come to their charges, lineages and
renewals are what they were.

Read is all of it, unlike when a charge is made (`budget_books.py`): numbers without a gap, running
sums of each account, the lineage that each charge names, and an entry for each second approval.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from consent.milestones import OperatorAction
from party_node.answers import ANSWERS
from party_node.budget_books import CHARGES, agrees, ends_of
from party_node.budget_tables import (
    AnswerRefreshRow,
    AnswerRow,
    BudgetAccountRow,
    BudgetRenewalRow,
    LineageRow,
)
from party_node.ledger.findings import Findings
from party_node.ledger.fsck_entries import EntryPass
from party_node.ledger.fsck_rows import place
from party_node.second_approvals import REFRESHED, RENEWED, said_of
from party_node.tables import BudgetChargeRow, CounterRow


class BudgetCheck:
    """Compares what stands of the budget with itself and with the entries."""

    def __init__(self, session: Session, findings: Findings, entries: EntryPass) -> None:
        self._session, self._findings, self._entries = session, findings, entries

    def charges(self) -> None:
        """No charge is missing among those that were counted, and the sums run through."""
        charges = self._all(BudgetChargeRow)
        self._numbers("budget_charges", "charges", CHARGES, [row.charge or 0 for row in charges])
        before: dict[tuple[str, str, str, str], tuple[int, int]] = {}
        for row in charges:
            account = row.to_party, row.lineage, row.unit, row.month
            nth, spent = before.get(account, (0, 0))
            if (row.nth, row.spent_nano) != (nth + 1, spent + row.rho_nano):
                what = "it does not continue the charge before it"
                self._findings.add(place("budget_charges", row.charge), what)
            before[account] = row.nth, row.spent_nano

    def accounts(self) -> None:
        """Each account is as its newest charge left it, and none is missing."""
        ends = ends_of(self._all(BudgetChargeRow))
        for head in self._all(BudgetAccountRow):
            key = head.counterparty, head.lineage, head.unit, head.month
            if not agrees(head, ends.pop(key, None)):
                self._findings.add(place("budget_accounts", *key), "its charges say otherwise")
        for key in sorted(ends):
            self._findings.add(place("budget_accounts", *key), "it has charges, and is not there")

    def lineages(self) -> None:
        """Each charge counts in the lineage that its dataset is of now."""
        now = {row.dataset: row.lineage for row in self._all(LineageRow)}
        named = {(row.dataset, row.lineage) for row in self._all(BudgetChargeRow) if row.dataset}
        for dataset, lineage in sorted(named):
            if dataset not in now or now.get(lineage) != now[dataset]:
                where = place("dataset_lineages", dataset)
                self._findings.add(where, f"it was charged as of the lineage {lineage}")

    def renewals(self) -> None:
        """Each renewal and each question asked anew has its entry, and the other way round."""
        said = self._said(RENEWED)
        rows = self._all(BudgetRenewalRow)
        for row in rows:
            entry = said.get(row.entry, {})
            if (entry.get("towards"), entry.get("month")) != (row.counterparty, row.month):
                where = place("budget_renewals", row.counterparty, row.lineage, row.month)
                self._findings.add(where, "no entry of the ledger says so")
        self._missing("budget_renewals", said, (row.entry for row in rows))
        said = self._said(REFRESHED)
        refreshes = self._all(AnswerRefreshRow)
        for row in refreshes:
            if said.get(row.entry, {}).get("answer") != str(row.answer):
                where = place("answer_refreshes", row.answer)
                self._findings.add(where, "no entry of the ledger says so")
        self._missing("answer_refreshes", said, (row.entry for row in refreshes))

    def answers(self) -> None:
        """No answer is missing among those that were counted."""
        numbers = [row.answer or 0 for row in self._all(AnswerRow)]
        self._numbers("released_answers", "answers", ANSWERS, numbers)

    def _numbers(self, table: str, things: str, name: str, found: list[int]) -> None:
        counter = self._session.get(CounterRow, name)
        counted = 0 if counter is None else counter.value
        # Not one by one: a count that was changed can be any number.
        expected = range(1, counted + 1)
        surplus = [number for number in found if number not in expected]
        missing = counted - (len(found) - len(surplus))
        for number in surplus:
            self._findings.add(place(table, number), f"more {things} than were counted")
        if missing:
            self._findings.add(table, f"{missing} of {counted} {things} are missing")

    def _said(self, action: str) -> dict[int, dict[str, str]]:
        return {
            index: said_of(record)
            for index, record in self._entries.milestones
            if isinstance(record, OperatorAction) and record.action == action
        }

    def _missing(self, table: str, said: Mapping[int, object], there: Iterable[int]) -> None:
        for entry in sorted(set(said) - set(there)):
            self._findings.add(f"{table} of entry {entry}", "the entry is there, and it is not")

    def _all(self, table: type[Any]) -> list[Any]:
        keys = [col(getattr(table, column.name)) for column in table.__table__.primary_key]
        return list(self._session.execute(select(table).order_by(*keys)).scalars())
