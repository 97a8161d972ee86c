"""The ledger: one entry for each event, one root for each size, and nothing lost or doubled."""

from dataclasses import replace

import pytest
from pyroaring import BitMap
from sqlalchemy import delete, func, select, text, update
from sqlmodel import col

from consent.checkpoint import Cosigner, checkpoint_of, open_checkpoint, with_cosignatures
from consent.errors import BadSignature
from consent.merkle import verify_consistency, verify_inclusion
from consent.milestones import LedgerOpened
from consent.note import KeyType, parse_vkey
from consent.policy import parse_policy, write_policy
from consent.projection import Projection
from consent.reasons import Query, Reason
from consent.statements import Evidence
from consent.words import EventState, Operation
from party_node.errors import (
    IdempotencyConflict,
    LedgerDamaged,
    LedgerForked,
    LedgerMoved,
    LedgerStateDamaged,
    NotFound,
    UnknownSubject,
)
from party_node.ledger import fact_store
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.state import StateStore
from party_node.ledger.writer import event_content
from party_node.tables import (
    CheckpointRow,
    EntryRow,
    FactsRow,
    HeadRow,
    PayloadRow,
    TileRow,
    WhatRow,
)
from tests.support.node import ORIGIN, open_storage

A, B = "a@x.example", "b@x.example"


@pytest.fixture
def node(tmp_path):
    return open_storage(tmp_path)


@pytest.fixture
def ledger(node):
    return node.open_ledger()


def test_first_entry_says_whose_ledger_it_is_and_opening_again_adds_nothing(node, ledger):
    (first,) = ledger.entries()
    assert isinstance(first.record, LedgerOpened)
    assert first.record.log_vkey == ledger.vkey
    node.open_ledger()
    assert ledger.head()[0] == 1


def test_another_vocabulary_is_written_down_and_decides_from_then_on(node, ledger):
    ledger.append([node.event(A, 1)])
    other = replace(ledger.vocabulary, notices_to_renew=frozenset({b"n" * 32}), purposes=tuple(
        replace(p, renew_below=2) for p in ledger.vocabulary.purposes
    ))  # fmt: skip
    seed = node.home.ledger_seed
    again = ConsentLedger(node.db, node.vault, ORIGIN, seed, node.clock, node.rng, vocabulary=other)
    again.open(by="person:eve")
    again.open(by="person:eve")
    assert [e.type for e in again.entries()][-1:] == ["policy-changed"]
    assert again.head()[0] == 3
    for one in (again, ledger, node.open_ledger()):
        said = node.explain(one, "email", A, "joint-audience", "shop", "psi")
        assert said.decision.reason == "renewal-required"
        assert one.vocabulary.digest() == other.digest()


def test_a_policy_that_is_in_force_already_is_no_change(node, ledger):
    assert ledger.change_policy(ledger.vocabulary, "person:eve") == []
    assert ledger.head()[0] == 1


def test_events_come_back_as_they_went_in_with_their_chain(node, ledger):
    events = [node.event(A, 1), node.event(B, 2), node.event(A, 3, state=EventState.WITHDRAWN)]
    assert ledger.append(events) == [1, 2, 3]
    dense = node.identity.find("email", A)
    first, second = ledger.events_of(dense)
    assert (first.record.state, second.record.state) == (EventState.GIVEN, EventState.WITHDRAWN)
    assert (first.record.subject_seq, second.record.subject_seq) == (1, 2)
    assert (first.record.previous, second.record.previous) == (None, first.leaf_hash)
    assert ledger.append([node.event(A, 4)]) == [4]
    assert ledger.events_of(dense)[2].record.previous == second.leaf_hash


def test_the_same_event_again_is_no_second_entry(node, ledger):
    event = node.event(A, 1)
    assert ledger.append([event, event]) == [1, 1]
    assert ledger.append([event, node.event(B, 2)]) == [1, 2]
    assert ledger.head()[0] == 3


def test_another_event_under_the_same_id_is_a_conflict_and_nothing_is_written(node, ledger):
    ledger.append([node.event(A, 1)])
    changed = node.event(A, 1, state=EventState.WITHDRAWN)
    with pytest.raises(IdempotencyConflict):
        ledger.append([node.event(B, 2), changed])
    assert ledger.head()[0] == 2
    assert [s.status for s in ledger.submit([node.event(B, 2), changed])] == [
        "accepted",
        "conflict",
    ]


