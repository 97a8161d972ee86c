"""Rules of the decision that live in the gate: counted uses, evidence, rounds, alarms."""

import pytest
from pyroaring import BitMap

from consent.checkpoint import checkpoint_of
from consent.errors import UnknownPurpose
from consent.uses import OccurrenceReleased, OccurrenceReserved, UseRecord
from consent.words import EventState
from party_node.errors import DiskFull, IllegalState
from party_node.gate import Gate
from tests.support.fleet import fleet
from tests.support.node import open_storage, write_csv

PEOPLE = [f"p{i}@x.example" for i in range(4)]
TTL = 600_000


@pytest.fixture
def node(tmp_path):
    node = open_storage(tmp_path)
    lines = [f"k{i},{mail}" for i, mail in enumerate(PEOPLE)]
    path = write_csv(tmp_path / "people.csv", "key,mail", *lines)
    node.datasets.register("people", path, "key", "mail", None, "GB")
    return node


@pytest.fixture
def ledger(node):
    return node.open_ledger()


@pytest.fixture
def gate(node, ledger):
    return node.open_gate(ledger)


def say(node, ledger, person, state=EventState.GIVEN, **changes):
    event = node.event(PEOPLE[person], f"{person}/{ledger.head()[0]}", state=state, **changes)
    return ledger.append([event])[0]


def permit(gate, job=0, operations=("psi",), **changes):
    return gate.permit(
        f"{job:032x}", b"h" * 32, "people", "joint-audience", "shop", operations, "brand", TTL,
        **changes,
    )  # fmt: skip


def records(ledger, kind):
    return [e.record for e in ledger.entries() if isinstance(e.record, kind)]


# -- rule 8: a consent for so many uses ----------------------------------------------------------


def test_rule_8_a_consent_for_two_uses_permits_two_jobs_and_no_third(node, ledger, gate):
    grant = say(node, ledger, 0, max_uses=2)
    assert [len(permit(gate, job).allowed) for job in range(3)] == [1, 1, 0]
    reserved = records(ledger, OccurrenceReserved)
    assert [(r.subject_id, r.grant) for r in reserved] == [(node.person(PEOPLE[0]), grant)] * 2
    assert dict(permit(gate, 2).grant.denied) == {"no-evidence": 3, "used-up": 1}


def test_rule_8_the_use_is_set_aside_in_the_transaction_of_the_use_record(node, ledger, gate):
    say(node, ledger, 0, max_uses=1)
    before = ledger.head()[0]
    permit(gate)
    kinds = [type(e.record) for e in ledger.entries() if e.index >= before]
    assert kinds == [UseRecord, OccurrenceReserved]


def test_rule_8_asking_again_for_the_same_job_uses_up_nothing(node, ledger, gate):
    say(node, ledger, 0, max_uses=1)
    first = permit(gate)
    assert permit(gate).allowed == first.allowed == BitMap([0])
    assert gate.recheck(first).allowed == BitMap([0])
    assert len(records(ledger, OccurrenceReserved)) == 1


def test_rule_8_a_use_that_was_aborted_is_given_back_and_a_completed_one_is_not(node, ledger, gate):
    say(node, ledger, 0, max_uses=1)
    gate.complete(permit(gate, 1), "budget-exceeded")
    assert len(records(ledger, OccurrenceReleased)) == 1
    gate.complete(permit(gate, 2), "completed")
    assert len(records(ledger, OccurrenceReleased)) == 1
    assert not permit(gate, 3).allowed


def test_rule_8_the_count_survives_a_restart_and_a_new_yes_starts_another(node, ledger, gate):
    say(node, ledger, 0, max_uses=1)
    permit(gate, 1)
    again = node.open_ledger()
    assert not permit(node.open_gate(again), 2).allowed
    node.clock.advance(1000)
    say(node, again, 0, max_uses=1)
    assert permit(node.open_gate(again), 3).allowed == BitMap([0])


def test_rule_8_several_operations_of_one_job_are_one_use(node, ledger, gate):
    say(node, ledger, 0, max_uses=1)
    assert permit(gate, operations=("psi", "activate")).allowed == BitMap([0])
    assert len(records(ledger, OccurrenceReserved)) == 1


def test_rule_8_who_holds_the_last_use_may_still_withdraw(node, ledger, gate):
    say(node, ledger, 0, max_uses=1)
    permission = permit(gate)
    node.clock.advance(1000)
    say(node, ledger, 0, EventState.WITHDRAWN)
    assert not gate.recheck(permission).allowed


# -- rule 19: what evidence names ----------------------------------------------------------------


