"""Two processes that write to one ledger: neither forks it, loses anything or misses the other.

One home has one process: the second is refused by a lock. But a home can be copied, and then
nothing keeps two nodes from one database. They must take turns.
"""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import psycopg
import pytest

from party_node import database
from party_node.errors import DatabaseUnreachable
from party_node.home import Home
from party_node.home_lock import locked
from party_node.ledger.fsck import fsck
from party_node.ledger.state import LedgerState, StateStore
from tests.support.busy_node import FEW, MANY, PEOPLE, another, open_busy
from tests.support.lives import Doomed, Told, doomed, require_one_checkpoint_of_a_size
from tests.support.network import accord


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.slow]),
    ]
)
def homes(request: pytest.FixtureRequest, template: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two homes with the same keys and one database."""
    if request.param == "sqlite":
        first, url = another(template, tmp_path / "first"), f"sqlite:///{tmp_path}/first/node.db"
    else:
        first, url = request.getfixturevalue("server")
    busy = open_busy(first)
    busy.close()
    return first, another(first, tmp_path / "second", url)


@pytest.fixture(scope="module")
def two(one: Doomed) -> Iterator[tuple[Doomed, Doomed]]:
    with doomed(None) as other:
        yield one, other


@pytest.mark.slow
def test_the_second_process_on_a_home_is_refused(template: Path, tmp_path: Path) -> None:
    home = another(template, tmp_path / "home")
    opened = Home.open(home, environ={})
    url = {"coordinator_url": "http://127.0.0.1:9", "listen_port": 0}
    opened.save(opened.settings.model_copy(update=url))
    with locked(home):
        said = accord("node", "serve", "--home", str(home))
    assert said.code == 75
    assert "another process holds" in said.err
    assert "hint: stop the other process first; a ledger has one writer" in said.err


@pytest.mark.parametrize("number", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_two_processes_append_to_one_ledger_and_neither_forks_it(
    homes: tuple[Path, Path], two: tuple[Doomed, Doomed], number: int
) -> None:
    half, size = number // 2, 1 + 2 * number
    # Each waits for the other's first half: else one may be through before the other begins.
    halves = (f"many {half}", f"settle {1 + 2 * half}", f"many {half} {half}", f"settle {size}")
    steps = (*halves, "checkpoint")
    with ThreadPoolExecutor(2) as pool:
        lived = [
            pool.submit(life.live, home, steps=steps) for life, home in zip(two, homes, strict=True)
        ]
        for first in as_completed(lived):
            first.result()  # the other one would wait for it in vain, and be found later
    both = [done.result() for done in lived]
    assert all(told.unharmed for told in both)
    assert both[0].entries.keys().isdisjoint(both[1].entries)
    assert sorted({**both[0].entries, **both[1].entries}) == list(range(1, size))
    took_turns(both)
    require_one_checkpoint_of_a_size([*both[0].notes, *both[1].notes])
    assert both[0].notes[-1] == both[1].notes[-1]
    busy = open_busy(homes[0])
    for told in both:
        for index, leaf_hash in told.entries.items():
            assert busy.ledger.leaf_hash(index).hex() == leaf_hash
    with busy.ledger.hold() as head:
        assert {told.state for told in both} == {head.projection.digest().hex()}
    assert busy.ledger.verify().size == size
    assert fsck(busy.ledger, busy.storage.identity).listed == []
    busy.close()


def test_a_ledger_that_is_opened_while_another_process_goes_on_is_not_called_damaged(
    homes: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one appends and signs after the state was read, before the checkpoints are."""
    busy = open_busy(homes[0])
    really_open = StateStore.open

    def open_slowly(store: StateStore, *arguments: Any) -> LedgerState:
        state = really_open(store, *arguments)
        busy.ledger.append([busy.storage.event(PEOPLE[0], "meanwhile")])
        busy.ledger.checkpoint()
        return state

    monkeypatch.setattr(StateStore, "open", open_slowly)
    late = open_busy(homes[1])
    assert late.ledger.head() == busy.ledger.head()
    assert late.ledger.verify().size == 2
    late.close()
    busy.close()


def took_turns(both: list[Told]) -> None:
    """They did run side by side: neither had finished when the other began."""
    first, last = ([f(told.entries) for told in both] for f in (min, max))
    assert max(first) < min(last)


# -- a writer that stands still --------------------------------------------------------------------


class Pause:
    """Hears that a life has paused inside of its transaction, and does something then."""

    def __init__(self, then: Callable[[int], None]) -> None:
        self._then = then

    def __call__(self, pid: int, words: list[Any]) -> None:
        if words[0] == "paused":
            self._then(pid)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process waits half a second for a lock, not half a minute."""
    monkeypatch.setattr(database, "_BUSY_MS", 500)
    monkeypatch.setattr(database, "_PRAGMAS", (*database._PRAGMAS, "PRAGMA busy_timeout=500"))


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_is_paused_is_waited_for_and_then_goes_on(
    homes: tuple[Path, Path], two: tuple[Doomed, Doomed]
) -> None:
    busy = open_busy(homes[1])
    node, ledger = busy.storage, busy.ledger
    event = node.event(PEOPLE[1], "other")

    def look(pid: int) -> None:
        with pytest.raises(DatabaseUnreachable) as refused:
            ledger.append([event])
        assert "another process has been writing" in str(refused.value)
        assert ledger.head()[0] == 1, "reading goes on, and nothing uncommitted is seen"
        os.kill(pid, signal.SIGCONT)

    told = two[0].live(homes[0], steps=("pause",), hear=Pause(look))
    assert list(told.entries) == [1]
    assert ledger.append([event]) == [2]
    ledger.verify()
    assert fsck(ledger, node.identity).listed == []
    busy.close()


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_is_killed_in_its_pause_leaves_nothing(
    homes: tuple[Path, Path], two: tuple[Doomed, Doomed]
) -> None:
    told = two[0].live(
        homes[0], steps=("pause",), hear=Pause(lambda pid: os.kill(pid, signal.SIGKILL))
    )
    assert told.entries == {}
    busy = open_busy(homes[1])
    assert busy.ledger.append([busy.storage.event(PEOPLE[1], "other")]) == [1]
    busy.ledger.verify()
    busy.close()


@pytest.mark.postgres
def test_a_paused_writer_whose_session_the_server_has_ended_cannot_fork_the_ledger(
    server: tuple[Path, str], tmp_path: Path, two: tuple[Doomed, Doomed]
) -> None:
    """As an operator does who finds the lock held, or the server after a broken connection."""
    home, url = server
    busy = open_busy(home)

    def usurp(pid: int) -> None:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE state = 'idle in transaction' AND datname = current_database()"
            )
        assert busy.ledger.append([busy.storage.event(PEOPLE[1], "other")]) == [1]
        os.kill(pid, signal.SIGCONT)

    told = two[0].live(another(home, tmp_path / "second"), steps=("pause",), hear=Pause(usurp))
    assert (told.entries, told.refused) == ({}, "database-unreachable")
    assert busy.ledger.verify().size == 2
    assert busy.ledger.append([busy.storage.event(PEOPLE[2], "third")]) == [2]
    busy.close()
