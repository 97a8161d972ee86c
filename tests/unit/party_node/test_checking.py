"""Checks of a ledger while it is in use, on both databases: one snapshot, no lock, no trace."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from consent.words import EventState
from party_node import database
from party_node.erasure.erasing import Erased, Erasing
from party_node.errors import CheckInterrupted, HomeDamaged, NotFound, SchemaUnknown
from party_node.home_lock import locked
from party_node.ledger import raw_rows
from party_node.ledger.checking import Checking
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.findings import Findings
from party_node.ledger.fsck import fsck
from party_node.ledger.offline import fsck_offline
from party_node.surface_errors import AlreadyServed
from tests.support.full_ledger import PEOPLE, FullLedger, full_ledger
from tests.support.migrated import node_database
from tests.support.node import ORIGIN, open_storage


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def full(request: pytest.FixtureRequest) -> Iterator[FullLedger]:
    if request.param == "sqlite":
        with full_ledger() as made:
            yield made
        return
    cluster = request.getfixturevalue("cluster")
    with (
        node_database(cluster) as url,
        full_ledger(url) as made,
    ):
        yield made


class Witnessing:
    """Stands in for the node's witnessing: only its policy is asked for."""

    def __init__(self, full: FullLedger) -> None:
        self.trust = full.trust


def checking(full: FullLedger) -> Checking:
    return Checking(full.ledger, full.node.identity, Witnessing(full), full.node.rng)  # type: ignore[arg-type]


def meanwhile(act: Callable[[], None]) -> None:
    """Do something in another thread, and wait for it: whoever held a lock here would time out."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(act).result(60)


def test_it_reads_one_snapshot_while_everything_goes_on(
    full: FullLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Appends, a decision, an erasure and a checkpoint between its pages: it sees none of them."""
    monkeypatch.setattr(raw_rows, "_PAGE", 100)
    monkeypatch.setattr(database, "_SCRUB_MS", 1)
    node, ledger, size = full.node, full.ledger, full.ledger.head()[0]
    looked: list[int] = []

    def disturb(entries: int) -> None:
        looked.append(entries)
        number = len(looked)
        meanwhile(lambda: _disturb(full, number))

    assert fsck(ledger, node.identity, full.trust, disturb) == Findings(entries=size)
    assert looked == [100, 200, 300, size]
    assert ledger.head()[0] > size + 4
    assert not fsck(ledger, node.identity, full.trust)


def _disturb(full: FullLedger, number: int) -> None:
    node, ledger = full.node, full.ledger
    mail = PEOPLE[9 + number]
    ledger.append([node.event(mail, f"x{number}", state=EventState.WITHDRAWN)])
    ledger.submit([node.event(mail, f"y{number}", jurisdiction="FR")])
    ledger.checkpoint()
    dense = node.identity.find("email", PEOPLE[20 + number])
    assert dense is not None
    forgets = [lambda session, subject, _: full.gate.decisions.forget(session, subject)]
    Erasing(ledger, node.identity, node.rng, forgets, []).erase(dense, f"request-{number}")


def test_who_was_erased_during_a_check_is_gone_after_it(
    full: FullLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_SCRUB_MS", 1)
    node, ledger = full.node, full.ledger
    ledger.append([node.event(PEOPLE[12], "a-name-that-nobody-else-has")])
    dense = node.identity.find("email", PEOPLE[12])
    assert dense is not None
    seen: list[Erased] = []
    forgets = [lambda session, subject, _: full.gate.decisions.forget(session, subject)]
    erasing = Erasing(ledger, node.identity, node.rng, forgets, [])

    def erase(entries: int) -> None:
        if entries and not seen:
            meanwhile(lambda: seen.append(erasing.erase(dense, "request-x")))

    assert not checking(full).run(erase)
    assert not seen[0].finished, "the check still read what was there before"
    assert erasing.finish()
    left = b"".join(
        path.read_bytes() for path in node.home.path.rglob("node.db*") if path.is_file()
    )
    assert b"a-name-that-nobody-else-has" not in left


def test_a_check_is_followed_to_its_end(full: FullLedger) -> None:
    checks = checking(full)
    begun = checks.start()
    checks._threads[0].join(60)
    ended = checks.progress(begun.check_id)
    assert (ended.entries, ended.size, ended.ended) == (begun.size, begun.size, True)
    assert ended.findings == Findings(entries=begun.size)
    with pytest.raises(NotFound):
        checks.progress("0" * 32)


def test_a_node_that_stops_ends_its_check(full: FullLedger) -> None:
    checks = checking(full)

    def stop(entries: int) -> None:
        if entries:
            checks.stop()

    with pytest.raises(CheckInterrupted):
        checks.run(stop)
    begun = checks.start()
    checks._threads[0].join(60)
    assert isinstance(checks.progress(begun.check_id).error, CheckInterrupted)


# -- a home that nobody serves ---------------------------------------------------------------------


def test_a_home_is_checked_without_a_node(tmp_path) -> None:
    node = open_storage(tmp_path)
    seed, party = node.home.ledger_seed, node.home.settings.party
    ledger = ConsentLedger(
        node.db, node.vault, ORIGIN, seed, node.clock, node.rng, controller=party
    )
    ledger.open()
    ledger.append([node.event(PEOPLE[0], 1)])
    node.db.close()
    assert fsck_offline(node.home) == Findings(entries=2)
    with locked(node.home.path), pytest.raises(AlreadyServed):
        fsck_offline(node.home)
    assert ledger.head()[0] == 2


def test_a_home_without_a_database_or_with_another_schema_is_refused(tmp_path) -> None:
    node = open_storage(tmp_path)
    node.db.close()
    path = node.home.path / "node.db"
    path.unlink()
    with pytest.raises(HomeDamaged, match="missing"):
        fsck_offline(node.home)
    assert not path.exists()
    path.touch()
    with pytest.raises(SchemaUnknown, match="none"):
        fsck_offline(node.home)
