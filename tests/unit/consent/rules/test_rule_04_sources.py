"""Rule 4: across sources the least permissive wins."""

from dataclasses import replace

import pytest

from consent.reasons import SKEW_MS, Reason
from consent.statements import Method
from consent.words import EventState
from tests.support.asking import LATER, answer, reason, written
from tests.support.consents import HOUR, NOON, event, query

GIVEN = EventState.GIVEN
GRANT = event(GIVEN)
SILENT = [s for s in EventState if not s.valid_for_processing and not s.is_objection]


def test_rule_4_two_sources_that_say_yes_permit_and_the_latest_is_named() -> None:
    decision = answer(written(GRANT, event(GIVEN, NOON + 1, source_id="app")), query())
    assert (decision.reason, decision.deciding_index) == (Reason.PERMITTED, 1)


@pytest.mark.parametrize("state", SILENT)
def test_rule_4_one_source_that_does_not_say_yes_is_enough(state: EventState) -> None:
    other = event(state, source_id="app")
    assert reason(GRANT, other) is Reason.SOURCES_DISAGREE
    assert reason(event(GIVEN, NOON + SKEW_MS), other) is Reason.SOURCES_DISAGREE


@pytest.mark.parametrize("state", SILENT)
def test_rule_4_a_newer_act_settles_what_another_source_does_not_know(state: EventState) -> None:
    other = event(state, source_id="app")
    assert reason(event(GIVEN, NOON + SKEW_MS + 1), other) is Reason.PERMITTED
    copy = event(GIVEN, NOON + SKEW_MS + 1, method=Method.IMPORT)
    assert reason(copy, other) is Reason.SOURCES_DISAGREE


def test_rule_4_a_no_at_one_source_is_a_no_and_no_disagreement() -> None:
    old = event(EventState.REFUSED, NOON, source_id="app")
    assert reason(event(GIVEN, NOON + 1), old) is Reason.REFUSED
    assert reason(old, event(GIVEN, NOON + 1)) is Reason.REFUSED


def test_rule_4_of_two_noes_the_later_is_named() -> None:
    decision = answer(
        written(
            event(EventState.REFUSED, NOON + 2, source_id="app"),
            event(EventState.WITHDRAWN, NOON + 1),
        ),
        query(),
    )
    assert (decision.reason, decision.deciding_index) == (Reason.REFUSED, 0)


def test_rule_4_two_sources_that_say_nothing_give_the_later_reason() -> None:
    asked = event(EventState.REQUESTED, NOON + 1, source_id="app")
    assert reason(event(EventState.UNKNOWN), asked) is Reason.REQUESTED
    assert reason(asked, event(EventState.UNKNOWN, NOON + 2)) is Reason.UNKNOWN


def test_rule_4_consent_that_ran_out_at_one_source_is_no_yes_any_more() -> None:
    short = event(GIVEN, source_id="app", valid_until_ms=NOON + HOUR)
    assert reason(GRANT, short, at=NOON + HOUR - 1) is Reason.PERMITTED
    assert reason(GRANT, short, at=NOON + HOUR) is Reason.SOURCES_DISAGREE
    decision = answer(written(GRANT, short), query(NOON + HOUR))
    assert decision.deciding_index == 1


def test_rule_4_neither_recency_nor_rank_alone_decides() -> None:
    """As Amazon Connect and others would have it: the newest, or the best source."""
    no = event(EventState.WITHDRAWN, source_id="app", source_trust=0)
    newest = event(GIVEN, NOON + SKEW_MS, source_trust=0)
    best = event(GIVEN, source_trust=9)
    assert reason(no, newest) is reason(no, best) is Reason.WITHDRAWN


def test_rule_4_many_sources_are_all_heard() -> None:
    sources = [event(GIVEN, source_id=f"s-{n}") for n in range(20)]
    assert reason(*sources) is Reason.PERMITTED
    for n in (0, 11, 19):
        silent = [*sources]
        silent[n] = event(EventState.UNKNOWN, source_id=f"s-{n}")
        assert reason(*silent) is Reason.SOURCES_DISAGREE
        silent[n] = event(EventState.REVOKED, source_id=f"s-{n}")
        assert reason(*silent) is Reason.REVOKED
        settling = event(GIVEN, NOON + HOUR, source_id="s-20")
        assert reason(*silent, settling) is Reason.PERMITTED


def test_rule_4_an_act_that_settles_must_come_after_the_last_that_the_other_source_said() -> None:
    # The no itself is old, but the source spoke since: that it repeats a yes settles nothing.
    no = event(EventState.WITHDRAWN, source_id="app")
    copy = event(GIVEN, NOON + HOUR, source_id="app", method=Method.IMPORT)
    act = event(GIVEN, NOON + HOUR + SKEW_MS)
    assert reason(no, copy, act) is Reason.WITHDRAWN
    assert reason(no, copy, replace(act, event_time_ms=NOON + HOUR + SKEW_MS + 1)) is (
        Reason.PERMITTED
    )


def test_rule_4_a_chain_of_sources_does_not_pass_trust_on() -> None:
    # c outranks b, b outranks a: the yes at c is too old for a's no.
    a = event(EventState.WITHDRAWN, NOON + HOUR, source_id="a", source_trust=5)
    b = event(GIVEN, NOON + HOUR + SKEW_MS + 1, source_id="b", source_trust=4)
    c = event(GIVEN, NOON, source_id="c", source_trust=9)
    assert reason(a, b, c, at=LATER) is Reason.WITHDRAWN
