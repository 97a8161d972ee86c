"""Rule 7: a yes from the future does not count, and the past is asked of the past."""

from dataclasses import replace

import pytest

from consent.reasons import SKEW_MS, Reason
from consent.statements import Method
from consent.words import AgeBand, Assurance, EventState
from tests.support.asking import LATER, answer, reason, written
from tests.support.consents import HOUR, NOON, event, query

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (SKEW_MS - 1, Reason.PERMITTED),
        (SKEW_MS, Reason.PERMITTED),
        (SKEW_MS + 1, Reason.NO_EVIDENCE),
        (10**12, Reason.NO_EVIDENCE),
    ],
)
def test_rule_7_a_grant_from_the_future_does_not_count(ahead: int, expected: Reason) -> None:
    assert reason((NOON, event(GIVEN, NOON + ahead))) is expected


@pytest.mark.parametrize("state", [s for s in EventState if not s.valid_for_processing])
def test_rule_7_everything_else_from_the_future_counts(state: EventState) -> None:
    ahead = (NOON + 1, event(state, NOON + 100 * HOUR))
    assert reason(event(GIVEN), ahead) == Reason(state.value)


def test_rule_7_a_grant_from_the_future_ends_no_no_and_does_not_come_to_count_later() -> None:
    no, ahead = event(WITHDRAWN), (NOON + 1, event(GIVEN, NOON + HOUR))
    assert reason(no, ahead, at=NOON + 1) is Reason.WITHDRAWN
    assert reason(no, ahead, at=NOON + 1000 * HOUR) is Reason.WITHDRAWN


def test_rule_7_a_grant_from_the_future_opens_no_door_for_an_import() -> None:
    no, ahead = event(WITHDRAWN), (NOON + 1, event(GIVEN, NOON + HOUR))
    copy = event(GIVEN, NOON + HOUR + 1, method=Method.IMPORT)
    assert reason(no, ahead, copy) is Reason.WITHDRAWN


def test_rule_7_a_grant_from_the_future_makes_nobody_an_adult() -> None:
    child = event(GIVEN, age_band=AgeBand.AGE_13)
    ahead = event(
        GIVEN, NOON + HOUR, purpose="audience-measurement", age_band=AgeBand.ADULT,
        age_assurance=Assurance.VERIFIED,
    )  # fmt: skip
    yes = event(GIVEN, NOON + 2, method=Method.IMPORT)
    assert reason(child, (NOON + 1, ahead), yes) is Reason.NOT_BY_GUARDIAN
    assert reason(child, replace(ahead, event_time_ms=NOON + 1), yes) is Reason.PERMITTED


def test_rule_7_two_fast_clocks_race_for_nothing() -> None:
    # Each yes is dated as far ahead as is let pass; the no that comes after them is later still.
    yes = [(NOON + n, event(GIVEN, NOON + n + SKEW_MS, source_id=f"s-{n}")) for n in range(5)]
    no = (NOON + 5, event(WITHDRAWN, NOON + 5, source_id="honest"))
    assert reason(*yes, no) is Reason.WITHDRAWN


@pytest.mark.parametrize(
    ("early", "expected"),
    [(SKEW_MS, Reason.PERMITTED), (SKEW_MS + 1, Reason.EVALUATED_TOO_EARLY)],
)
def test_rule_7_a_question_about_the_past_is_asked_of_the_past(
    early: int, expected: Reason
) -> None:
    assert reason(event(GIVEN), at=NOON - early) is expected


def test_rule_7_only_what_the_question_is_about_can_make_it_too_early() -> None:
    other = event(GIVEN, NOON + 10 * HOUR, purpose="audience-measurement")
    partner = event(GIVEN, NOON + 10 * HOUR, recipient="other")
    assert reason(event(GIVEN), other, partner) is Reason.PERMITTED
    broader = event(EventState.REQUESTED, NOON + 10 * HOUR, purpose="partner-marketing")
    decision = answer(written(event(GIVEN), other, broader), query(LATER))
    assert (decision.reason, decision.deciding_index) == (Reason.EVALUATED_TOO_EARLY, 2)


def test_rule_7_when_it_was_recorded_makes_it_too_early_and_not_when_it_happened() -> None:
    late = (NOON + 10 * HOUR, event(GIVEN))
    assert reason(late) is Reason.EVALUATED_TOO_EARLY
    assert reason(late, at=NOON + 10 * HOUR) is Reason.PERMITTED


def test_rule_7_a_no_is_a_no_also_to_a_question_that_is_too_early() -> None:
    assert reason(event(GIVEN), event(WITHDRAWN, NOON + 10 * HOUR)) is Reason.WITHDRAWN
