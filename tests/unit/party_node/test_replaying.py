"""Making decisions again: the same answer whatever happened since, and a changed one is found."""

import dataclasses

import pytest
from pyroaring import BitMap
from sqlalchemy import delete, update
from sqlmodel import col

from consent.reasons import Reason
from consent.words import EventState
from party_node import use_recording
from party_node.decisions import Decisions, packed
from party_node.erasure.erasing import Erasing
from party_node.errors import NotAUse, NotFound
from party_node.ledger.replaying import Replayed, replay
from party_node.tables import DecisionRow
from tests.support.full_ledger import permit
from tests.support.node import open_storage, write_csv

PEOPLE = [f"p{i}@x.example" for i in range(8)]
JOB = "a" * 32


@pytest.fixture
def node(tmp_path):
    node = open_storage(tmp_path)
    lines = [f"k{i},{mail}" for i, mail in enumerate(PEOPLE)]
    path = write_csv(tmp_path / "people.csv", "key,mail", *lines)
    node.datasets.register("people", path, "key", "mail", None, "GB")
    return node


@pytest.fixture
def ledger(node):
    """0 to 3 said yes, 2 for one use and 3 for three; 4 withdrew, 5 refused, the rest is silent."""
    ledger = node.open_ledger()
    uses = {2: {"max_uses": 1}, 3: {"max_uses": 3}}
    said = [node.event(PEOPLE[i], i, **uses.get(i, {})) for i in range(5)]
    said.append(node.event(PEOPLE[4], "4w", state=EventState.WITHDRAWN))
    said.append(node.event(PEOPLE[5], 5, state=EventState.REFUSED))
    ledger.append(said)
    return ledger


@pytest.fixture
def gate(node, ledger):
    return node.open_gate(ledger)


def later(node, ledger, *events):
    node.clock.advance(1000)
    ledger.append([node.event(PEOPLE[i], f"later-{i}-{state}", state=state) for i, state in events])


def decided(gate):
    return permit(gate, JOB).grant.use_entry


def tampered(node, ledger, index, **changes):
    """Put other sets in the place of a decision's, sealed as this node seals."""
    decisions = Decisions(node.vault)
    with node.db.writing() as session:
        kept = dataclasses.replace(decisions.load(session, index), **changes)
        this = update(DecisionRow).where(col(DecisionRow.entry) == index)
        session.execute(this.values(sealed=decisions._seal(index, kept)))


def test_the_same_decision_is_the_same_answer(gate, ledger):
    found = replay(ledger, decided(gate))
    assert (found.outcome, found.differences) == (Replayed.SAME, ())
    assert (found.asked, found.allowed) == (8, 4)
    assert found.denied == {"no-evidence": 2, "refused": 1, "withdrawn": 1}


def test_a_withdrawal_after_the_decision_changes_nothing(node, gate, ledger):
    index = decided(gate)
    before = replay(ledger, index)
    later(node, ledger, (0, EventState.WITHDRAWN), (1, EventState.WITHDRAWN), (6, EventState.GIVEN))
    assert replay(ledger, index) == before
    assert before.outcome is Replayed.SAME


def test_a_changed_policy_changes_nothing(gate, ledger):
    index = decided(gate)
    stricter = dataclasses.replace(
        ledger.vocabulary,
        purposes=tuple(dataclasses.replace(p, renew_below=2) for p in ledger.vocabulary.purposes),
    )
    ledger.change_policy(stricter, "ann")
    assert replay(ledger, index).outcome is Replayed.SAME


def test_each_narrowing_of_a_job_is_made_again_with_what_was_set_aside_before(node, gate, ledger):
    """Whose one use is set aside for the job is not denied for having used it up."""
    permission = permit(gate, JOB)
    first = permission.grant.use_entry
    later(node, ledger, (0, EventState.WITHDRAWN))
    second = gate.recheck(permission).grant.use_entry
    assert second != first
    for index, allowed in ((first, 4), (second, 3)):
        found = replay(ledger, index)
        assert (found.outcome, found.allowed) == (Replayed.SAME, allowed), found


def test_it_survives_a_restart_and_another_ledger_object(node, gate, ledger):
    index = decided(gate)
    assert replay(node.open_ledger(), index) == replay(ledger, index)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"asked": packed(BitMap(range(7)))}, "who was asked about"),
        ({"asked": packed(BitMap(range(9)))}, "who was asked about"),
        ({"allowed": packed(BitMap([0, 1, 2, 3, 6]))}, "who is allowed"),
        ({"allowed": packed(BitMap([0, 1, 2]))}, "now 1 more"),
        ({"asked_salt": b"s" * 32}, "who was asked about"),
        ({"decision_id": "f" * 32}, "another decision"),
        ({"pruned": True, "allowed": packed(BitMap([0, 1, 2, 3, 6]))}, "then 1 were allowed"),
        ({"allowed": packed(BitMap([0, 9]))}, "were not asked about"),
    ],
)
def test_a_tampered_kept_set_is_found(node, gate, ledger, changes, difference):
    index = decided(gate)
    tampered(node, ledger, index, **changes)
    found = replay(ledger, index)
    assert found.outcome is Replayed.DIFFERENT
    assert any(difference in said for said in found.differences), found


def test_a_gate_that_decided_wrongly_is_found(gate, ledger, monkeypatch):
    """The record and the sets fit each other, but not the ledger."""
    honest = use_recording.decide_all

    def corrupt(projection, asked, queries, held):
        allowed, denied = honest(projection, asked, queries, held)
        return allowed | BitMap([5]), {r: n for r, n in denied.items() if r != Reason.REFUSED}

    with monkeypatch.context() as patch:
        patch.setattr(use_recording, "decide_all", corrupt)
        index = decided(gate)
    found = replay(ledger, index)
    assert found.outcome is Replayed.DIFFERENT
    assert found.differences == (
        "then 1 were allowed who are not now, and now 0 more",
        "the numbers of those denied differ, by reason",
    )


def test_after_an_erasure_the_others_are_compared(node, gate, ledger):
    index = decided(gate)
    forgets = [lambda session, subject, _: gate.decisions.forget(session, subject)]
    erasing = Erasing(ledger, node.identity, node.rng, forgets, [])
    erasing.erase(node.identity.find("email", PEOPLE[1]), "request-1")
    found = replay(ledger, index)
    assert (found.outcome, found.asked, found.allowed) == (Replayed.PRUNED, 7, 3)
    tampered(node, ledger, index, allowed=packed(BitMap([0, 2, 3, 4])))
    assert replay(ledger, index).outcome is Replayed.DIFFERENT


def test_a_decision_without_its_sets_cannot_be_made_again(node, gate, ledger):
    index = decided(gate)
    with node.db.writing() as session:
        session.execute(delete(DecisionRow))
    found = replay(ledger, index)
    assert found.outcome is Replayed.DIFFERENT
    assert "not kept" in found.differences[0]


def test_another_entry_is_no_decision(ledger):
    with pytest.raises(NotAUse):
        replay(ledger, 1)
    with pytest.raises(NotFound):
        replay(ledger, 99)


def test_another_engine_is_said(gate, ledger, monkeypatch):
    index = decided(gate)
    monkeypatch.setattr("party_node.ledger.replaying.ENGINE", "accord-gate/99")
    (said,) = replay(ledger, index).differences
    assert "accord-gate/99" in said
