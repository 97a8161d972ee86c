"""Charges in any order, with crashes at both ends of the transaction, against a plain sum."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap
from sqlmodel import Session

from party_node.accounts import EVERY, Account
from party_node.budgets import Budgets
from party_node.database import Database
from party_node.errors import IdempotencyConflict
from party_node.ledger.findings import Findings
from party_node.ledger.fsck_budget import BudgetCheck
from party_node.lineages import Lineages
from protocols.errors import BudgetExceeded
from tests.support.depth import examples
from tests.support.node import NodeStorage, open_storage

LIMIT = 1_000
LINEAGES = {"uk": "uk", "uk-2": "uk", "fr": "fr"}
_runs = itertools.count()


class Died(Exception):
    """The process is gone before the transaction is on disk."""


@dataclass
class Dying:
    """A database under which a process dies at the moment of the commit."""

    db: Database

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.db.writing() as session:
            yield session
            raise Died


@dataclass
class Model:
    """What was charged: (job, party) → (dataset, amount)."""

    charged: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)

    def spent(self, party: str, dataset: str) -> int:
        mine = [(d, n) for (_, p), (d, n) in self.charged.items() if p == party]
        whole = sum(n for d, n in mine if d == EVERY)
        each = {
            lineage: sum(n for d, n in mine if d != EVERY and LINEAGES[d] == lineage)
            for lineage in ("uk", "fr")
        }
        return whole + (max(each.values()) if dataset == EVERY else each[LINEAGES[dataset]])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> NodeStorage:
    node = open_storage(tmp_path_factory.mktemp("node"))
    with node.db.writing() as session:
        lineages = Lineages(node.vault, node.clock)
        lineages.join(session, "uk", BitMap(range(100)))
        node.clock.advance(1)
        lineages.join(session, "uk-2", BitMap(range(100)))
        lineages.join(session, "fr", BitMap(range(500, 600)))
    return node


steps = st.lists(
    st.tuples(
        st.sampled_from(["charge", "charge", "die-before", "die-after"]),
        st.integers(0, 6),
        st.sampled_from(["shop", "telco"]),
        st.sampled_from([*LINEAGES, EVERY]),
        st.integers(0, 600),
    ),
    max_size=10,
)


@settings(max_examples=examples(10))
@given(steps)
def test_never_overspent_whatever_crashes(
    node: NodeStorage, steps: list[tuple[str, int, str, str, int]]
) -> None:
    run, model, budgets = next(_runs), Model(), Budgets(node.db)
    for how, number, to, dataset, amount in steps:
        # Parties and jobs of this example alone: the database is that of all examples.
        job, party = f"j{run}-{number}", f"{to}{run}"
        asked = (job, "spring", party, "noisy-size", amount, LIMIT, 0)
        if how == "die-before":
            with pytest.raises((Died, BudgetExceeded, IdempotencyConflict)):
                Budgets(Dying(node.db)).charge(*asked, dataset=dataset)  # type: ignore[arg-type]
            continue
        before = model.charged.get((job, party))
        room = LIMIT - model.spent(party, dataset)
        for _ in range(2 if how == "die-after" else 1):  # nobody heard that it was charged
            try:
                new = budgets.charge(*asked, dataset=dataset)
            except BudgetExceeded:
                assert before is None
                assert amount > room
                break
            except IdempotencyConflict:
                assert before not in (None, (dataset, amount))
                break
            assert new is ((job, party) not in model.charged)
            assert model.charged.setdefault((job, party), (dataset, amount)) == (dataset, amount)
        for name in (*LINEAGES, EVERY):
            spent = budgets.spent(Account(party, name)).nano
            assert spent == model.spent(party, name) <= LIMIT
    findings = Findings()
    with node.db.reading() as session:
        check = BudgetCheck(session, findings, None)  # type: ignore[arg-type]
        for each in (check.charges, check.accounts, check.lineages):
            each()
    assert findings.listed == []
