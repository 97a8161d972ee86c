"""Erasure: nothing of the person is left, everything else stays provable, and twice is once."""

import logging

import pytest
from pyroaring import BitMap
from sqlalchemy import delete, select, update
from sqlmodel import col

from consent.merkle import verify_consistency, verify_inclusion
from consent.milestones import Erasure
from consent.projection import commit_set
from consent.reasons import Query
from consent.words import EventState, Operation
from party_node.contact.counters import Counter
from party_node.contact.reservations import Reservations
from party_node.erasure.erasing import Erasing
from party_node.ledger.fsck import fsck
from party_node.tables import EntryRow, ErasureRow, PayloadRow, SubjectKeyRow, SubjectRow
from tests.support.node import open_storage, write_csv

A, B, PHONE = "anna@x.example", "bo@x.example", "+447700900123"
HASH = b"\x05" * 32


@pytest.fixture
def node(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def ledger(node):
    ledger = node.open_ledger()
    ledger.append([node.event(A, "anna-event-17", control_label="I, Anna, agree")])
    ledger.append([node.event(B, "b1"), node.event(A, "a2", purpose="audience-measurement")])
    return ledger


@pytest.fixture
def gate(node, ledger, tmp_path):
    path = write_csv(tmp_path / "people.csv", "key,mail", f"K-anna,{A}", f"K-bo,{B}")
    node.datasets.register("people", path, "key", "mail", None, "GB")
    return node.open_gate(ledger)


@pytest.fixture
def erasing(node, ledger, gate):
    reservations = Reservations(node.vault, node.rng)

    def forget(session, subject, _subject_id):
        gate.decisions.forget(session, subject)
        reservations.forget(session, subject)

    return Erasing(ledger, node.identity, node.rng, [forget], [node.datasets.forget])


def permit(gate, job="1" * 32):
    return gate.permit(job, HASH, "people", "joint-audience", "shop", ("psi",), "brand", 60_000)


def bytes_of(node):
    """Everything that the home folder holds, and where it lies."""
    node.db.scrub()
    return {
        path.relative_to(node.home.path): path.read_bytes()
        for path in node.home.path.rglob("*")
        if path.is_file()
    }


def test_nothing_of_the_person_is_left_on_disk(node, ledger, gate, erasing, caplog):
    caplog.set_level(logging.DEBUG)
    dense = node.identity.find("email", A)
    permission = permit(gate)
    gate.complete(permission, "completed")
    with node.db.reading() as session:
        own = select(EntryRow.index).where(col(EntryRow.subject) == dense)
        indices = session.execute(own).scalars().all()
        payloads = select(PayloadRow).where(col(PayloadRow.index).in_(indices))
        rows = session.execute(payloads).scalars().all()
        wrapped = session.get(SubjectKeyRow, dense).wrapped
        needles = {f"salt {r.index}": r.salt for r in rows}
        needles |= {f"ciphertext {r.index}": r.ciphertext for r in rows}
        needles |= {
            "keys": wrapped,
            "record id": session.get(SubjectRow, dense).subject_id.encode(),
            "e-mail": A.encode(),
            "row key": b"K-anna",
            "source's id": b"anna-event-17",
            "digest": node.identity._digest("email", A),
        }
    before = b"".join(bytes_of(node).values())
    # Parquet is compressed: what stands in it is looked for by reading it, further down.
    seen = {name for name, needle in needles.items() if needle in before}
    assert seen >= {"keys", "record id", "source's id", "digest"}
    erased = erasing.erase(dense, "request-1")
    assert (erased.entries, erased.records) == (2, 1)
    for path, data in bytes_of(node).items():
        for name, needle in needles.items():
            assert needle not in data, (name, path)
    assert not any(secret in caplog.text for secret in (A, "anna-event-17", "K-anna"))
    assert node.datasets.asked("people") == BitMap([node.identity.find("email", B)])
    assert node.datasets.people_of("people", ["K-anna", "K-bo"]) == node.datasets.asked("people")


def test_the_log_and_its_proofs_stay(node, ledger, erasing):
    size, root = ledger.head()
    proofs = [(ledger.leaf_hash(i), ledger.inclusion_proof(i)) for i in range(size)]
    note = ledger.checkpoint()
    erasing.erase(node.identity.find("email", A), "request-1")
    for i, (leaf, proof) in enumerate(proofs):
        verify_inclusion(leaf, i, size, proof, root)
        assert ledger.leaf_hash(i) == leaf
        assert ledger.inclusion_proof(i, size) == proof
    new_size, new_root = ledger.head()
    verify_consistency(size, new_size, ledger.consistency_proof(size), root, new_root)
    assert ledger.checkpoints.latest() == note
    assert ledger.verify().size == new_size
    assert not fsck(ledger, node.identity)


def test_an_erased_entry_says_so_and_a_lost_one_is_found(node, ledger, erasing):
    erased = erasing.erase(node.identity.find("email", A), "request-1")
    entries = list(ledger.entries())
    assert [e.erased for e in entries] == [None, erased.entry, None, erased.entry, None]
    assert [e.record is None for e in entries] == [False, True, False, True, False]
    record = entries[-1].record
    assert isinstance(record, Erasure)
    assert (record.request_id, record.entries) == ("request-1", 2)
    # Somebody who makes a payload disappear and marks it as erased is found.
    with node.db.writing() as session:
        session.execute(delete(PayloadRow).where(col(PayloadRow.index) == 2))
        mark = update(EntryRow).where(col(EntryRow.index) == 2)
        session.execute(mark.values(subject=None, erased=erased.entry))
    found = {f.where: f.what for f in fsck(ledger, node.identity).listed}
    assert found[f"erasure of entry {erased.entry}"] == "other entries are marked than it erased"


def test_a_mark_of_an_erasure_that_never_was_is_found(node, ledger):
    with node.db.writing() as session:
        session.execute(delete(PayloadRow).where(col(PayloadRow.index) == 2))
        mark = update(EntryRow).where(col(EntryRow.index) == 2)
        session.execute(mark.values(subject=None, erased=0))
    found = {f.where: f.what for f in fsck(ledger, node.identity).listed}
    assert found["entries 2"] == "entry 0 did not erase them"


def test_erasing_twice_changes_nothing(node, ledger, erasing):
    dense = node.identity.find("email", A)
    erasing.erase(dense, "request-1")
    head = ledger.head()
    again = erasing.erase(dense, "request-2")
    assert (again.entry, again.entries) == (None, 0)
    assert ledger.head() == head


def test_the_state_is_that_of_the_others_also_after_a_restart(node, ledger, erasing):
    bo = node.identity.find("email", B)
    erasing.erase(node.identity.find("email", A), "request-1")
    for one in (ledger, node.open_ledger()):
        with one.hold() as head:
            question = Query(
                purpose="joint-audience", operation=Operation.PSI, at_ms=head.newest_ms,
                recipient="shop",
            )  # fmt: skip
            assert head.projection.subjects == BitMap([bo])
            assert head.projection.bulk(question).allowed == BitMap([bo])
    assert node.open_ledger().head() == ledger.head()


def test_a_permission_of_before_is_without_the_person(node, ledger, gate, erasing):
    permission = permit(gate)
    dense = node.identity.find("email", A)
    assert dense in permission.allowed
    erasing.erase(dense, "request-1")
    assert dense not in gate.recheck(permission).allowed
    assert dense not in permit(gate).allowed


def test_contacts_are_forgotten(node, ledger, erasing):
    dense = node.identity.find("email", A)
    reservations = Reservations(node.vault, node.rng)
    counter = Counter(dense, "email", "news")
    with node.db.writing() as session:
        reservations.reserve(session, counter, (), node.clock.now_ms, None, 60_000)
    erasing.erase(dense, "request-1")
    with node.db.writing() as session:
        assert reservations.forget(session, dense) == 0


def test_who_was_erased_does_not_come_back_by_a_copy_but_by_an_act(node, ledger, erasing):
    gone = node.identity.find("email", A)
    erasing.erase(gone, "request-1")
    found = node.identity.resolve([A, B], [None, PHONE])
    assert (found.suppressed, found.created) == (frozenset({0}), 0)
    assert node.identity.find("email", A) is None
    before = node.clock.now_ms
    assert node.identity.resolve([A], [None], returning_ms=[before]).suppressed == {0}
    back = int(node.identity.resolve([A], [None], returning_ms=[before + 1]).dense[0])
    assert back not in (gone, node.identity.find("email", B))
    assert int(node.identity.resolve([A], [None]).dense[0]) == back
    assert ledger.events_of(back) == []


def test_who_was_in_a_decision_cannot_be_tried_out_after_an_erasure(node, ledger, gate, erasing):
    dense = node.identity.find("email", A)
    permission = gate.permit(
        "f" * 32, b"h" * 32, "people", "joint-audience", "shop", ("psi",), "brand", 60_000
    )
    use = ledger.entry(permission.grant.use_entry).record
    erasing.erase(dense, "request-1")
    with node.db.reading() as session:
        kept = next(
            decided
            for row, decided in gate.decisions.between(session, 0, 2**52)
            if row.entry == permission.grant.use_entry
        )
    assert kept.pruned
    assert dense not in kept.everybody
    assert (kept.asked_salt, kept.allowed_salt) == (b"", b"")
    tried = {commit_set(kept.everybody | BitMap([dense]), salt) for salt in (bytes(32), b"h" * 32)}
    assert not tried & {use.input_commitment, use.allowed_commitment}


def test_a_number_is_never_given_twice(node, ledger, erasing):
    node.person("last@x.example")
    last = node.identity.find("email", "last@x.example")
    ledger.append([node.event("last@x.example", "l")])
    erasing.erase(last, "request-1")
    node.person("next@x.example")
    assert node.identity.find("email", "next@x.example") > last


def test_an_interrupted_erasure_is_finished_at_the_next_start(node, ledger, gate, erasing):
    dense = node.identity.find("email", A)

    def crash(_dense):
        raise KeyboardInterrupt

    halfway = Erasing(ledger, node.identity, node.rng, [], [crash])
    with pytest.raises(KeyboardInterrupt):
        halfway.erase(dense, "request-1")
    assert dense in node.datasets.asked("people")
    erasing.finish()
    assert dense not in node.datasets.asked("people")
    with node.db.reading() as session:
        assert session.execute(select(ErasureRow.pending)).scalars().all() == [""]


def test_a_failed_erasure_erases_nothing(node, ledger):
    def fail(_session, _subject, _subject_id):
        raise OSError("no")

    head = ledger.head()
    dense = node.identity.find("email", A)
    with pytest.raises(OSError, match="no"):
        Erasing(ledger, node.identity, node.rng, [fail], []).erase(dense, "request-1")
    assert ledger.head() == head
    assert node.identity.find("email", A) == dense
    assert [e.record is None for e in ledger.entries()] == [False] * 4
    assert not fsck(ledger, node.identity)


def test_a_withdrawal_before_the_erasure_stays_in_nobodys_way(node, ledger, erasing):
    ledger.append([node.event(A, "a3", state=EventState.WITHDRAWN)])
    erasing.erase(node.identity.find("email", A), "request-1")
    assert not fsck(node.open_ledger(), node.identity)
