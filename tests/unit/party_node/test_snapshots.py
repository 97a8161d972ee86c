"""A node starts from its sealed snapshot, and from nothing else that looks like one."""

import gc
from contextlib import contextmanager

import pytest
from sqlalchemy import delete, select, update
from sqlmodel import col

from consent.errors import LedgerInconsistent
from consent.reasons import Query, Reason
from consent.vocabulary import Vocabulary
from consent.words import EventState, Operation
from party_node.database import select_among
from party_node.errors import DiskFull, LedgerDamaged
from party_node.ledger import consent_ledger
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.entries import EntryReader
from party_node.ledger.snapshots import Snapshots
from party_node.memory import bulk_work
from party_node.tables import EntryRow, PayloadRow, SnapshotRow, SubjectKeyRow, SubjectRow
from party_node.vault import Vault
from tests.support.node import ORIGIN, open_storage

A, B, C = "a@x.example", "b@x.example", "c@x.example"


@pytest.fixture
def node(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def ledger(node):
    ledger = node.open_ledger()
    ledger.append([node.event(A, 1), node.event(B, 2), node.event(B, 3, state=EventState.REFUSED)])
    return ledger


@pytest.fixture
def read(monkeypatch):
    """Indices of the entries that are opened, in order."""
    opened = []
    one = EntryReader._entry

    def noting(self, row, known):
        opened.append(row.index)
        return one(self, row, known)

    monkeypatch.setattr(EntryReader, "_entry", noting)
    return opened


def assert_same(one, other):
    assert one.head() == other.head()
    assert one.projection().digest() == other.projection().digest()
    assert one._newest_ms == other._newest_ms
    assert one._policy == other._policy


def test_a_start_reads_only_what_follows_the_snapshot(node, ledger, read):
    ledger.snapshot()
    ledger.append([node.event(A, 4, state=EventState.WITHDRAWN), node.event(C, 5)])
    read.clear()
    again = node.open_ledger()
    assert read == [4, 5]
    assert_same(again, ledger)
    assert again.verify().root == ledger.head()[1]
    said = again.explain("email", A, "joint-audience", "shop", "psi")
    assert said.decision.reason == "withdrawn"


def test_a_withdrawal_after_the_snapshot_counts_in_the_next_start(node, ledger):
    ledger.snapshot()
    dense = node.identity.find("email", A)
    question = Query(
        purpose="joint-audience",
        operation=Operation.PSI,
        at_ms=node.clock.now_ms,
        recipient="shop",
    )
    assert dense in node.open_ledger().projection().bulk(question).allowed
    ledger.append([node.event(A, 4, state=EventState.WITHDRAWN)])
    answer = node.open_ledger().projection().bulk(question)
    assert dense not in answer.allowed
    assert dense in answer.denied[Reason.WITHDRAWN]


def test_appends_go_on_from_a_snapshot(node, ledger):
    ledger.snapshot()
    again = node.open_ledger()
    assert again.append([node.event(A, 1), node.event(A, 9)]) == [1, 4]
    ledger.head()  # the other one follows
    assert_same(again, ledger)
    assert again.events_of(node.identity.find("email", A))[1].record.previous == again.leaf_hash(1)


@contextmanager
def writing(node):
    with node.db.writing() as session:
        yield session


def spoil_seal(node):
    with writing(node) as session:
        session.execute(update(SnapshotRow).values(sealed=b"s" * 100))


def move_to_another_size(node):
    with writing(node) as session:
        session.execute(update(SnapshotRow).values(size=2))


def lose(node):
    with writing(node) as session:
        session.execute(delete(SnapshotRow))


def double(node):
    with writing(node) as session:
        (row,) = session.execute(select(SnapshotRow)).scalars()
        session.add(SnapshotRow(size=row.size, part=1, sealed=row.sealed))


def put_no_snapshot_under_the_seal(node):
    with writing(node) as session:
        sealed = node.vault.seal("ledger-snapshot/4/0/1", b"not compressed")
        session.execute(update(SnapshotRow).values(sealed=sealed))


SPOILING = [spoil_seal, move_to_another_size, lose, double, put_no_snapshot_under_the_seal]


@pytest.mark.parametrize("spoil", SPOILING, ids=lambda f: f.__name__)
def test_a_snapshot_that_does_not_open_is_ignored(node, ledger, read, spoil):
    ledger.snapshot()
    spoil(node)
    read.clear()
    assert_same(node.open_ledger(), ledger)
    assert read == [0, 1, 2, 3]


def test_a_snapshot_of_another_node_does_not_open(node, ledger):
    ledger.snapshot()
    with node.db.reading() as session:
        assert Snapshots(node.vault).load(session, ledger.vocabulary) is not None
        assert Snapshots(Vault(b"k" * 32)).load(session, ledger.vocabulary) is None


def test_a_snapshot_under_another_vocabulary_is_ignored(node, ledger, read):
    ledger.snapshot()
    other = Vocabulary(purposes=ledger.vocabulary.purposes, processors=frozenset({"shop"}))
    read.clear()
    again = ConsentLedger(
        node.db, node.vault, ORIGIN, node.home.ledger_seed, node.clock, node.rng, vocabulary=other
    )
    assert read == [0, 1, 2, 3]
    assert again.head() == ledger.head()


def test_a_changed_log_is_not_what_the_snapshot_is_of(node, ledger):
    ledger.snapshot()
    with writing(node) as session:
        session.execute(
            update(EntryRow).where(col(EntryRow.index) == 3).values(leaf_hash=b"h" * 32)
        )
    with pytest.raises(LedgerDamaged):
        node.open_ledger()


def test_a_log_that_was_cut_off_is_not_what_the_snapshot_is_of(node, ledger, read):
    ledger.snapshot()
    with writing(node) as session:
        session.execute(delete(EntryRow).where(col(EntryRow.index) == 3))
    read.clear()
    again = node.open_ledger()
    assert read == [0, 1, 2]
    with pytest.raises(LedgerInconsistent):
        again.leaf_hash(3)


def test_whose_keys_are_destroyed_is_forgotten(node, ledger):
    ledger.snapshot()
    dense = node.identity.find("email", A)
    with writing(node) as session:
        session.execute(delete(SubjectKeyRow).where(col(SubjectKeyRow.subject) == dense))
        session.execute(delete(PayloadRow).where(col(PayloadRow.index) == 1))
    resumed = node.open_ledger()
    assert dense not in resumed.projection().subjects
    lose(node)
    assert_same(resumed, node.open_ledger())


def test_there_is_one_snapshot_and_it_says_nothing_in_clear(node, ledger):
    ledger.snapshot()
    ledger.append([node.event(C, 7)])
    ledger.snapshot()
    with node.db.reading() as session:
        rows = session.execute(select(SnapshotRow)).scalars().all()
    assert [(row.size, row.part) for row in rows] == [(5, 0)]
    assert b"joint-audience" not in rows[0].sealed


def test_a_large_snapshot_lies_in_parts(node, ledger, monkeypatch, read):
    monkeypatch.setattr("party_node.ledger.snapshots._PART_BYTES", 50)
    ledger.snapshot()
    with node.db.reading() as session:
        assert len(session.execute(select(SnapshotRow)).all()) > 2
    read.clear()
    assert_same(node.open_ledger(), ledger)
    assert read == []


@pytest.mark.parametrize("limit", ["_MANY", "_SOME", "_FEW"])
def test_a_snapshot_is_made_after_enough_entries(node, ledger, monkeypatch, limit):
    monkeypatch.setattr(consent_ledger, limit, 1)
    {
        "_MANY": lambda: ledger.append([node.event(A, 8)]),
        "_SOME": lambda: ledger.note_import("crm", "0" * 64, 0, 0, 0, 0),
        "_FEW": ledger.close,
    }[limit]()
    with node.db.reading() as session:
        kept = Snapshots(node.vault).load(session, ledger.vocabulary)
    assert (kept.size, kept.root) == ledger.head()


def test_an_orderly_end_of_a_small_ledger_keeps_nothing(node, ledger):
    ledger.close()
    with node.db.reading() as session:
        assert session.execute(select(SnapshotRow)).all() == []


def test_a_snapshot_that_finds_no_room_fails_no_append(node, ledger, monkeypatch):
    def full(self, session, snapshot):
        raise DiskFull

    monkeypatch.setattr(consent_ledger, "_MANY", 1)
    monkeypatch.setattr(Snapshots, "keep", full)
    assert ledger.append([node.event(A, 8)]) == [4]
    with pytest.raises(DiskFull):
        ledger.snapshot()
    assert node.open_ledger().head() == ledger.head()


def test_rows_are_found_among_many_values(node, ledger):
    with node.db.reading() as session:
        found = select_among(session, SubjectRow, ("dense",), "dense", [0, 1, *range(50, 12_000)])
        assert sorted(row[0] for row in found) == [0, 1]
        events = select_among(session, EntryRow, ("index",), "subject", [0, 1], type="use-record")
        assert list(events) == []


def test_bulk_work_leaves_the_collector_as_it_was():
    usual = gc.get_threshold()
    with bulk_work(), bulk_work():
        assert gc.get_threshold()[0] > usual[0]
    assert gc.get_threshold() == usual
