"""One suite for both databases: what the storage promises does not depend on which one is below."""

import dataclasses
import threading

import pytest

from consent.checkpoint import Cosigner, open_checkpoint, with_cosignatures
from consent.note import parse_vkey
from consent.policy import parse_policy, write_policy
from consent.words import EventState
from party_node.accounts import Account
from party_node.budgets import Budgets
from party_node.capture.file_import import import_file
from party_node.database import select_among
from party_node.ledger.asking import Answer, Said
from party_node.ledger.witness_memory import View, WitnessMemory
from party_node.migrations import migrate
from party_node.tables import SubjectRow
from protocols.dp.budget import Rho
from protocols.errors import BudgetExceeded
from tests.support import consent_files
from tests.support.migrated import node_database
from tests.support.node import open_storage, write_csv

A, B = "a@x.example", "b@x.example"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def node(request, tmp_path):
    if request.param == "sqlite":
        yield open_storage(tmp_path)
        return
    cluster = request.getfixturevalue("cluster")
    with node_database(cluster) as url:
        node = open_storage(tmp_path, url=url)
        assert node.db.dialect == "postgresql"
        yield node
        node.db.close()


def test_migrating_twice_changes_nothing(node):
    migrate(node.db)
    assert node.identity.count() == 0


def test_people_are_found_again(node):
    first = node.identity.resolve([A, B, None], [None, "+442079460001", "+442079460001"])
    assert first.dense.tolist() == [0, 1, 1]
    assert node.identity.resolve([B], [None]).dense.tolist() == [1]


def test_the_ledger_goes_on_after_a_restart(node):
    ledger = node.open_ledger()
    ledger.append([node.event(A, 1), node.event(A, 2, state=EventState.WITHDRAWN)])
    assert ledger.append([node.event(A, 1)]) == [1]
    note = ledger.checkpoint()
    again = node.open_ledger()
    assert (again.head(), again.checkpoint()) == (ledger.head(), note)
    assert again.verify().size == 3
    assert (
        node.explain(again, "email", A, "joint-audience", "shop", "psi").decision.reason
        == "withdrawn"
    )


def test_an_error_leaves_nothing(node):
    ledger = node.open_ledger()

    def fail(_session, _indices):
        raise KeyError

    with pytest.raises(KeyError):
        ledger.append([node.event(A, 1)], also=fail)
    assert ledger.append([node.event(A, 1)]) == [1]


def test_a_consent_file_is_foreseen_taken_in_and_taken_in_once(node, tmp_path):
    """A dry run, the import, and the import again; with a conflict, a repetition, a household."""
    both = {"email": A, "phone": "020 7946 0002"}
    path = tmp_path / "consents.csv"
    path.write_text(
        consent_files.table(
            consent_files.line(email=A),
            consent_files.line(source_event_id="e2", email="", phone="020 7946 0002"),
            consent_files.line(source_event_id="e3", **both),
            consent_files.line(source_event_id="e4", state="withdrawn", **both),
            consent_files.line(source_event_id="e4", state="withdrawn", **both),
            consent_files.line(source_event_id="e1", email=B),
            consent_files.line(source_event_id="é", email=B, notice="\u4e8b"),
        ),
        encoding="utf-8",
    )
    ledger = node.open_ledger()

    def run(**how):
        return import_file(
            path, ledger, node.identity, ledger.vocabulary, "crm", "GB", node.clock(), **how
        )

    foreseen = run(dry_run=True)
    assert (ledger.head()[0], node.identity.count()) == (1, 0)
    report = run()
    assert dataclasses.replace(foreseen, dry_run=False) == report
    assert (report.accepted, report.repeated, report.for_both) == (4, 1, 1)
    assert report.refused == [(4, "ambiguous-person"), (7, "conflicting-event")]
    again = run()
    assert (again.accepted, again.repeated) == (0, 5)
    assert run(dry_run=True).repeated == 5
    # One of them is the anomaly that rule 18 keeps of the event that contradicts.
    assert ledger.verify().size == 7


def test_a_permission_survives_a_restart(node, tmp_path):
    path = write_csv(tmp_path / "p.csv", "key,mail", f"k1,{A}", f"k2,{B}")
    node.datasets.register("people", path, "key", "mail", None, "GB")
    ledger = node.open_ledger()
    ledger.append([node.event(A, 1)])
    asked = ("0" * 32, b"h", "people", "joint-audience", "shop", ("psi",), "brand", 1000)
    first = node.open_gate(ledger).permit(*asked)
    again = node.open_gate(node.open_ledger()).permit(*asked)
    assert again.grant == first.grant
    assert node.datasets.keys(again, again.allowed) == ["k1"]


