"""What counts together: towards whom, about whose people, since which renewal."""

from pathlib import Path

import pytest
from pyroaring import BitMap

from party_node.accounts import PUBLIC, Account
from party_node.budgets import Budgets
from party_node.errors import IdempotencyConflict, NotRenewable, RowChanged, UnknownDataset
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.lineages import Lineages
from party_node.roles.callers import Caller
from party_node.roles.tokens import StaffRole
from party_node.second_approvals import SecondApprovals
from protocols.dp.budget import Rho
from protocols.errors import BudgetExceeded
from tests.support.node import NodeStorage, open_storage

LIMIT = 100
MONTH_MS = 31 * 24 * 3_600_000
CUSTOMERS = Account("shop", "customers")
MONTHLY = Account("shop", "customers", monthly=True)
TWO = (Caller(StaffRole.OPERATOR, "anna"), Caller(StaffRole.COMPLIANCE, "ben"))


@pytest.fixture
def node(tmp_path: Path) -> NodeStorage:
    node = open_storage(tmp_path)
    registered(node, "customers", BitMap(range(100)))
    return node


@pytest.fixture
def budgets(node: NodeStorage) -> Budgets:
    return Budgets(node.db)


def registered(node: NodeStorage, dataset: str, people: BitMap) -> None:
    node.clock.advance(1)
    with node.db.writing() as session:
        Lineages(node.vault, node.clock).join(session, dataset, people)


def charge(
    budgets: Budgets, job: str, rho_nano: int, account: Account = CUSTOMERS,
    collaboration: str = "spring", limit: int = LIMIT, now_ms: int = 0, what: str = "noisy-size",
) -> bool:  # fmt: skip
    return budgets.charge(
        job, collaboration, account.counterparty, what, rho_nano, limit, now_ms,
        dataset=account.dataset, monthly=account.monthly,
    )  # fmt: skip


def test_another_agreement_over_the_same_people_shares_the_budget(budgets: Budgets) -> None:
    charge(budgets, "a", 60)
    with pytest.raises(BudgetExceeded):
        charge(budgets, "b", 41, collaboration="autumn")
    assert charge(budgets, "b", 40, collaboration="autumn")
    assert budgets.remaining(CUSTOMERS, LIMIT) == Rho(0)


def test_another_name_over_the_same_people_shares_the_budget(
    node: NodeStorage, budgets: Budgets
) -> None:
    charge(budgets, "a", 100)
    registered(node, "renamed", BitMap(range(100)))
    with pytest.raises(BudgetExceeded):
        charge(budgets, "b", 1, Account("shop", "renamed"))


def test_other_people_and_other_parties_have_budgets_of_their_own(
    node: NodeStorage, budgets: Budgets
) -> None:
    registered(node, "strangers", BitMap(range(1_000, 1_100)))
    charge(budgets, "a", 100)
    assert charge(budgets, "b", 100, Account("shop", "strangers"))
    assert charge(budgets, "a", 100, Account("telco", "customers"))
    assert charge(budgets, "release", 100, Account(PUBLIC, "customers"), what="statistics")


def test_lineages_that_become_one_add_up_what_was_spent(
    node: NodeStorage, budgets: Budgets
) -> None:
    registered(node, "fr", BitMap(range(500, 600)))
    charge(budgets, "a", 70)
    charge(budgets, "b", 70, Account("shop", "fr"))
    registered(node, "europe", BitMap(range(600)))
    europe = Account("shop", "europe")
    assert budgets.spent(europe) == Rho(140)
    assert budgets.remaining(europe, LIMIT) == Rho(0)
    with pytest.raises(BudgetExceeded):
        charge(budgets, "c", 1, Account("shop", "fr"))
    assert not charge(budgets, "b", 70, Account("shop", "fr")), "what was charged stays charged"


def test_what_is_about_all_data_counts_in_every_lineage(
    node: NodeStorage, budgets: Budgets
) -> None:
    registered(node, "strangers", BitMap(range(1_000, 1_100)))
    charge(budgets, "a", 30)
    charge(budgets, "b", 50, Account("shop", "strangers"))
    whole = Account("shop")
    with pytest.raises(BudgetExceeded):
        charge(budgets, "c", 51, whole)
    assert charge(budgets, "c", 50, whole)
    assert budgets.remaining(CUSTOMERS, LIMIT) == Rho(20)
    assert budgets.remaining(Account("shop", "strangers"), LIMIT) == Rho(0)


def test_a_dataset_that_nobody_registered_is_not_charged(budgets: Budgets) -> None:
    with pytest.raises(UnknownDataset):
        charge(budgets, "a", 1, Account("shop", "unheard-of"))
    assert budgets.history() == []


