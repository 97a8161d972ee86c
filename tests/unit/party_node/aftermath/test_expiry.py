"""Rule 8: that a consent ran out is written for reports; no decision ever waits for it."""

import pytest

from consent.uses import ConsentExpired
from consent.words import EventState
from party_node.aftermath.expiry import ExpirySweep
from tests.unit.party_node.aftermath.conftest import HOUR, PEOPLE


@pytest.fixture
def sweep(rig):
    made = ExpirySweep(rig.ledger, rig.node.identity)
    made.sweep()  # the first one only notes from when on it looks
    return made


def expired(rig):
    return rig.records(ConsentExpired)


def test_rule_8_each_consent_that_ran_out_is_written_once(rig, sweep):
    now = rig.node.clock.now_ms
    first = rig.say(0, valid_until_ms=now + HOUR)
    second = rig.say(1, valid_until_ms=now + 3 * HOUR)
    rig.say(2)
    assert sweep.sweep() == 0
    rig.node.clock.advance(HOUR)
    assert sweep.sweep() == 1
    rig.node.clock.advance(5 * HOUR)
    assert sweep.sweep() == 1
    assert sweep.sweep() == 0
    assert [(e.subject_id, e.grant) for e in expired(rig)] == [
        (rig.node.person(PEOPLE[0]), first), (rig.node.person(PEOPLE[1]), second),
    ]  # fmt: skip
    for said in expired(rig):
        assert (said.purpose, said.recipient, said.channel) == ("joint-audience", "shop", "*")


def test_rule_8_the_gate_denies_before_any_sweep(rig, sweep):
    rig.say(0, valid_until_ms=rig.node.clock.now_ms + HOUR)
    assert len(rig.use().allowed) == 1
    rig.node.clock.advance(HOUR)
    assert not expired(rig)
    assert not rig.use("1" * 32).allowed


def test_rule_8_the_entry_changes_no_decision(rig, sweep):
    rig.say(0, valid_until_ms=rig.node.clock.now_ms + HOUR)
    rig.node.clock.advance(HOUR)
    with rig.ledger.hold() as head:
        before = head.projection.digest()
    sweep.sweep()
    with rig.ledger.hold() as head:
        assert head.projection.digest() == before


@pytest.mark.parametrize("state", [EventState.WITHDRAWN, EventState.REFUSED])
def test_what_ended_before_its_time_does_not_run_out_as_well(rig, sweep, state):
    rig.say(0, valid_until_ms=rig.node.clock.now_ms + HOUR)
    rig.node.clock.advance(1000)
    rig.say(0, state)
    rig.node.clock.advance(2 * HOUR)
    assert sweep.sweep() == 0


def test_a_sweep_goes_on_where_the_last_one_ended_after_a_restart(rig, sweep):
    rig.say(0, valid_until_ms=rig.node.clock.now_ms + HOUR)
    rig.node.clock.advance(30 * HOUR)
    again = rig.node.open_ledger()
    assert ExpirySweep(again, rig.node.identity).sweep() == 1
    assert ExpirySweep(rig.node.open_ledger(), rig.node.identity).sweep() == 0