def test_unknown_people_are_refused(node, ledger):
    event = node.event(A, 1)
    stranger = replace(event, subject_id="f" * 32, source_event_id="2")
    with pytest.raises(UnknownSubject):
        ledger.append([event, stranger])
    assert ledger.head()[0] == 1


def test_recorded_times_never_go_back(node, ledger):
    ledger.append([node.event(A, 1)])
    node.clock.advance(-3_600_000)
    ledger.append([node.event(A, 2)])
    times = [e.recorded_ms for e in ledger.entries()]
    assert times == sorted(times)


def projected(ledger):
    with ledger.hold() as head:
        return head.projection.digest()


def test_a_restarted_ledger_is_the_same(node, ledger):
    ledger.append([node.event(A, 1), node.event(B, 2, state=EventState.REFUSED)])
    again = node.open_ledger()
    assert again.head() == ledger.head()
    assert projected(again) == projected(ledger)


def test_a_second_reader_sees_what_was_committed_at_once(node, ledger):
    """Read-your-writes: a withdrawal counts for everybody once `append` returned."""
    other = node.open_ledger()
    ledger.append([node.event(A, 1)])
    ledger.append([node.event(A, 2, state=EventState.WITHDRAWN)])
    said = node.explain(other, "email", A, "joint-audience", "shop", "psi")
    assert (said.decision.outcome, said.decision.reason) == ("deny", "withdrawn")
    assert other.head() == ledger.head()


def test_a_second_reader_follows_when_rows_of_facts_were_brought_together_meanwhile(
    node, ledger, monkeypatch
):
    monkeypatch.setattr(fact_store, "MOST_ROWS", 4)
    second = node.open_ledger()
    for number in range(11):
        ledger.append([node.event(f"p{number}@x.example", number)])
        if number % 3 == 1:
            with second.hold() as head:
                assert len(head.projection.subjects) == number + 1
    assert rows_of_facts(node) < 6
    with second.hold() as follower, ledger.hold() as writer:
        assert follower.projection.digest() == writer.projection.digest()
    for reader in (second, node.open_ledger()):
        with reader.hold() as head:
            assert len(head.projection.subjects) == 11


def test_facts_that_are_missing_between_two_looks_are_no_silent_loss(node, ledger):
    second = node.open_ledger()
    for number in range(3):
        ledger.append([node.event(f"p{number}@x.example", number)])
    with node.db.writing() as session:
        session.execute(delete(FactsRow).where(col(FactsRow.first) == 1))
    with pytest.raises(LedgerStateDamaged):
        second.head()


def rows_of_facts(node):
    with node.db.reading() as session:
        return session.execute(select(func.count()).select_from(FactsRow)).scalar_one()


def test_a_fork_by_a_second_writer_is_impossible(node, ledger, monkeypatch):
    other = node.open_ledger()
    ledger.append([node.event(A, 1)])
    stranger = node.event(B, 2, jurisdiction="FR")  # a what that nobody had before
    with monkeypatch.context() as patch:
        patch.setattr(other.store, "catch_up", lambda session, state: None)
        with pytest.raises(LedgerForked):
            other.append([stranger])
    assert node.open_ledger().head() == ledger.head()
    # The one that lost goes on where the other is.
    assert other.append([stranger]) == [2]
    assert projected(other) == projected(ledger) == projected(node.open_ledger())


def test_an_append_at_a_size_that_has_passed_is_refused(node, ledger):
    ledger.append([node.event(A, 1)], at_size=1)
    with pytest.raises(LedgerMoved):
        ledger.append([node.event(A, 2)], at_size=1)


def test_what_happens_also_commits_with_the_entries_or_not_at_all(node, ledger):
    def fail(session, indices):
        assert indices == [1]
        raise KeyError

    with pytest.raises(KeyError):
        ledger.append([node.event(A, 1)], also=fail)
    assert ledger.head()[0] == 1
    assert ledger.append([node.event(A, 1)]) == [1]