def test_ledgers_in_several_threads_make_one_chain(node):
    """Two ledgers on one database append at once: every event has its place, no index is used
    twice."""
    events = {n: [node.event(A, f"{n}/{i}") for i in range(5)] for n in range(4)}
    ledgers = [node.open_ledger() for _ in range(4)]
    start, errors = threading.Barrier(4), []

    def run(number):
        start.wait()
        try:
            for event in events[number]:
                ledgers[number].append([event])
        except Exception as e:  # noqa: BLE001 - whatever it is, the test must see it
            errors.append(e)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert ledgers[0].verify().size == 21
    chain = [e.record.subject_seq for e in ledgers[0].events_of(0)]
    assert chain == list(range(1, 21))


def test_the_budget_is_never_overspent_by_concurrent_charges(node):
    budgets, start, fits = Budgets(node.db), threading.Barrier(4), []

    def run(number):
        start.wait()
        try:
            fits.append(budgets.charge(f"j{number}", "spring", "shop", "size", 40, 100, 0))
        except BudgetExceeded:
            fits.append(False)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fits) == [False, False, True, True]
    assert budgets.remaining(Account("shop"), 100) == Rho(20)
    assert [c.rho_nano for c in budgets.history()] == [40, 40]


def test_what_witnesses_said_and_cosigned_is_kept(node):
    ledger, memory = node.open_ledger(), WitnessMemory(node.db, node.clock)
    witness, log = Cosigner("w.example/1", b"w" * 32), parse_vkey(ledger.vkey)
    note, key = ledger.checkpoint(), witness.verifier
    assert (memory.of(key), memory.alarms()) == (View(), [])
    for seen in (7, 8):
        memory.remember(key, Answer(Said.AHEAD, seen, f"it has seen {seen}"), 1, note)
    memory.remember(key, Answer(Said.REFUSED, 8, "no"), 1, note)
    memory.remember(key, Answer(Said.NO_ANSWER, detail="no connection"), 1, note)
    standing = View(8, "no-answer", "no connection", node.clock.now_ms, "ahead")
    assert memory.of(key) == memory.of_all({"w": key})["w"] == standing
    assert sorted((a.kind, a.size, a.seen) for a in memory.alarms()) == [
        ("ahead", 1, 7),
        ("refused", 1, 8),
    ]
    lines = with_cosignatures(note, witness.cosign(note, 1_700_000_000))
    ledger.checkpoints.add_cosignatures(1, open_checkpoint(lines, log, [key], 1).cosignatures)
    ledger.checkpoints.publish(1, parse_policy(write_policy([log], {"w": key}, 1)))
    memory.remember(key, Answer(Said.COSIGNED, 1), 1, note)
    again = node.open_ledger()
    assert again.checkpoints.latest_published() == lines
    assert again.verify().published == 1
    assert WitnessMemory(node.db, node.clock).of(key).alarm == ""


def test_many_values_are_looked_up_as_they_are_and_not_cut_to_the_column(node):
    dense = node.identity.resolve([A, B], [None, None]).dense.tolist()
    ids = node.identity.subject_ids(dense)
    wanted = [ids[0], ids[1] + "0", "nobody", ""]
    with node.db.reading() as session:
        columns = ("subject_id", "dense")
        assert list(select_among(session, SubjectRow, columns, "subject_id", wanted)) == [
            (ids[0], 0)
        ]
        by_number = select_among(session, SubjectRow, columns, "dense", [1, 7])
        assert list(by_number) == [(ids[1], 1)]


def test_a_lookup_among_many_reads_no_whole_table_even_before_statistics_are_made(node):
    if node.db.dialect != "postgresql":
        pytest.skip("SQLite looks every value up by the index")
    node.identity.resolve([f"p{n}@x.example" for n in range(3000)], [None] * 3000)
    ids = node.identity.subject_ids(range(3000))
    with node.db.reading() as session:
        read = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'subjects'"
        columns = ("dense",)
        found = list(select_among(session, SubjectRow, columns, "subject_id", list(ids.values())))
        assert len(found) == 3000
        assert session.connection().exec_driver_sql(read).scalar_one() == 0
