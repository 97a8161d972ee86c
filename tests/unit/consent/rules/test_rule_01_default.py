"""Rule 1: the default is no, and only two of the states permit."""

import pytest

from consent.decision import Decision, Verdict
from consent.errors import ConsentDenied
from consent.reasons import Reason
from consent.words import EventState
from tests.support.asking import answer, in_tree, reason, written
from tests.support.consents import HOUR, NOON, event, query
from tests.support.records import preference

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
GRANT = event(GIVEN)


def test_rule_1_a_grant_permits_and_is_named() -> None:
    decision = answer(written(GRANT), query())
    assert decision == Decision(Verdict.ALLOW, Reason.PERMITTED, 0)
    decision.require()


def test_rule_1_nothing_said_is_a_no() -> None:
    assert answer([], query()) == Decision(Verdict.DENY, Reason.NO_EVIDENCE, None)


def test_rule_1_other_kinds_of_entries_about_a_person_are_no_consent() -> None:
    assert reason(preference()) is Reason.NO_EVIDENCE


@pytest.mark.parametrize("state", [s for s in EventState if s.valid_for_processing])
def test_rule_1_given_and_renewed_given_permit(state: EventState) -> None:
    assert reason(event(state)) is Reason.PERMITTED


@pytest.mark.parametrize("state", [s for s in EventState if not s.valid_for_processing])
def test_rule_1_every_other_state_denies_alone_and_after_a_yes(state: EventState) -> None:
    assert reason(event(state)) == Reason(state.value)
    assert reason(GRANT, event(state, NOON + 1)) == Reason(state.value)


@pytest.mark.parametrize(
    "state",
    [s for s in EventState if not s.valid_for_processing and not s.is_objection],
)
def test_rule_1_after_a_state_that_says_nothing_a_yes_permits_again(state: EventState) -> None:
    assert reason(event(state), event(GIVEN, NOON + 1)) is Reason.PERMITTED


def test_rule_1_a_denial_raises_and_names_its_entry() -> None:
    decision = answer(written(GRANT, event(WITHDRAWN, NOON + 1)), query())
    assert decision.deciding_index == 1
    with pytest.raises(ConsentDenied) as denied:
        decision.require()
    assert (denied.value.reason, denied.value.deciding_index) == ("withdrawn", 1)


@pytest.mark.parametrize(
    "changes", [{"recipient": "other"}, {"purpose": "audience-measurement"}, {"channel": "email"}]
)
def test_rule_1_consent_to_another_scope_is_no_evidence(changes: dict[str, str]) -> None:
    assert reason(event(**changes)) is Reason.NO_EVIDENCE


def test_rule_1_consent_to_the_controller_is_none_to_a_partner_and_the_other_way_round() -> None:
    assert reason(event(recipient="self")) is Reason.NO_EVIDENCE
    assert reason(GRANT, recipient="self") is Reason.NO_EVIDENCE


def test_rule_1_a_purpose_that_the_vocabulary_does_not_know_permits_nothing() -> None:
    assert reason(event(purpose="joint")) is Reason.NO_EVIDENCE
    assert in_tree(event(purpose="score", recipient="self")) is Reason.NO_EVIDENCE


def test_rule_1_a_yes_to_everybody_is_a_yes_to_nobody() -> None:
    assert reason(event(recipient="*")) is Reason.NO_EVIDENCE
    assert reason(event(recipient="*"), recipient="self") is Reason.NO_EVIDENCE


def test_rule_1_the_first_and_the_last_instant_there_are() -> None:
    first, last = 0, 253_402_300_799_999
    assert reason(event(at=first), at=first) is Reason.PERMITTED
    assert reason(event(WITHDRAWN, first), at=first) is Reason.WITHDRAWN
    assert reason(event(at=last), at=last) is Reason.PERMITTED
    assert reason(event(WITHDRAWN, first), event(at=first), at=last) is Reason.WITHDRAWN
    assert reason(event(at=last), event(WITHDRAWN, last), at=last) is Reason.WITHDRAWN
    assert reason(event(at=first), event(WITHDRAWN, first + 1), at=HOUR) is Reason.WITHDRAWN
    assert reason(event(WITHDRAWN, first), event(at=first + 1), at=HOUR) is Reason.PERMITTED


def test_rule_1_every_state_is_valid_objecting_or_silent() -> None:
    valid = {s for s in EventState if s.valid_for_processing}
    objecting = {s for s in EventState if s.is_objection}
    assert valid == {EventState.GIVEN, EventState.RENEWED_GIVEN}
    assert objecting == {
        EventState.REFUSED,
        EventState.WITHDRAWN,
        EventState.REVOKED,
        EventState.INVALIDATED,
        EventState.TERMINATED,
    }
    assert {s.value for s in EventState} - {s.value for s in valid} <= {r.value for r in Reason}