def test_there_is_one_checkpoint_for_each_size(node, ledger):
    note = ledger.checkpoint()
    assert ledger.checkpoint() == note
    assert node.open_ledger().checkpoint() == note
    ledger.append([node.event(A, 1)])
    newer = ledger.checkpoint()
    said = open_checkpoint(newer, parse_vkey(ledger.vkey))
    assert (said.size, said.root) == ledger.head()
    assert ledger.checkpoints.latest() == newer
    verify_consistency(1, 2, ledger.consistency_proof(1), checkpoint_of(note).root, said.root)


def test_the_first_checkpoint_that_covers_an_entry_stays_the_same(node, ledger):
    ledger.append([node.event(A, 1)])
    covering = ledger.covering(1)
    assert covering == ledger.head()
    ledger.append([node.event(A, 2)])
    ledger.checkpoint()
    assert ledger.covering(1) == covering
    with pytest.raises(NotFound):
        ledger.covering(9)


def test_every_entry_can_be_proved(node, ledger):
    ledger.append([node.event(A, n) for n in range(6)])
    size, root = ledger.head()
    for entry in ledger.entries():
        proof = ledger.inclusion_proof(entry.index)
        verify_inclusion(entry.leaf_hash, entry.index, size, proof, root)
    assert [e.index for e in ledger.entries(2, 4)] == [2, 3]


def cosignature(note, signer, witness, seconds=1_700_000_000):
    """What a witness's answer comes to once it is verified."""
    whole = with_cosignatures(note, witness.cosign(note, seconds))
    return open_checkpoint(whole, parse_vkey(signer), [witness.verifier], 1).cosignatures


def test_cosignatures_of_several_witnesses_are_kept(node, ledger):
    note = ledger.checkpoint()
    first = Cosigner("witness.example/1", b"w" * 32)
    second = Cosigner("witness.example/2", b"x" * 32, KeyType.MLDSA44_COSIGNATURE)
    for witness in (first, second):
        ledger.checkpoints.add_cosignatures(1, cosignature(note, ledger.vkey, witness))
    assert ledger.checkpoints.cosigned(1) == ledger.checkpoints.latest()
    opened = open_checkpoint(
        ledger.checkpoints.cosigned(1),
        parse_vkey(ledger.vkey),
        [first.verifier, second.verifier],
        2,
    )
    assert [c.verifier for c in opened.cosignatures] == [first.verifier, second.verifier]
    with pytest.raises(NotFound):
        ledger.checkpoints.add_cosignatures(7, opened.cosignatures)
    with pytest.raises(NotFound):
        ledger.checkpoints.cosigned(7)


def test_of_one_witness_the_newest_cosignature_is_kept(node, ledger):
    note, witness = ledger.checkpoint(), Cosigner("witness.example", b"w" * 32)
    for seconds in (1_700_000_000, 1_700_000_001):
        ledger.checkpoints.add_cosignatures(1, cosignature(note, ledger.vkey, witness, seconds))
    opened = open_checkpoint(
        ledger.checkpoints.cosigned(1), parse_vkey(ledger.vkey), [witness.verifier], 1
    )
    assert opened.cosignatures[0].seconds == 1_700_000_001
    assert ledger.checkpoints.cosigned(1).count("— ") == 2, (
        "the ledger's own, and one of the witness"
    )


def test_a_checkpoint_is_published_when_the_policy_accepts_it(node, ledger):
    note = ledger.checkpoint()
    witnesses = {n: Cosigner(f"witness.example/{n}", n.encode() * 32) for n in "ab"}
    keys = {n: w.verifier for n, w in witnesses.items()}
    policy = parse_policy(write_policy([parse_vkey(ledger.vkey)], keys, 2))
    for name in "ab":
        with pytest.raises(BadSignature, match="too few"):
            ledger.checkpoints.publish(1, policy)
        assert ledger.checkpoints.latest_published() is None
        ledger.checkpoints.add_cosignatures(1, cosignature(note, ledger.vkey, witnesses[name]))
    ledger.checkpoints.publish(1, policy)
    assert ledger.checkpoints.latest_published() == ledger.checkpoints.cosigned(1)
    assert ledger.verify().published == 1


