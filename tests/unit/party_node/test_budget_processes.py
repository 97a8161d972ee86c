"""The budget where processes die and compete: `kill -9`, and two of them at one database."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from party_node.accounts import Account
from party_node.budgets import Budgets
from protocols.dp.budget import Rho
from protocols.errors import BudgetExceeded
from tests.support.migrated import node_database
from tests.support.node import NodeStorage, open_storage

ROOT = Path(__file__).resolve().parents[3]
SHOP = Account("shop")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NodeStorage]:
    if request.param == "sqlite":
        yield open_storage(tmp_path)
        return
    with node_database(request.getfixturevalue("cluster")) as url:
        node = open_storage(tmp_path, url=url)
        yield node
        node.db.close()


def charger(node: NodeStorage, prefix: str, *numbers: int) -> subprocess.Popen[str]:
    words = ["-m", "tests.support.charger", str(node.home.path), prefix, *map(str, numbers)]
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_process_killed_between_charge_and_release_has_charged_once(tmp_path: Path) -> None:
    """What was acknowledged is there; what was under way is there whole or not at all."""
    node = open_storage(tmp_path)
    process = charger(node, "j", 10_000, 3, 10**9)
    with process:
        begin(process)
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(5)]
        os.kill(process.pid, signal.SIGKILL)
        said += process.stdout.read().split()
    assert process.returncode == -signal.SIGKILL
    budgets = Budgets(node.db)
    there = [charge.job for charge in budgets.history()]
    assert there[: len(said)] == said
    assert len(there) - len(said) in (0, 1)
    assert budgets.spent(SHOP) == Rho(3 * len(there))
    for job in there:
        assert not budgets.charge(job, "spring", "shop", "noisy-size", 3, 10**9, 1)
    assert budgets.charge("next", "spring", "shop", "noisy-size", 3, 10**9, 1)
    assert budgets.spent(SHOP) == Rho(3 * len(there) + 3)


@pytest.mark.slow
def test_two_processes_never_overspend(node: NodeStorage) -> None:
    """Each wants 20 charges of 7; 14 fit into 100 for both together.

    Threads in one process do the same in `test_never_overspent_by_concurrent_threads`.
    """
    both = [charger(node, prefix, 20, 7, 100) for prefix in "ab"]
    for process in both:
        begin(process)
    said = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    budgets = Budgets(node.db)
    assert budgets.spent(SHOP) == Rho(98)
    assert sorted(charge.job for charge in budgets.history()) == sorted(said[0] + said[1])
    with pytest.raises(BudgetExceeded):
        budgets.charge("last", "spring", "shop", "noisy-size", 7, 100, 0)
