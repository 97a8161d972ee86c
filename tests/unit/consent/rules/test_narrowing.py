"""Preferences: they take away from what consent permits, and never add to it."""

import itertools
from typing import Any

import pytest
from pyroaring import BitMap

from consent.defaults import DEFAULT_VOCABULARY
from consent.preferences import (
    Cap,
    ChannelChoice,
    Language,
    Pause,
    Per,
    Preference,
    PreferenceEvent,
    Quiet,
    TimeZone,
    TopicChoice,
)
from consent.projection import Projection
from consent.reasons import SKEW_MS, Reason
from consent.recipients import Source
from consent.statements import Method, Relation
from consent.words import EventState, Operation
from tests.support.asking import LATER, Written, policy, reason
from tests.support.consents import HOUR, NOON, event, query
from tests.support.records import PREFERENCES, preference

GRANT = event()
MAIL: dict[str, Any] = {"channel": "email", "operation": Operation.ACTIVATE}
NO_MAIL, MAIL_AGAIN = (ChannelChoice(channel="email", allowed=a) for a in (False, True))
NOTHING = ChannelChoice(channel="*", allowed=False)
NO_SPORT, SPORT_AGAIN = (TopicChoice(topic="sport", allowed=a) for a in (False, True))


def reached(*records: Written, **question: Any) -> Reason:
    """Return why a person who consented may be reached by e-mail, or may not."""
    return reason(GRANT, *records, **MAIL | question)


# -- channels and topics ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "question", "expected"),
    [
        (NO_MAIL, {}, Reason.CHANNEL_REFUSED),
        (NO_MAIL, {"channel": "post"}, Reason.PERMITTED),
        (NO_MAIL, {"channel": "*"}, Reason.PERMITTED),
        (NO_MAIL, {"operation": Operation.PSI}, Reason.CHANNEL_REFUSED),
        (NOTHING, {}, Reason.CHANNEL_REFUSED),
        (NOTHING, {"channel": "post"}, Reason.CHANNEL_REFUSED),
        (NOTHING, {"channel": "*"}, Reason.CHANNEL_REFUSED),
        (NOTHING, {"channel": "*", "operation": Operation.PSI}, Reason.PERMITTED),
        (NO_SPORT, {"topic": "sport"}, Reason.TOPIC_REFUSED),
        (NO_SPORT, {"topic": "sports"}, Reason.PERMITTED),
        (NO_SPORT, {}, Reason.PERMITTED),
        (NO_SPORT, {"topic": "sport", "channel": "*"}, Reason.TOPIC_REFUSED),
        (MAIL_AGAIN, {}, Reason.PERMITTED),
        (SPORT_AGAIN, {"topic": "sport"}, Reason.PERMITTED),
    ],
)
def test_a_choice_is_about_its_channel_or_topic(
    choice: Preference, question: dict[str, Any], expected: Reason
) -> None:
    assert reached(preference(choice), **question) is expected


OFF_AND_ON = [(NO_MAIL, MAIL_AGAIN, {}), (NO_SPORT, SPORT_AGAIN, {"topic": "sport"})]


@pytest.mark.parametrize(("off", "on", "question"), OFF_AND_ON)
def test_a_newer_choice_of_the_person_turns_it_on_again(
    off: Preference, on: Preference, question: dict[str, Any]
) -> None:
    assert reached(preference(off), preference(on, NOON + 1), **question) is Reason.PERMITTED
    assert reached(preference(on), preference(off, NOON + 1), **question) is not Reason.PERMITTED


@pytest.mark.parametrize(("off", "on", "question"), OFF_AND_ON)
def test_at_one_instant_off_wins(off: Preference, on: Preference, question: dict[str, Any]) -> None:
    for order in itertools.permutations([preference(off), preference(on)]):
        assert reached(*order, **question) is not Reason.PERMITTED


@pytest.mark.parametrize(("off", "on", "question"), OFF_AND_ON)
@pytest.mark.parametrize(
    "changes",
    [
        {"method": Method.IMPORT},
        {"method": Method.BATCH_SYNC},
        {"relation": Relation.STAFF},
        {"relation": Relation.MACHINE, "method": Method.SIGNAL},
        {"source_id": "second-hand"},
    ],
)
def test_only_the_person_turns_it_on_and_anybody_off(
    off: Preference, on: Preference, question: dict[str, Any], changes: dict[str, Any]
) -> None:
    listed = policy(sources=(Source(source_id="second-hand", first_hand=False),))
    off_by, on_by = preference(off, **changes), preference(on, NOON + HOUR, **changes)
    assert reached(off_by, vocabulary=listed, **question) is not Reason.PERMITTED
    assert reached(off_by, on_by, vocabulary=listed, **question) is not Reason.PERMITTED
    assert reached(preference(off), on_by, vocabulary=listed, **question) is not Reason.PERMITTED
    own = preference(on, NOON + 1)
    assert reached(off_by, own, vocabulary=listed, **question) is Reason.PERMITTED


