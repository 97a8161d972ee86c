"""Rule 4 where two records turn out to be one person: neither's no is lost, nor its silence."""

from typing import Any

import pytest
from pyroaring import BitMap

from consent.decision import Decision, decide
from consent.defaults import DEFAULT_VOCABULARY
from consent.errors import MalformedRecord
from consent.merges import SubjectsMerged
from consent.preferences import ChannelChoice, Pause
from consent.projection import Projection
from consent.reasons import SKEW_MS, Query, Reason
from consent.statements import Method
from consent.words import AgeBand, EventState, Operation
from tests.support.asking import Written, written
from tests.support.consents import HOUR, NOON, SUBJECT, event, query
from tests.support.records import preference

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
OTHER = "6" * 32
NUMBERS = {SUBJECT: 1, OTHER: 2}
THEN = NOON + HOUR
"""When the two are merged."""
LATER = NOON + 3 * HOUR


def merge(kept: str = SUBJECT, absorbed: str = OTHER) -> Written:
    return THEN, SubjectsMerged(
        subject_id=kept, absorbed=absorbed, merged_at_ms=THEN, ground="proved", by="ann"
    )


def asked(*records: Written, at: int = LATER, **question: Any) -> Decision:
    """Decide about the person that both records are of, in the plain way and by the bitmaps."""
    entries, asking = written(*records), query(at, **question)
    decision = decide(entries, asking, DEFAULT_VOCABULARY)
    projection = Projection(DEFAULT_VOCABULARY)
    for e in entries:
        who = NUMBERS[e.record.subject_id]  # type: ignore[attr-defined]
        projection.apply(e.index, e.record, who, e.recorded_at_ms, NUMBERS.__getitem__)
    bulk = projection.bulk(asking, BitMap([1, 2]))
    kept = projection.current(1)
    assert kept == projection.current(2)
    expected = bulk.allowed if decision.reason is Reason.PERMITTED else bulk.denied[decision.reason]
    assert kept in expected
    assert 3 - kept in bulk.denied[Reason.NO_EVIDENCE]
    return decision


def reason(*records: Written, **question: Any) -> Reason:
    return asked(*records, **question).reason


def theirs(state: EventState = GIVEN, at: int = NOON, **changes: Any) -> Any:
    return event(state, at, subject_id=OTHER, **changes)


@pytest.mark.parametrize("kept", [SUBJECT, OTHER])
def test_rule_4_what_both_agreed_to_is_permitted_and_what_one_did_not_is_not(kept: str) -> None:
    joined = merge(kept, OTHER if kept == SUBJECT else SUBJECT)
    assert reason(event(), theirs(), joined) is Reason.PERMITTED
    assert reason(event(), joined) is Reason.SOURCES_DISAGREE
    assert reason(theirs(), joined) is Reason.SOURCES_DISAGREE


@pytest.mark.parametrize("state", [s for s in EventState if s.is_objection])
def test_rule_4_what_either_objected_to_is_forbidden(state: EventState) -> None:
    assert reason(event(), theirs(state), merge()) == Reason(state.value)
    assert reason(theirs(), event(state), merge()) == Reason(state.value)


def test_rule_4_a_yes_of_before_the_merge_settles_no_no_of_the_other_record() -> None:
    # By its time it would, between two sources; but nobody knew then that they were one person.
    assert reason(theirs(WITHDRAWN), event(GIVEN, NOON + HOUR - 1), merge()) is Reason.WITHDRAWN


@pytest.mark.parametrize(
    ("after", "expected"),
    [(SKEW_MS, Reason.WITHDRAWN), (SKEW_MS + 1, Reason.PERMITTED)],
)
def test_rule_4_the_person_chooses_again_by_an_act_after_the_merge(
    after: int, expected: Reason
) -> None:
    before = (event(), theirs(WITHDRAWN), merge())
    assert reason(*before, event(GIVEN, THEN + after)) is expected
    assert reason(*before, theirs(GIVEN, THEN + after)) is expected


def test_rule_4_a_copy_after_the_merge_is_no_choice() -> None:
    copy = event(GIVEN, THEN + HOUR, method=Method.IMPORT)
    assert reason(event(), theirs(WITHDRAWN), merge(), copy) is Reason.WITHDRAWN
    assert reason(event(), merge(), copy) is Reason.SOURCES_DISAGREE


