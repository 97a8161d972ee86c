"""Snapshots of the state are entries: a projection that was changed is found against the log."""

from consent.milestones import StateSnapshot
from consent.projection import Projection
from consent.words import EventState
from party_node.aftermath.state_log import log_state, log_state_when_due
from party_node.ledger.fsck import fsck
from tests.unit.party_node.aftermath.conftest import HOUR


def test_a_snapshot_says_what_the_state_is_at_its_size(rig):
    rig.say(0), rig.say(1), rig.say(1, EventState.WITHDRAWN)
    with rig.ledger.hold() as head:
        size, digest, sets = head.size, head.projection.digest(), list(head.projection.sets())
    index = log_state(rig.ledger)
    (snapshot,) = rig.records(StateSnapshot)
    assert (index, snapshot.tree_size) == (size, size)
    assert snapshot.projection == digest
    assert snapshot.subjects == 2
    assert list(snapshot.sets) == sets
    assert sets


def test_two_nodes_with_the_same_history_have_the_same_digests(rig, tmp_path):
    rig.say(0), rig.say(1)
    log_state(rig.ledger)
    again = rig.node.open_ledger()
    log_state(again)
    first, second = (r for r in (e.record for e in again.entries()) if isinstance(r, StateSnapshot))
    assert first.projection == second.projection
    assert first.sets == second.sets


def test_one_is_logged_when_there_are_enough_new_entries(rig):
    rig.say(0)
    assert log_state_when_due(rig.ledger, every=3) is None
    rig.say(1), rig.say(2)
    first = log_state_when_due(rig.ledger, every=3)
    assert first is not None
    assert log_state_when_due(rig.ledger, every=3) is None
    for person in range(3):
        rig.say(person, EventState.WITHDRAWN)
    assert log_state_when_due(rig.ledger, every=3) == first + 4


def test_fsck_replays_each_snapshot_and_finds_none_wrong(rig):
    rig.say(0), rig.say(1)
    log_state(rig.ledger)
    rig.node.clock.advance(HOUR)
    rig.say(0, EventState.WITHDRAWN)
    log_state(rig.ledger)
    assert not fsck(rig.ledger, rig.node.identity)


def test_a_state_that_is_not_what_the_log_comes_to_is_proved_by_the_snapshot(rig, monkeypatch):
    """The log is sound, what decided was not: the snapshot that it signed shows that."""
    rig.say(0), rig.say(1, EventState.WITHDRAWN)
    with rig.ledger.hold() as head:
        true = list(head.projection.sets())
    monkeypatch.setattr(Projection, "sets", lambda _self: iter(true[1:]))
    index = log_state(rig.ledger)
    monkeypatch.undo()
    (finding,) = fsck(rig.node.open_ledger(), rig.node.identity).listed
    assert str(index) in finding.where
