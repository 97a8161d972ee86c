"""What fsck finds of a budget that somebody else worked on, with rows that this node once wrote."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import delete, insert, select

from party_node.accounts import Account
from party_node.answers import Answers
from party_node.budgets import Budgets
from party_node.ledger.fsck import fsck
from party_node.lineages import Lineages
from party_node.roles.tokens import StaffRole
from party_node.second_approvals import SecondApprovals
from party_node.tables import NodeTable
from tests.support.desk import Desk, desk_in

MONTHLY = Account("shop", "uk", monthly=True)
MONTH_MS = 31 * 24 * 3_600_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_in(tmp_path) as desk:
        for dataset, people in (("uk", range(100)), ("fr", range(500, 600))):
            joined(desk, dataset, BitMap(people))
        for number in range(3):
            charge(desk, f"j{number}", "uk")
        yield desk


def joined(desk: Desk, dataset: str, people: BitMap) -> None:
    desk.node.clock.advance(1)
    with desk.node.db.writing() as session:
        Lineages(desk.node.vault, desk.node.clock).join(session, dataset, people)


def charge(desk: Desk, job: str, dataset: str) -> None:
    budgets = Budgets(desk.node.db)
    budgets.charge(
        job, "spring", "shop", "noisy-size", 5, 1_000, desk.node.clock(), dataset=dataset
    )


def copied(desk: Desk, table: str, **where: Any) -> dict[str, Any]:
    of = NodeTable.metadata.tables[table]
    with desk.node.db.reading() as session:
        return dict(session.execute(select(of).filter_by(**where)).one()._mapping)


def put_back(desk: Desk, table: str, row: dict[str, Any]) -> None:
    of = NodeTable.metadata.tables[table]
    with desk.node.db.connection() as connection:
        connection.execute(delete(of).where(*(k == row[k.name] for k in of.primary_key.columns)))
        connection.execute(insert(of).values(row))


def attack(desk: Desk, statement: str) -> None:
    with desk.node.db.connection() as connection:
        connection.exec_driver_sql(statement)


def found(desk: Desk) -> set[str]:
    return {finding.where for finding in fsck(desk.ledger, desk.node.identity).listed}


def test_nothing_is_found_where_nobody_was(desk: Desk) -> None:
    assert found(desk) == set()


def test_a_charge_in_the_middle_that_is_gone_is_found(desk: Desk) -> None:
    attack(desk, "DELETE FROM budget_charges WHERE charge = 2")
    assert found(desk) == {"budget_charges", "budget_charges 3"}


def test_an_account_of_before_is_found(desk: Desk) -> None:
    before = copied(desk, "budget_accounts")
    charge(desk, "j9", "uk")
    put_back(desk, "budget_accounts", before)
    assert found(desk) == {"budget_accounts shop/uk/person/"}


def test_an_account_that_is_gone_is_found(desk: Desk) -> None:
    attack(desk, "DELETE FROM budget_accounts")
    assert found(desk) == {"budget_accounts shop/uk/person/"}


def test_a_lineage_of_before_is_found(desk: Desk) -> None:
    """Cut off again from the people that it was charged with, it would have a fresh budget."""
    joined(desk, "fr-2", BitMap(range(900, 1_000)))
    before = copied(desk, "dataset_lineages", dataset="fr-2")
    joined(desk, "fr-2", BitMap(range(600)))
    charge(desk, "j9", "fr-2")
    assert found(desk) == set()
    put_back(desk, "dataset_lineages", before)
    assert "dataset_lineages fr-2" in found(desk)


def test_a_second_approval_that_is_gone_or_speaks_of_something_else_is_found(desk: Desk) -> None:
    two = (desk.staff("ops", StaffRole.OPERATOR), desk.staff("dpo", StaffRole.COMPLIANCE))
    approvals = SecondApprovals(desk.ledger)
    desk.node.clock.advance(MONTH_MS)
    month, renewed = approvals.renew(MONTHLY, "a reason, with a comma: and a colon", two)
    kept = Answers(desk.node.db, desk.node.vault).keep(
        MONTHLY, bytes(32), bytes(32), "j", b"release", 5, 1
    )
    refreshed = approvals.refresh(kept.number, "wrong", two)
    assert found(desk) == set()
    attack(desk, f"UPDATE budget_renewals SET entry = {refreshed}")
    row = f"budget_renewals shop/uk/{month}"
    assert found(desk) == {row, f"budget_renewals of entry {renewed}"}
    attack(desk, f"UPDATE budget_renewals SET entry = {renewed}")
    assert found(desk) == set()
    attack(desk, "DELETE FROM answer_refreshes")
    assert found(desk) == {f"answer_refreshes of entry {refreshed}"}


def test_an_answer_that_is_gone_is_found(desk: Desk) -> None:
    answers = Answers(desk.node.db, desk.node.vault)
    for number in range(2):
        answers.keep(MONTHLY, bytes([number] * 32), bytes(32), "j", b"release", 5, 1)
    attack(desk, "DELETE FROM released_answers WHERE answer = 1")
    assert found(desk) == {"released_answers"}