def test_rule_4_a_no_about_the_record_that_is_not_continued_still_arrives() -> None:
    late = theirs(WITHDRAWN, THEN + 1)
    assert reason(event(), theirs(), merge(), late) is Reason.WITHDRAWN
    backdated = (THEN + 2, theirs(WITHDRAWN, NOON + 1))
    assert reason(event(), theirs(), merge(), backdated) is Reason.WITHDRAWN


def test_rule_4_the_entry_that_is_named_is_the_merge() -> None:
    decision = asked(event(), theirs(WITHDRAWN), merge())
    assert (decision.reason, decision.deciding_index) == (Reason.WITHDRAWN, 2)


def test_rule_4_other_purposes_are_not_concerned() -> None:
    measured = {"purpose": "audience-measurement"}
    both = (event(**measured), theirs(**measured))
    assert reason(*both, theirs(WITHDRAWN), merge(), **measured) is Reason.PERMITTED
    assert reason(event(), *both, merge()) is Reason.SOURCES_DISAGREE


def test_rule_4_a_child_in_one_record_is_a_child_in_both() -> None:
    child = theirs(EventState.UNKNOWN, NOON + 1, purpose="audience-measurement",
                   age_band=AgeBand.AGE_13)  # fmt: skip
    both = (event(), theirs())
    assert reason(*both, merge()) is Reason.PERMITTED
    assert reason(*both, child, merge()) is Reason.UNKNOWN  # one of the two did not permit
    again = event(GIVEN, THEN + HOUR)
    assert reason(*both, child, merge(), again) is Reason.NOT_BY_GUARDIAN


REACH: dict[str, Any] = {"operation": Operation.ACTIVATE, "channel": "email"}
NO_MAIL, MAIL = (ChannelChoice(channel="email", allowed=a) for a in (False, True))


@pytest.mark.parametrize(("who", "whom"), [(SUBJECT, OTHER), (OTHER, SUBJECT)])
def test_rule_4_a_channel_that_one_record_refused_is_refused(who: str, whom: str) -> None:
    both = (event(), theirs())
    off = preference(NO_MAIL, NOON, subject_id=who)
    on = preference(MAIL, NOON + 1, subject_id=whom)
    assert reason(*both, off, on, merge(), **REACH) is Reason.CHANNEL_REFUSED
    again = preference(MAIL, THEN + 1, subject_id=SUBJECT)
    assert reason(*both, off, on, merge(), again, **REACH) is Reason.PERMITTED


@pytest.mark.parametrize(("who", "whom"), [(SUBJECT, OTHER), (OTHER, SUBJECT)])
def test_rule_4_a_pause_of_one_record_is_not_ended_by_what_the_other_said(
    who: str, whom: str
) -> None:
    both = (event(), theirs())
    paused = preference(Pause(until_ms=LATER + 1), NOON, subject_id=who)
    ended = preference(Pause(until_ms=NOON), NOON + 1, subject_id=whom)
    assert reason(*both, paused, ended, merge(), **REACH) is Reason.PAUSED
    assert reason(*both, paused, ended, merge(), at=LATER + 1, **REACH) is Reason.PERMITTED
    again = preference(Pause(until_ms=NOON), THEN + 1, subject_id=SUBJECT)
    assert reason(*both, paused, ended, merge(), again, **REACH) is Reason.PERMITTED


def test_rule_4_a_record_cannot_be_merged_with_itself() -> None:
    with pytest.raises(MalformedRecord):
        merge(SUBJECT, SUBJECT)


def test_rule_4_merging_again_changes_nothing() -> None:
    both = (event(), theirs())
    back = merge(OTHER, SUBJECT)
    assert reason(*both, merge(), merge()) is Reason.PERMITTED
    assert reason(*both, merge(), back) is Reason.PERMITTED
    assert reason(event(), theirs(WITHDRAWN), merge(), back) is Reason.WITHDRAWN


def test_rule_4_a_question_is_about_the_person_and_not_about_a_record() -> None:
    projection = Projection(DEFAULT_VOCABULARY)
    for index, (record, who) in enumerate(((event(), 1), (theirs(), 2))):
        projection.apply(index, record, who, NOON)
    asking: Query = query()
    assert projection.bulk(asking).allowed == BitMap([1, 2])
    _, joined = merge()  # type: ignore[misc]
    projection.apply(2, joined, 1, THEN, NUMBERS.__getitem__)
    assert projection.bulk(asking).allowed == BitMap([1])
    assert projection.subjects == BitMap([1])
