"""Rule 2: within a stream the latest wins, by the source's time held to that of recording."""

from dataclasses import replace

import pytest

from consent.reasons import SKEW_MS, Reason
from consent.words import EventState
from tests.support.asking import answer, reason, written
from tests.support.consents import HOUR, MINUTE, NOON, event, query

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
NEITHER = [s for s in EventState if not s.valid_for_processing and not s.is_objection]


def test_rule_2_the_latest_wins_by_one_millisecond() -> None:
    assert reason(event(WITHDRAWN), event(GIVEN, NOON + 1)) is Reason.PERMITTED
    assert reason(event(GIVEN), event(WITHDRAWN, NOON + 1)) is Reason.WITHDRAWN


def test_rule_2_the_latest_wins_in_whatever_order_it_comes() -> None:
    recorded = NOON + HOUR
    early, late = event(WITHDRAWN), event(GIVEN, NOON + SKEW_MS + 1)
    assert reason((recorded, late), (recorded, early)) is Reason.PERMITTED
    assert reason((recorded, early), (recorded, late)) is Reason.PERMITTED
    early, late = event(GIVEN), event(WITHDRAWN, NOON + 1)
    assert reason((recorded, late), (recorded, early)) is Reason.WITHDRAWN
    assert reason((recorded, early), (recorded, late)) is Reason.WITHDRAWN


def test_rule_2_at_one_instant_a_no_wins_over_everything() -> None:
    no = event(WITHDRAWN)
    for other in (event(GIVEN), event(EventState.RENEWED_GIVEN), *(event(s) for s in NEITHER)):
        assert reason(no, other) is reason(other, no) is Reason.WITHDRAWN


@pytest.mark.parametrize("state", NEITHER)
def test_rule_2_at_one_instant_saying_nothing_wins_over_a_yes(state: EventState) -> None:
    assert reason(event(state), event(GIVEN)) == Reason(state.value)
    assert reason(event(GIVEN), event(state)) == Reason(state.value)


def test_rule_2_of_two_noes_at_one_instant_the_later_entry_is_named() -> None:
    entries = written(event(WITHDRAWN), event(EventState.REFUSED))
    decision = answer(entries, query())
    assert (decision.reason, decision.deciding_index) == (Reason.REFUSED, 1)


def test_rule_2_of_two_grants_at_one_instant_the_later_entry_wins() -> None:
    short = event(valid_until_ms=NOON + MINUTE)
    assert reason(short, event(GIVEN)) is Reason.PERMITTED
    assert reason(event(GIVEN), short) is Reason.EXPIRED


def test_rule_2_the_same_event_twice_is_the_same_as_once() -> None:
    assert reason(event(GIVEN), event(GIVEN)) is Reason.PERMITTED
    assert reason(event(WITHDRAWN), event(WITHDRAWN), event(GIVEN)) is Reason.WITHDRAWN


def test_rule_2_nothing_happens_after_it_was_recorded() -> None:
    # A clock that is four minutes fast gives its consent no head start of four minutes.
    fast = (NOON, event(GIVEN, NOON + 4 * MINUTE))
    no = (NOON + MINUTE, event(WITHDRAWN, NOON + MINUTE))
    assert reason(fast, no) is Reason.WITHDRAWN
    again = (NOON + 2 * MINUTE, event(GIVEN, NOON + 2 * MINUTE))
    assert reason(fast, no, again) is Reason.PERMITTED


def test_rule_2_a_no_from_the_future_does_not_outlast_the_yes_that_follows_it() -> None:
    ahead = (NOON, event(WITHDRAWN, NOON + 100 * HOUR))
    after = (NOON + 10 * MINUTE, event(GIVEN, NOON + 10 * MINUTE))
    assert reason(ahead, after) is Reason.PERMITTED


def test_rule_2_a_source_with_a_slow_clock_cannot_lose_a_no() -> None:
    # Said at 12:01 on a device that is three minutes slow, after a yes at 12:00.
    yes = event(GIVEN, NOON)
    no = (NOON + MINUTE, event(WITHDRAWN, NOON - 2 * MINUTE))
    assert reason(yes, no) is Reason.WITHDRAWN


def test_rule_2_two_clocks_of_one_source_differ_by_five_minutes_and_no_more() -> None:
    yes = event(GIVEN, NOON)
    for behind, expected in ((SKEW_MS, Reason.WITHDRAWN), (SKEW_MS + 1, Reason.PERMITTED)):
        no = (NOON + MINUTE, event(WITHDRAWN, NOON - behind))
        assert reason(yes, no) is expected


def test_rule_2_who_changes_their_mind_at_once_is_heard() -> None:
    # A batch that arrives an hour later tells of a no and, a second after it, of a yes.
    recorded = NOON + HOUR
    no, yes = event(WITHDRAWN), event(GIVEN, NOON + 1000)
    assert reason((recorded, no), (recorded, yes)) is Reason.PERMITTED
    assert reason((recorded, yes), (recorded, replace(no, event_time_ms=NOON + 2000))) is (
        Reason.WITHDRAWN
    )


def test_rule_2_streams_are_told_apart_by_the_whole_name_of_the_source() -> None:
    yes, no = event(GIVEN, NOON + 1, source_id="web"), event(WITHDRAWN, source_id="web-2")
    assert reason(no, yes) is Reason.WITHDRAWN
    assert reason(replace(no, source_id="web"), yes) is Reason.PERMITTED