def test_the_same_charge_about_other_people_is_a_conflict(
    node: NodeStorage, budgets: Budgets
) -> None:
    registered(node, "strangers", BitMap(range(1_000, 1_100)))
    charge(budgets, "a", 10)
    with pytest.raises(IdempotencyConflict):
        charge(budgets, "a", 10, Account("shop", "strangers"))


# -- a new month -----------------------------------------------------------------------------------


@pytest.fixture
def ledger(node: NodeStorage) -> ConsentLedger:
    return node.open_ledger()


@pytest.fixture
def approvals(ledger: ConsentLedger) -> SecondApprovals:
    return SecondApprovals(ledger)


def test_a_new_month_alone_gives_nothing(node: NodeStorage, budgets: Budgets) -> None:
    charge(budgets, "a", 100, MONTHLY, now_ms=node.clock())
    node.clock.advance(MONTH_MS)
    with pytest.raises(BudgetExceeded):
        charge(budgets, "b", 1, MONTHLY, now_ms=node.clock())


def test_two_people_let_it_begin_anew_and_the_ledger_says_so(
    node: NodeStorage, budgets: Budgets, ledger: ConsentLedger, approvals: SecondApprovals
) -> None:
    charge(budgets, "a", 100, MONTHLY, now_ms=node.clock())
    node.clock.advance(MONTH_MS)
    month, entry = approvals.renew(MONTHLY, "the yearly report", TWO)
    said = ledger.entry(entry).record
    assert said.action == "budget-renewed"  # type: ignore[union-attr]
    assert said.by == "operator:anna, compliance:ben"  # type: ignore[union-attr]
    assert said.detail == (  # type: ignore[union-attr]
        f"towards:shop, data:customers, month:{month}, the yearly report"
    )
    assert budgets.spent(MONTHLY) == Rho(0)
    assert charge(budgets, "b", 90, MONTHLY, now_ms=node.clock())
    assert budgets.spent(MONTHLY) == Rho(90)
    assert not charge(budgets, "a", 100, MONTHLY), "a job of before is not charged again"


def test_an_agreement_without_a_window_counts_all_months(
    node: NodeStorage, budgets: Budgets, approvals: SecondApprovals
) -> None:
    charge(budgets, "a", 60, MONTHLY, now_ms=node.clock())
    node.clock.advance(MONTH_MS)
    approvals.renew(MONTHLY, "report", TWO)
    charge(budgets, "b", 30, MONTHLY, now_ms=node.clock())
    assert budgets.spent(CUSTOMERS) == Rho(90)
    with pytest.raises(BudgetExceeded):
        charge(budgets, "c", 11, CUSTOMERS)


def test_a_renewal_is_refused_where_it_would_be_a_way_around(
    node: NodeStorage, budgets: Budgets, ledger: ConsentLedger, approvals: SecondApprovals
) -> None:
    size = ledger.head()[0]
    with pytest.raises(NotRenewable, match="nothing was charged"):
        approvals.renew(MONTHLY, "early", TWO)
    charge(budgets, "a", 100, MONTHLY, now_ms=node.clock())
    with pytest.raises(NotRenewable, match="already"):
        approvals.renew(MONTHLY, "same month", TWO)
    node.clock.advance(MONTH_MS)
    with pytest.raises(NotRenewable, match="agreement"):
        approvals.renew(CUSTOMERS, "no window", TWO)
    approvals.renew(MONTHLY, "due", TWO)
    with pytest.raises(NotRenewable, match="already"):
        approvals.renew(MONTHLY, "twice", TWO)
    assert ledger.head()[0] == size + 1


def test_a_renewal_of_one_lineage_forgets_nothing_of_another_that_joins_it(
    node: NodeStorage, budgets: Budgets, approvals: SecondApprovals
) -> None:
    registered(node, "fr", BitMap(range(500, 600)))
    charge(budgets, "a", 100, MONTHLY, now_ms=node.clock())
    charge(budgets, "b", 70, Account("shop", "fr", monthly=True), now_ms=node.clock())
    node.clock.advance(MONTH_MS)
    approvals.renew(MONTHLY, "report", TWO)
    registered(node, "europe", BitMap(range(600)))
    assert budgets.spent(Account("shop", "europe", monthly=True)) == Rho(70)


def test_a_renewal_that_was_put_into_the_database_is_refused(
    node: NodeStorage, budgets: Budgets
) -> None:
    charge(budgets, "a", 100, MONTHLY)
    with node.db.connection() as connection:
        connection.exec_driver_sql(
            "INSERT INTO budget_renewals (counterparty, lineage, month, entry, stamp)"
            " VALUES ('shop', 'customers', '2099-01', 1, '')"
        )
    with pytest.raises(RowChanged):
        charge(budgets, "b", 1, MONTHLY)