def test_turning_one_channel_on_does_not_take_back_nothing_at_all() -> None:
    assert reached(preference(NOTHING), preference(MAIL_AGAIN, NOON + 1)) is Reason.CHANNEL_REFUSED
    again = preference(ChannelChoice(channel="*", allowed=True), NOON + 2)
    assert reached(preference(NOTHING), again) is Reason.PERMITTED
    assert reached(preference(NO_MAIL), again) is Reason.CHANNEL_REFUSED


def test_a_fast_clock_does_not_keep_a_channel_on() -> None:
    on = (NOON, preference(MAIL_AGAIN, NOON + 100 * HOUR))
    assert reached(on, preference(NO_MAIL, NOON + 1)) is Reason.CHANNEL_REFUSED


def test_choices_at_the_first_instant_there_is_count() -> None:
    assert reached(preference(NO_MAIL, 0)) is Reason.CHANNEL_REFUSED
    assert reached(preference(NO_MAIL, 0), preference(MAIL_AGAIN, 0)) is Reason.CHANNEL_REFUSED
    assert reached(preference(NO_MAIL, 0), preference(MAIL_AGAIN, 1)) is Reason.PERMITTED
    assert reached(preference(MAIL_AGAIN, 0), preference(NO_MAIL, 0)) is Reason.CHANNEL_REFUSED


# -- pauses ----------------------------------------------------------------------------------------

END = LATER + HOUR


def pause(until: int = END, at: int = NOON, channel: str = "*", **changes: Any) -> PreferenceEvent:
    return preference(Pause(until_ms=until, channel=channel), at, **changes)


@pytest.mark.parametrize(
    ("at", "expected"),
    [(END - 1, Reason.PAUSED), (END, Reason.PERMITTED), (END + 1, Reason.PERMITTED)],
)
def test_a_pause_ends_at_its_end(at: int, expected: Reason) -> None:
    assert reached(pause(), at=at) is expected


@pytest.mark.parametrize(
    ("channel", "question", "expected"),
    [
        ("*", {}, Reason.PAUSED),
        ("*", {"channel": "*"}, Reason.PAUSED),
        ("email", {}, Reason.PAUSED),
        ("post", {}, Reason.PERMITTED),
        ("email", {"channel": "*"}, Reason.PERMITTED),
        ("*", {"channel": "*", "operation": Operation.PSI}, Reason.PERMITTED),
    ],
)
def test_a_pause_is_of_one_channel_or_of_all(
    channel: str, question: dict[str, Any], expected: Reason
) -> None:
    assert reached(pause(channel=channel), **question) is expected


def test_the_persons_last_pause_counts_also_where_it_ends_one() -> None:
    assert reached(pause(), pause(NOON, NOON + 1)) is Reason.PERMITTED
    assert reached(pause(NOON), pause(END, NOON + 1)) is Reason.PAUSED
    assert reached(pause(END, NOON + 1), pause(0)) is Reason.PAUSED


def test_of_two_pauses_at_one_instant_the_longer_counts() -> None:
    for order in itertools.permutations([pause(END), pause(0), pause(NOON)]):
        assert reached(*order) is Reason.PAUSED


@pytest.mark.parametrize(
    "changes",
    [
        {"method": Method.IMPORT},
        {"relation": Relation.STAFF},
        {"relation": Relation.MACHINE},
        {"source_id": "second-hand"},
    ],
)
def test_a_copy_can_lengthen_a_pause_and_neither_shorten_nor_end_it(
    changes: dict[str, Any],
) -> None:
    listed = policy(sources=(Source(source_id="second-hand", first_hand=False),))
    for until in (0, NOON + HOUR):
        ending = pause(until, NOON + HOUR, **changes)
        assert reached(pause(), ending, vocabulary=listed) is Reason.PAUSED
    lengthening = pause(END, NOON + HOUR, **changes)
    assert reached(pause(NOON), lengthening, vocabulary=listed) is Reason.PAUSED
    assert reached(lengthening, vocabulary=listed) is Reason.PAUSED


def test_a_newer_choice_of_the_person_ends_a_pause_that_was_copied() -> None:
    copied = pause(END, NOON, method=Method.IMPORT)
    assert reached(copied, pause(NOON, NOON + 1)) is Reason.PERMITTED
    assert reached(copied, pause(NOON, NOON)) is Reason.PAUSED
    # And what the other system says last is what it says.
    assert reached(copied, pause(0, NOON + 1, method=Method.IMPORT)) is Reason.PERMITTED


def test_a_pause_on_all_channels_is_not_ended_on_one() -> None:
    assert reached(pause(), pause(NOON, NOON + 1, channel="email")) is Reason.PAUSED


def test_until_when_a_person_is_paused() -> None:
    projection = Projection(DEFAULT_VOCABULARY)
    projection.apply(0, pause(END, channel="email"), 1, NOON)
    projection.apply(1, pause(END + 1), 2, NOON)
    projection.apply(2, pause(END, channel="email"), 2, NOON)
    ends = [projection.choices.paused_until(who, "email") for who in (1, 2, 3)]
    assert ends == [END, END + 1, -1]
    assert projection.choices.paused_until(1, "post") == -1


