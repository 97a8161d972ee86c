"""Rule 8: consent ends at its end, and after so many uses."""

from dataclasses import replace

import pytest
from pyroaring import BitMap

from consent.decision import decide
from consent.defaults import DEFAULT_VOCABULARY
from consent.events import ConsentEvent
from consent.projection import Projection
from consent.reasons import Reason
from consent.statements import Method
from consent.uses import ConsentExpired, OccurrenceReleased, OccurrenceReserved
from consent.words import EventState
from tests.support.asking import Written, answer, in_tree, reason, written
from tests.support.consents import HOUR, MINUTE, NOON, SUBJECT, TREE, event, query

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
END = NOON + HOUR


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (END - 1, Reason.PERMITTED),
        (END, Reason.EXPIRED),
        (END + 1, Reason.EXPIRED),
        (END + 100_000 * HOUR, Reason.EXPIRED),
    ],
)
def test_rule_8_consent_ends_at_its_end_and_not_after_it(at: int, expected: Reason) -> None:
    assert reason(event(valid_until_ms=END), at=at) is expected


@pytest.mark.parametrize("end", [0, 1, NOON - 1, NOON])
def test_rule_8_consent_that_ended_before_it_began_never_held(end: int) -> None:
    assert reason(event(valid_until_ms=end), at=NOON) is Reason.EXPIRED


def test_rule_8_the_end_of_the_last_year_is_an_end_too() -> None:
    last = 253_402_300_799_999
    assert reason(event(valid_until_ms=last), at=last - 1) is Reason.PERMITTED
    assert reason(event(valid_until_ms=last), at=last) is Reason.EXPIRED


def test_rule_8_no_sweeper_is_needed_and_an_expired_event_denies_too() -> None:
    assert reason(event(), event(EventState.EXPIRED, NOON + 1)) is Reason.EXPIRED


def test_rule_8_the_sweepers_entry_changes_nothing() -> None:
    swept = ConsentExpired(
        subject_id=SUBJECT, grant=0, purpose="joint-audience", recipient="publisher", channel="*",
        expired_at_ms=END,
    )  # fmt: skip
    assert reason(event(), (NOON + 1, swept)) is Reason.PERMITTED


def test_rule_8_a_renewal_lengthens_and_a_shorter_one_shortens() -> None:
    short = event(valid_until_ms=NOON + MINUTE)
    renewed = event(EventState.RENEWED_GIVEN, NOON + 1, valid_until_ms=NOON + 3 * HOUR)
    assert reason(short, renewed, at=END) is Reason.PERMITTED
    shorter = event(GIVEN, NOON + 2, valid_until_ms=NOON + MINUTE)
    assert reason(short, renewed, shorter, at=END) is Reason.EXPIRED


def test_rule_8_a_no_after_the_end_is_a_no_and_not_expired() -> None:
    assert reason(event(valid_until_ms=END), event(WITHDRAWN, END + 1)) is Reason.WITHDRAWN


def test_rule_8_consent_whose_end_has_passed_ends_no_no_of_another_source() -> None:
    yes = event(GIVEN, NOON + HOUR, source_id="app", valid_until_ms=NOON + 2 * HOUR)
    assert reason(event(WITHDRAWN), yes, at=NOON + 2 * HOUR - 1) is Reason.PERMITTED
    assert reason(event(WITHDRAWN), yes, at=NOON + 2 * HOUR) is Reason.WITHDRAWN


def test_rule_8_asking_about_the_future_first_does_not_change_the_present() -> None:
    projection = Projection(DEFAULT_VOCABULARY)
    for dense, end in enumerate((END, END + HOUR, END + 2 * HOUR)):
        projection.apply(dense, event(valid_until_ms=end), dense, NOON)
    for at, left in ((END + 9 * HOUR, 0), (END - 1, 3), (END + HOUR, 1), (END, 2), (0 + NOON, 3)):
        assert len(projection.bulk(query(at)).allowed) == left


# -- so many uses ----------------------------------------------------------------------------------


def reserved(grant: int, use: str, at: int = NOON + 1) -> OccurrenceReserved:
    return OccurrenceReserved(
        subject_id=SUBJECT, grant=grant, decision_id=use * 32, reserved_at_ms=at
    )


def released(grant: int, use: str, at: int = NOON + 2) -> OccurrenceReleased:
    return OccurrenceReleased(
        subject_id=SUBJECT, grant=grant, decision_id=use * 32, released_at_ms=at
    )


TWICE = event(max_uses=2)


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ([], Reason.PERMITTED),
        ([reserved(0, "a")], Reason.PERMITTED),
        ([reserved(0, "a"), reserved(0, "b")], Reason.USED_UP),
        ([reserved(0, "a"), reserved(0, "b"), reserved(0, "c")], Reason.USED_UP),
        ([reserved(0, "a"), reserved(0, "b"), released(0, "b")], Reason.PERMITTED),
        ([reserved(0, "a"), reserved(0, "b"), released(0, "b"), reserved(0, "c")], Reason.USED_UP),
    ],
)
def test_rule_8_a_consent_to_two_uses_permits_two(uses: list[Written], expected: Reason) -> None:
    assert reason(TWICE, *uses) is expected


