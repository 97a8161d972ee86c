"""Rule 6: which uses a late withdrawal came too late for is worked out, kept, and said once."""

import pytest

from consent.uses import ExposureReport, UseRecord
from consent.words import EventState
from party_node.aftermath.exposures import Exposures
from party_node.merging import Merging
from tests.unit.party_node.aftermath.conftest import HOUR, PEOPLE


@pytest.fixture
def exposures(rig):
    return Exposures(rig.ledger, rig.node.identity, rig.gate.decisions)


def reports(rig):
    return rig.records(ExposureReport)


def test_rule_6_a_late_withdrawal_names_each_use_that_it_came_too_late_for(rig, exposures):
    rig.say(0), rig.say(1)
    rig.node.clock.advance(HOUR)
    rig.use()
    used_at = rig.node.clock.now_ms
    rig.node.clock.advance(HOUR)
    withdrawal = rig.say(0, EventState.WITHDRAWN, ago_ms=HOUR + HOUR // 2)
    assert exposures.report() == 1
    (report,) = reports(rig)
    (use,) = rig.records(UseRecord)
    assert (report.subject_id, report.withdrawal) == (rig.node.person(PEOPLE[0]), withdrawal)
    assert report.effective_at_ms - report.withdrawn_at_ms == HOUR + HOUR // 2
    assert (report.purpose, report.recipient, report.uses_total) == ("joint-audience", "shop", 1)
    (exposed,) = report.uses
    assert (exposed.decision_id, exposed.job, exposed.operation) == (
        use.decision_id,
        "0" * 32,
        "psi",
    )
    assert exposed.evaluated_at_ms == used_at


def test_rule_6_the_use_stays_as_it_was_recorded(rig, exposures):
    rig.say(0)
    rig.node.clock.advance(HOUR)
    rig.use()
    before = rig.records(UseRecord)
    rig.say(0, EventState.WITHDRAWN, ago_ms=HOUR // 2)
    exposures.report()
    assert rig.records(UseRecord) == before


def test_rule_6_a_withdrawal_is_looked_at_once_also_after_a_restart(rig, exposures):
    rig.say(0)
    rig.use()
    rig.node.clock.advance(HOUR)
    rig.say(0, EventState.WITHDRAWN, ago_ms=HOUR)
    assert exposures.report() == 1
    again = rig.node.open_ledger()
    for one in (exposures, Exposures(again, rig.node.identity, rig.gate.decisions)):
        assert one.report() == 0
    assert len(reports(rig)) == 1


@pytest.mark.parametrize(
    ("state", "ago", "changes"),
    [
        pytest.param(EventState.WITHDRAWN, 0, {}, id="on time"),
        pytest.param(EventState.WITHDRAWN, HOUR // 2, {}, id="after the use"),
        pytest.param(EventState.GIVEN, 2 * HOUR, {}, id="a yes"),
        pytest.param(EventState.WITHDRAWN, 2 * HOUR, {"recipient": "telco"}, id="other recipient"),
        pytest.param(
            EventState.WITHDRAWN, 2 * HOUR, {"purpose": "audience-measurement"}, id="other purpose"
        ),
    ],
)
def test_no_report_of_what_was_not_exposed(rig, exposures, state, ago, changes):
    rig.say(0)
    rig.node.clock.advance(HOUR)
    rig.use()
    rig.node.clock.advance(HOUR)
    rig.say(0, state, ago_ms=ago, **changes)
    assert exposures.report() == 0
    assert not reports(rig)


def test_whoever_was_not_among_the_used_was_not_exposed(rig, exposures):
    rig.say(0)
    rig.use()
    rig.node.clock.advance(HOUR)
    rig.say(5, EventState.WITHDRAWN, ago_ms=2 * HOUR)
    assert exposures.report() == 0


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"recipient": "self"}, id="from all recipients"),
        pytest.param({"purpose": "marketing"}, id="from a broader purpose"),
    ],
)
def test_a_broader_withdrawal_exposes_what_it_covers(rig, exposures, changes):
    if "purpose" in changes:
        changes = {"purpose": min(rig.ledger.vocabulary.ancestors("joint-audience"))}
    rig.say(0)
    rig.use()
    rig.node.clock.advance(HOUR)
    rig.say(0, EventState.WITHDRAWN, ago_ms=2 * HOUR, **changes)
    assert exposures.report() == 1


def test_the_report_lists_some_and_counts_all(rig, exposures, monkeypatch):
    monkeypatch.setattr("party_node.aftermath.exposures._MOST", 2)
    rig.say(0)
    for number in range(5):
        rig.use(f"{number:032x}")
    rig.node.clock.advance(HOUR)
    rig.say(0, EventState.WITHDRAWN, ago_ms=2 * HOUR)
    exposures.report()
    (report,) = reports(rig)
    assert (len(report.uses), report.uses_total) == (2, 5)
    assert [u.job for u in report.uses] == [f"{n:032x}" for n in range(2)]


def test_an_erased_person_is_in_no_report(rig, exposures):
    from party_node.erasure.erasing import Erasing

    rig.say(0)
    rig.use()
    rig.node.clock.advance(HOUR)
    rig.say(0, EventState.WITHDRAWN, ago_ms=2 * HOUR)
    forget = lambda session, subject, _: rig.gate.decisions.forget(session, subject)  # noqa: E731
    erasing = Erasing(rig.ledger, rig.node.identity, rig.node.rng, [forget], [])
    erasing.erase(rig.node.identity.find("email", PEOPLE[0]), "r")
    assert exposures.report() == 0


def test_rule_6_a_use_under_a_record_that_was_merged_is_found(rig, exposures):
    rig.say(0)
    rig.node.clock.advance(HOUR)
    rig.use()
    rig.say(1)
    kept, absorbed = (rig.node.identity.find("email", PEOPLE[n]) for n in (1, 0))
    merging = Merging(rig.ledger, rig.node.identity, rig.node.datasets)
    merging.merge(kept, absorbed, "same person", "person:ann")
    rig.node.clock.advance(HOUR)
    rig.say(1, EventState.WITHDRAWN, ago_ms=HOUR + HOUR // 2)
    assert exposures.report() == 1
    (report,) = reports(rig)
    assert (report.subject_id, report.uses_total) == (rig.node.person(PEOPLE[1]), 1)