# -- it only narrows -------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [s for s in EventState if not s.valid_for_processing])
def test_no_preference_permits_what_consent_does_not(state: EventState) -> None:
    wishes = [preference(p, NOON + 2) for p in (MAIL_AGAIN, SPORT_AGAIN, *PREFERENCES)]
    denied = event(state, NOON + 1)
    for question in ({}, MAIL, MAIL | {"topic": "sport"}):
        assert reason(GRANT, denied, *wishes, **question) == Reason(state.value)
        assert reason(*wishes, **question) is Reason.NO_EVIDENCE


def test_a_preference_is_about_every_purpose_and_every_recipient() -> None:
    for changes in ({"recipient": "other"}, {"recipient": "self"}):
        entries = (event(**changes), preference(NOTHING))
        assert reason(*entries, **MAIL, **changes) is Reason.CHANNEL_REFUSED


def test_what_is_not_about_whether_but_when_and_how_does_not_deny() -> None:
    for choice in (
        Cap(limit=0, per=Per.DAY),
        Quiet(days=(1, 2, 3, 4, 5, 6, 7), start_minute=0, end_minute=0),
        Language(tag="de"),
        TimeZone(zone="Europe/Zurich"),
    ):
        assert reached(preference(choice)) is Reason.PERMITTED


def test_the_order_of_reasons_is_pause_then_channel_then_topic() -> None:
    records = [preference(NO_SPORT), preference(NO_MAIL), pause()]
    assert reached(*records, topic="sport") is Reason.PAUSED
    assert reached(*records[:2], topic="sport") is Reason.CHANNEL_REFUSED
    assert reached(*records[:1], topic="sport") is Reason.TOPIC_REFUSED


def test_in_bulk_everybody_is_narrowed_by_their_own_choices() -> None:
    projection = Projection(DEFAULT_VOCABULARY)
    choices = [None, NO_MAIL, NOTHING, MAIL_AGAIN, Pause(until_ms=END)]
    for who, choice in enumerate(choices):
        projection.apply(2 * who, GRANT, who, NOON)
        if choice is not None:
            projection.apply(2 * who + 1, preference(choice), who, NOON)
    bulk = projection.bulk(query(LATER, **MAIL))
    assert bulk.allowed == BitMap([0, 3])
    assert bulk.denied == {
        Reason.CHANNEL_REFUSED: BitMap([1, 2]),
        Reason.PAUSED: BitMap([4]),
    }


# -- what was chosen last --------------------------------------------------------------------------


def chosen(*records: PreferenceEvent) -> list[Preference]:
    """Return what subject 1 chose, whatever order the entries are taken in."""
    forwards, backwards = Projection(DEFAULT_VOCABULARY), Projection(DEFAULT_VOCABULARY)
    entries = list(enumerate(records))
    for projection, order in ((forwards, entries), (backwards, entries[::-1])):
        for index, record in order:
            projection.apply(index, record, 1, record.event_time_ms)
    assert forwards.choices.of(1) == backwards.choices.of(1)
    assert forwards.choices.of(2) == []
    return forwards.choices.of(1)


ONE, TWO = Cap(limit=1, per=Per.DAY), Cap(limit=2, per=Per.WEEK)


def test_of_caps_hours_and_languages_the_persons_last_counts() -> None:
    assert chosen(preference(ONE), preference(TWO, NOON + 1)) == [TWO]
    assert chosen(preference(ONE, NOON + 1), preference(TWO)) == [ONE]
    assert chosen(preference(ONE), preference(TWO)) == [TWO]
    assert chosen(preference(NOTHING), pause()) == []
    mail = Cap(limit=9, per=Per.DAY, channel="email")
    assert chosen(preference(ONE), preference(mail, NOON - 1)) == [ONE, mail]


def test_a_copy_adds_to_them_and_takes_nothing_away() -> None:
    def copy(choice: Preference, at: int) -> PreferenceEvent:
        return preference(choice, at, method=Method.IMPORT)

    loose = Cap(limit=10_000, per=Per.DAY)
    assert chosen(preference(ONE), copy(loose, NOON + 1)) == [ONE, loose]
    assert chosen(copy(loose, NOON - 1), preference(ONE)) == [ONE]
    assert chosen(copy(loose, NOON), copy(TWO, NOON + 1)) == [TWO]
    quiet, none = (Quiet(days=days, start_minute=1320, end_minute=360) for days in ((1, 2, 3), ()))
    assert chosen(preference(quiet), copy(none, NOON + 1)) == [quiet, none]


def test_two_clocks_within_the_skew_are_no_reason_to_keep_a_channel_off() -> None:
    # A switch goes by time alone: what it narrows is reach, and the person sees it at once.
    on = (NOON + SKEW_MS, preference(MAIL_AGAIN, NOON + 1))
    assert reached((NOON + SKEW_MS, preference(NO_MAIL)), on) is Reason.PERMITTED
