"""A node with many charges behind it, written as its own: to see what the next one costs."""

from typing import Any

from party_node.accounts import PERSON
from party_node.budget_books import CHARGES
from party_node.budget_tables import BudgetAccountRow
from party_node.database import insert_many
from party_node.stamps import Stamps
from party_node.tables import BudgetChargeRow, CounterRow
from tests.support.node import NodeStorage


def put_charges(node: NodeStorage, count: int, party: str = "shop", each_nano: int = 1) -> None:
    """Write so many charges of before to an empty budget, about all data."""
    stamps = Stamps(node.vault)
    table: Any = BudgetChargeRow.__table__  # type: ignore[attr-defined]
    columns = [column.name for column in table.columns]
    rows = []
    for number in range(1, count + 1):
        values = {
            "charge": number, "job": f"old-{number}", "collaboration": "spring", "to_party": party,
            "what": "noisy-size", "rho_nano": each_nano, "charged_ms": 1, "dataset": "",
            "lineage": "", "unit": PERSON, "month": "", "nth": number,
            "spent_nano": number * each_nano,
        }  # fmt: skip
        values["stamp"] = stamps.make(table, values)
        rows.append(tuple(values[name] for name in columns))
    with node.db.writing() as session:
        insert_many(session, BudgetChargeRow, columns, rows)
        session.add(CounterRow(name=CHARGES, value=count))
        session.add(
            BudgetAccountRow(
                counterparty=party, lineage="", unit=PERSON, month="", charges=count,
                spent_nano=count * each_nano, limit_nano=10**12, last_charge=count,
            )
        )  # fmt: skip