def test_rule_8_a_use_that_was_never_set_aside_cannot_be_given_back() -> None:
    uses = [released(0, "a"), released(0, "a"), released(0, "b"), released(0, "c")]
    assert reason(TWICE, *uses, at=NOON + HOUR) is Reason.PERMITTED
    projection = Projection(DEFAULT_VOCABULARY)
    for e in written(TWICE, *uses):
        projection.apply(e.index, e.record, 1, e.recorded_at_ms)
    assert projection.occurrences.left(0) == 2


def test_rule_8_the_uses_of_one_consent_are_not_those_of_another() -> None:
    once = event(max_uses=1)
    other = event(max_uses=1, purpose="audience-measurement")
    assert reason(once, other, reserved(1, "a")) is Reason.PERMITTED
    assert reason(once, other, reserved(0, "a")) is Reason.USED_UP
    renewed = replace(once, event_time_ms=NOON + 5)
    assert reason(once, reserved(0, "a"), renewed) is Reason.PERMITTED
    assert reason(once, reserved(0, "a"), renewed, reserved(2, "b")) is Reason.USED_UP


def test_rule_8_a_consent_that_is_used_up_ends_no_no_of_another_source() -> None:
    yes = event(GIVEN, NOON + HOUR, source_id="app", max_uses=1)
    no = event(WITHDRAWN)
    assert reason(no, yes) is Reason.PERMITTED
    assert reason(no, yes, reserved(1, "a", NOON + HOUR + 1)) is Reason.WITHDRAWN


def test_rule_8_end_and_uses_both_end_it() -> None:
    both = event(max_uses=1, valid_until_ms=END)
    assert reason(both, at=END - 1) is Reason.PERMITTED
    assert reason(both, at=END) is Reason.EXPIRED
    assert reason(both, reserved(0, "a"), at=END - 1) is Reason.USED_UP


def limited(*records: Written, purpose: str, recipient: str = "self") -> tuple[dict[int, int], int]:
    """Return what has to be counted for subject 1, and the entry by which it is permitted."""
    entries = written(*records)
    asked = query(purpose=purpose, recipient=recipient)
    projection = Projection(TREE)
    for e in entries:
        projection.apply(e.index, e.record, 1, e.recorded_at_ms)
    decision = decide(entries, asked, TREE)
    assert decision.reason is Reason.PERMITTED
    assert decision.deciding_index is not None
    return projection.limited(asked, BitMap([1])), decision.deciding_index


def marketing(at: int = NOON, **changes: object) -> ConsentEvent:
    return event(GIVEN, at, purpose="marketing", recipient="self", **changes)


def test_rule_8_the_use_of_a_broader_consent_is_counted_where_that_one_is_limited() -> None:
    broad = marketing(listed=("scoring",), max_uses=1)
    assert limited(broad, purpose="scoring") == ({1: 0}, 0)


def test_rule_8_a_later_consent_that_does_not_cover_it_hides_no_limit() -> None:
    # The app's consent is the later one, but did not list scoring: the other's is used.
    broad = marketing(listed=("scoring",), max_uses=1)
    bare = marketing(NOON + 1, source_id="app")
    assert limited(broad, bare, purpose="scoring") == ({1: 0}, 0)
    # And the other way round nothing is counted that was not used.
    free = replace(broad, max_uses=None)
    once = replace(bare, max_uses=1)
    assert limited(free, once, purpose="scoring") == ({}, 0)
    assert limited(free, once, purpose="marketing") == ({1: 1}, 1)


def test_rule_8_a_consent_that_ended_hides_no_limit() -> None:
    asked = query(NOON + 3 * HOUR, purpose="scoring", recipient="self")
    entries = written(
        marketing(listed=("scoring",), max_uses=1),
        marketing(NOON + 1, source_id="app", listed=("scoring",), valid_until_ms=NOON + 2 * HOUR),
        marketing(NOON + HOUR, source_id="shop"),
    )
    assert answer(entries, asked, TREE).deciding_index == 0
    projection = Projection(TREE)
    for e in entries:
        projection.apply(e.index, e.record, 1, e.recorded_at_ms)
    assert projection.limited(asked, BitMap([1])) == {1: 0}


def test_rule_8_what_expired_is_told_with_its_grant() -> None:
    projection = Projection(DEFAULT_VOCABULARY)
    projection.apply(4, event(valid_until_ms=END), 1, NOON)
    projection.apply(5, event(GIVEN, NOON, valid_until_ms=END + 1), 2, NOON)
    scope = ("joint-audience", "publisher", "*")
    assert list(projection.expired(END - 1, END)) == [(scope, 1, 4)]
    assert list(projection.expired(END, END + HOUR)) == [(scope, 2, 5)]
    assert list(projection.expired(NOON, END - 1)) == []


def test_rule_8_an_import_without_an_end_does_not_revive_what_was_withdrawn() -> None:
    short = event(GIVEN, valid_until_ms=END)
    copy = event(GIVEN, END + 1, method=Method.IMPORT)
    assert reason(short, event(WITHDRAWN, NOON + 1), copy) is Reason.WITHDRAWN


def test_rule_8_a_narrower_purpose_ends_with_the_consent_that_covers_it() -> None:
    broad = marketing(listed=("scoring",), valid_until_ms=END)
    assert in_tree(broad, at=END - 1) is Reason.PERMITTED
    assert in_tree(broad, at=END) is Reason.EXPIRED