def test_explain_names_the_entry_that_decides(node, ledger):
    ledger.append([node.event(A, 1), node.event(B, 2)])
    yes = node.explain(ledger, "email", A, "joint-audience", "shop", "psi")
    assert (yes.decision.outcome, yes.decision.deciding_index, yes.deciding.index) == (
        "allow",
        1,
        1,
    )
    no = node.explain(ledger, "email", A, "joint-audience", "telco", "psi")
    assert (no.decision.outcome, no.decision.reason, no.deciding) == ("deny", "no-evidence", None)
    with pytest.raises(NotFound) as caught:
        node.explain(ledger, "email", "stranger@x.example", "joint-audience", "shop", "psi")
    assert "stranger" not in str(caught.value)


def test_verify_accepts_what_is_sound(node, ledger):
    ledger.append([node.event(A, 1)])
    ledger.checkpoint()
    report = ledger.verify()
    assert (report.size, report.root, report.checkpoints) == (*ledger.head(), 1)


TAMPERING = {
    "leaf": update(EntryRow).where(col(EntryRow.index) == 1).values(leaf=b"x"),
    "leaf and hash": update(EntryRow)
    .where(col(EntryRow.index) == 1)
    .values(leaf=b"{}", leaf_hash=b"h" * 32),
    "entry removed": delete(EntryRow).where(col(EntryRow.index) == 1),
    "last entry removed": delete(EntryRow).where(col(EntryRow.index) == 2),
    "root changed": update(CheckpointRow).values(root=b"r" * 32),
    "note changed": update(CheckpointRow).values(note="no note"),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_found(node, ledger, what):
    ledger.append([node.event(A, 1), node.event(A, 2, state=EventState.WITHDRAWN)])
    ledger.checkpoint()
    with node.db.writing() as session:
        session.execute(TAMPERING[what])
    with pytest.raises(LedgerDamaged):
        ledger.verify()


def test_a_lost_withdrawal_never_looks_like_a_consent(node, ledger):
    ledger.append([node.event(A, 1), node.event(A, 2, state=EventState.WITHDRAWN)])
    with node.db.writing() as session:
        session.execute(delete(PayloadRow).where(col(PayloadRow.index) == 2))
    with node.open_ledger().hold() as head:  # its facts are still there
        dense = BitMap([node.identity.find("email", A)])
        question = Query(
            purpose="joint-audience",
            operation=Operation.PSI,
            at_ms=head.newest_ms,
            recipient="shop",
        )
        assert dense == head.projection.bulk(question, dense).denied["withdrawn"]
    with node.db.writing() as session:
        session.execute(delete(FactsRow))
    with pytest.raises(LedgerDamaged, match="entry 2"):
        node.open_ledger()


@pytest.mark.parametrize("table", [FactsRow, WhatRow, TileRow, HeadRow])
def test_what_follows_from_the_entries_is_made_again_when_it_is_lost(node, ledger, table):
    people = [f"p{n}@x.example" for n in range(200)]
    ledger.append([node.event(p, f"{p}-{n}") for n in range(3) for p in people])
    ledger.append([node.event(A, "a"), node.event(A, "b", state=EventState.WITHDRAWN)])
    ledger.checkpoint()
    with node.db.writing() as session:
        session.execute(delete(table))
    again = node.open_ledger()
    assert again.head() == ledger.head()
    assert projected(again) == projected(ledger)
    assert again.verify().size == ledger.head()[0]


def test_entries_that_are_cut_off_are_not_made_good(node, ledger):
    ledger.append([node.event(A, 1), node.event(A, 2, state=EventState.WITHDRAWN)])
    with node.db.writing() as session:
        session.execute(delete(EntryRow).where(col(EntryRow.index) == 2))
    with pytest.raises(LedgerDamaged):
        node.open_ledger()
    with node.db.writing() as session:
        session.execute(delete(HeadRow))
    again = node.open_ledger()  # as if from an older version: nothing says how long it was
    assert again.head()[0] == 2


def test_nothing_about_a_person_stands_in_the_database_in_clear(node, ledger):
    subject = node.person(A)
    ledger.append([node.event(A, "event-from-crm-17", control_label="I agree to this")])
    with node.db.writing() as session:
        session.execute(text("DELETE FROM subjects"))
        session.execute(text("DELETE FROM source_events"))
    node.db.scrub()
    stored = (node.home.path / "node.db").read_bytes()
    for secret in (A, subject, "event-from-crm-17", "I agree", "given"):
        assert secret.encode() not in stored, secret


evidence = Evidence(sha256=b"e" * 32, media_type="image/png")
CHANGES = {
    "state": EventState.WITHDRAWN,
    "event_time_ms": 1,
    "separate": True,
    "listed": ("audience-measurement",),
    "valid_until_ms": 5,
    "notice_hash": b"n" * 32,
    "evidence": (evidence,),
    "source_trust": 6,
    "control_label": "Yes",
    "recipient": "telco",
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_of_an_event_changes_its_content(node, name):
    event = node.event(A, 1)
    changed = replace(event, **{name: CHANGES[name]})
    assert event_content(changed) != event_content(event)
    assert changed.content_digest() != event.content_digest()
    assert event_content(replace(changed)) == event_content(changed)


def test_what_the_ledger_sets_is_no_content(node):
    event = node.event(A, 1)
    linked = replace(event, subject_seq=4, previous=b"p" * 32)
    assert event_content(linked) == event_content(event)


def _fail_once(monkeypatch, kind, name):
    """Let the next call of a method fail, as if memory or the connection gave out just then."""
    whole = getattr(kind, name)

    def failing(*args, **more):
        monkeypatch.setattr(kind, name, whole)
        raise MemoryError

    monkeypatch.setattr(kind, name, failing)


def test_a_policy_that_memory_could_not_follow_is_decided_by_all_the_same(
    node, ledger, monkeypatch
):
    ledger.append([node.event(A, 1)])
    other = replace(ledger.vocabulary, purposes=tuple(
        replace(p, renew_below=2, version=2) for p in ledger.vocabulary.purposes
    ))  # fmt: skip
    _fail_once(monkeypatch, StateStore, "judge_again")
    with pytest.raises(MemoryError):
        ledger.change_policy(other, "person:eve")
    said = node.explain(ledger, "email", A, "joint-audience", "shop", "psi")
    assert said.decision.reason is Reason.RENEWAL_REQUIRED
    assert ledger.vocabulary.digest() == other.digest()


@pytest.mark.parametrize("by_another_process", [False, True])
def test_a_withdrawal_that_memory_could_not_follow_counts_all_the_same(
    node, ledger, monkeypatch, by_another_process
):
    ledger.append([node.event(A, 1)])
    no = node.event(A, 2, state=EventState.WITHDRAWN, event_time_ms=node.clock.now_ms + 1)
    writer = node.open_ledger() if by_another_process else ledger
    if by_another_process:
        writer.append([no])
        _fail_once(monkeypatch, Projection, "take_in")
        with pytest.raises(MemoryError):
            ledger.head()
    else:
        _fail_once(monkeypatch, Projection, "take_in")
        with pytest.raises(MemoryError):
            ledger.append([no])
    node.clock.advance(2)
    said = node.explain(ledger, "email", A, "joint-audience", "shop", "psi")
    assert said.decision.reason is Reason.WITHDRAWN
    assert ledger.head() == node.open_ledger().head()
    assert ledger.verify().size == 3


def test_a_ledger_that_lost_entries_is_not_read_anew(node, ledger, monkeypatch):
    ledger.append([node.event(A, 1)])
    with node.db.reading() as session:
        before = session.get(HeadRow, 1).sealed
    ledger.append([node.event(A, 2, state=EventState.WITHDRAWN)])
    _fail_once(monkeypatch, Projection, "take_in")
    with pytest.raises(MemoryError):
        ledger.append([node.event(B, 3)])
    with node.db.writing() as session:  # an older backup is put in its place
        for table in (EntryRow, PayloadRow):
            session.execute(delete(table).where(col(table.index) > 1))
        session.execute(delete(FactsRow).where(col(FactsRow.first) > 0))
        session.get(HeadRow, 1).sealed = before
    for _ in range(2):
        with pytest.raises(LedgerDamaged, match="disappeared"):
            ledger.head()