def test_rule_19_a_use_record_names_the_newest_durable_state_and_the_newest_published_one(tmp_path):
    with fleet(tmp_path) as witnessed:
        node, ledger = witnessed.node, witnessed.ledger
        path = write_csv(tmp_path / "people.csv", "key,mail", f"k0,{PEOPLE[0]}", f"k1,{PEOPLE[1]}")
        node.datasets.register("people", path, "key", "mail", None, "GB")
        gate = node.open_gate(ledger)
        say(node, ledger, 0)
        permit(gate, 1)
        size = witnessed.publish()
        root = checkpoint_of(ledger.checkpoints.latest_published()).root
        say(node, ledger, 1)
        newest = ledger.head()
        permit(gate, 2)
    first, second = records(ledger, UseRecord)
    assert first.witnessed is None
    assert (second.witnessed.tree_size, second.witnessed.root_hash) == (size, root)
    assert (second.as_of.tree_size, second.as_of.root_hash) == newest
    assert newest[0] > size


def test_rule_19_a_withdrawal_counts_at_once_though_nothing_was_published_since(node, ledger, gate):
    say(node, ledger, 0), say(node, ledger, 1)
    wide = permit(gate)
    node.clock.advance(1000)
    say(node, ledger, 0, EventState.WITHDRAWN)
    assert gate.recheck(wide).allowed == BitMap([1])


# -- rule 20: a gate that cannot decide says no, and says so ---------------------------------------


@pytest.fixture
def alarms():
    return []


@pytest.fixture
def watched(node, ledger, alarms):
    return Gate(
        ledger, node.datasets, node.identity, node.clock, node.rng,
        lambda job, code: alarms.append((job, code)),
    )  # fmt: skip


def test_rule_20_a_question_that_cannot_be_decided_is_an_error_and_an_alarm(watched, alarms):
    with pytest.raises(UnknownPurpose):
        watched.permit(
            "1" * 32, b"h" * 32, "people", "spam", "shop", ("psi",), "brand", TTL
        )  # fmt: skip
    assert alarms == [("1" * 32, "unknown-purpose")]


def test_rule_20_a_full_disk_gives_no_permission(node, ledger, watched, alarms, monkeypatch):
    say(node, ledger, 0)

    def full(*_args, **_kwargs):
        raise DiskFull("no space left")

    monkeypatch.setattr(ledger, "append", full)
    with pytest.raises(DiskFull):
        permit(watched)
    monkeypatch.undo()
    assert not records(ledger, UseRecord)
    assert alarms == [("0" * 32, "disk-full")]
    assert permit(watched).allowed == BitMap([0])


def test_rule_20_a_recheck_that_fails_leaves_the_use_unreleased_and_says_so(
    node, ledger, watched, alarms, monkeypatch
):
    say(node, ledger, 0)
    permission = permit(watched)
    monkeypatch.setattr(ledger, "hold", lambda: (_ for _ in ()).throw(DiskFull("full")))
    with pytest.raises(DiskFull):
        watched.recheck(permission)
    assert alarms == [("0" * 32, "disk-full")]


def test_rule_20_a_plain_no_is_no_alarm(watched, alarms):
    assert not permit(watched).allowed
    assert alarms == []


# -- rule 21: the next round of a training -------------------------------------------------------


def test_rule_21_an_objection_leaves_the_person_out_from_the_next_round_and_the_record_says_which(
    node, ledger, gate
):
    for person in range(3):
        say(node, ledger, person)
    permission = permit(gate)
    for at_round in range(3):
        permission = gate.recheck(permission, at_round=at_round)
    assert permission.allowed == BitMap([0, 1, 2])
    node.clock.advance(1000)
    say(node, ledger, 1, EventState.REVOKED)
    permission = gate.recheck(permission, at_round=3)
    assert permission.allowed == BitMap([0, 2])
    first, second = records(ledger, UseRecord)
    assert (first.round, second.round) == (None, 3)
    assert gate.recheck(permission, at_round=4) is permission


def test_rule_21_nobody_joins_a_training_that_runs(node, ledger, gate):
    say(node, ledger, 0)
    permission = permit(gate)
    say(node, ledger, 1)
    assert gate.recheck(permission, at_round=1).allowed == BitMap([0])


def test_rule_21_a_training_that_ended_has_no_next_round(node, ledger, gate):
    say(node, ledger, 0)
    permission = permit(gate)
    gate.end(permission.job, "people", "aborted-by-peer")
    with pytest.raises(IllegalState):
        gate.recheck(permission, at_round=1)


# -- the channel, and a part of a dataset ----------------------------------------------------------


def test_a_consent_to_one_channel_permits_that_channel_alone(node, ledger, gate):
    say(node, ledger, 0, channel="email")
    say(node, ledger, 1)
    assert permit(gate, 1, channel="email").allowed == BitMap([0, 1])
    assert permit(gate, 2, channel="sms").allowed == BitMap([1])
    assert permit(gate, 3).allowed == BitMap([1])
    assert [u.channel for u in records(ledger, UseRecord)] == ["email", "sms", "*"]


def test_a_part_of_a_dataset_is_asked_about_alone_and_never_more_than_it_holds(node, ledger, gate):
    for person in range(3):
        say(node, ledger, person)
    permission = permit(gate, among=BitMap([1, 3, 4242]))
    assert (permission.grant.asked, permission.allowed) == (2, BitMap([1]))
