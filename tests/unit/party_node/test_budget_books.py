"""What a charge looks at: the same after ten thousand others as after a hundred, and enough."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from party_node.accounts import Account
from party_node.budget_books import STRETCH, stretch_of
from party_node.budgets import Budgets
from party_node.errors import RowChanged
from party_node.stamps import StampingSession
from protocols.dp.budget import Rho
from tests.support.many_charges import put_charges
from tests.support.node import NodeStorage, open_storage

LIMIT = 10**12


def charge(node: NodeStorage, job: str) -> bool:
    return Budgets(node.db).charge(job, "spring", "shop", "noisy-size", 5, LIMIT, 2)


def rows_read(node: NodeStorage, job: str) -> int:
    seen: list[Any] = []

    def count(_session: Any, instance: Any) -> None:
        seen.append(instance)

    event.listen(StampingSession, "loaded_as_persistent", count)
    try:
        assert charge(node, job)
    finally:
        event.remove(StampingSession, "loaded_as_persistent", count)
    return len(seen)


def test_a_charge_reads_no_more_after_ten_thousand_than_after_a_hundred(tmp_path: Path) -> None:
    few, many = (open_storage(tmp_path / name) for name in ("few", "many"))
    put_charges(few, 100)
    put_charges(many, 10_000)
    assert rows_read(few, "next") == rows_read(many, "next") <= STRETCH + 4
    assert Budgets(many.db).spent(Account("shop")) == Rho(10_005)


def test_it_finds_them_by_their_numbers(tmp_path: Path) -> None:
    """No query of a charge walks through the table of charges."""
    node, asked = open_storage(tmp_path), []
    put_charges(node, 50)
    with node.db.writing() as session:
        raw: Any = session.connection().connection.dbapi_connection
        raw.set_trace_callback(asked.append)
    charge(node, "next")
    raw.set_trace_callback(None)
    selects = [q for q in asked if q.startswith("SELECT") and "FROM budget_charges" in q]
    assert selects
    with node.db.reading() as session:
        for query in selects:
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
            assert all("SEARCH" in row[-1] for row in plan), plan


def test_each_old_charge_gets_its_turn() -> None:
    """Between 2,000 and 4,000 charges, every one of the first 2,000 is looked at again."""
    seen: set[int] = set()
    for counted in range(2_000, 4_000):
        first = stretch_of(counted)
        assert 1 <= first <= counted
        seen.update(range(first, first + STRETCH))
    assert set(range(1, 2_001)) <= seen


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM budget_charges WHERE charge > 100",
        "UPDATE budget_accounts SET spent_nano = 0",
        "DELETE FROM budget_accounts",
        "UPDATE budget_charges SET rho_nano = 0, spent_nano = 0",
        "DELETE FROM counters WHERE name = 'budget-charges'",
    ],
)
def test_no_budget_comes_back_by_changing_rows(tmp_path: Path, statement: str) -> None:
    node = open_storage(tmp_path)
    put_charges(node, 200)
    with node.db.connection() as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(RowChanged):
        charge(node, "next")


def test_an_old_charge_that_is_gone_gives_nothing_back(tmp_path: Path) -> None:
    """Where no stretch has reached it yet: what is left does not depend on it."""
    node = open_storage(tmp_path)
    put_charges(node, 5_000)
    first = stretch_of(5_000)
    beyond = first - 1 if first > 1 else first + STRETCH
    with node.db.connection() as connection:
        connection.exec_driver_sql(f"DELETE FROM budget_charges WHERE charge = {beyond}")
    assert Budgets(node.db).spent(Account("shop")) == Rho(5_000)


def test_an_account_of_before_that_is_put_back_is_refused(tmp_path: Path) -> None:
    """The row is one that this node wrote, with its stamp; the charges since are still there."""
    node = open_storage(tmp_path)
    charge(node, "a")
    with node.db.connection() as connection:
        (before,) = connection.exec_driver_sql("SELECT * FROM budget_accounts").all()
    charge(node, "b")
    with node.db.connection() as connection:
        connection.exec_driver_sql("DELETE FROM budget_accounts")
        places = ", ".join("?" * len(before))
        connection.exec_driver_sql(f"INSERT INTO budget_accounts VALUES ({places})", tuple(before))
    with pytest.raises(RowChanged):
        charge(node, "c")
