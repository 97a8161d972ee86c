"""Rule 3: a no takes effect at once, and only a newer act of the person ends it."""

from dataclasses import replace

import pytest

from consent.events import ConsentEvent, EventType
from consent.reasons import SKEW_MS, Reason
from consent.recipients import Recipient, Source
from consent.statements import Method, Relation
from consent.words import EventState, Role
from tests.support.asking import answer, policy, reason, written
from tests.support.consents import HOUR, NOON, event, query

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
OBJECTIONS = [s for s in EventState if s.is_objection]
NO = event(WITHDRAWN)
ACT = event(GIVEN, NOON + HOUR)
NO_ACTS = {
    "import": replace(ACT, method=Method.IMPORT),
    "batch-sync": replace(ACT, method=Method.BATCH_SYNC),
    "implied": replace(ACT, event_type=EventType.IMPLIED),
    "staff": replace(ACT, relation=Relation.STAFF),
    "machine": replace(ACT, relation=Relation.MACHINE, method=Method.SIGNAL),
}


@pytest.mark.parametrize("state", OBJECTIONS)
def test_rule_3_a_no_takes_effect_at_once(state: EventState) -> None:
    assert reason(event(), event(state, NOON + 1), at=NOON + 1) == Reason(state.value)


@pytest.mark.parametrize("state", OBJECTIONS)
def test_rule_3_a_newer_act_in_the_same_stream_ends_a_no(state: EventState) -> None:
    assert reason(event(state), ACT) is Reason.PERMITTED
    assert reason(event(state), replace(ACT, state=EventState.RENEWED_GIVEN)) is Reason.PERMITTED


@pytest.mark.parametrize("how", NO_ACTS)
def test_rule_3_what_is_no_act_of_the_person_never_ends_a_no(how: str) -> None:
    assert reason(NO, NO_ACTS[how]) is Reason.WITHDRAWN
    elsewhere = replace(NO_ACTS[how], source_id="warehouse", source_trust=9)
    assert reason(NO, elsewhere) is Reason.WITHDRAWN


@pytest.mark.parametrize("how", NO_ACTS)
def test_rule_3_it_permits_all_the_same_where_nobody_said_no(how: str) -> None:
    permits = how != "implied"  # which the law of the place decides: rule 15
    assert reason(NO_ACTS[how]) is (Reason.PERMITTED if permits else Reason.NOT_EXPRESSED)


@pytest.mark.parametrize("relation", [Relation.SUBJECT, Relation.AGENT])
def test_rule_3_the_person_and_an_agent_can_end_a_no(relation: Relation) -> None:
    assert reason(NO, replace(ACT, relation=relation)) is Reason.PERMITTED


@pytest.mark.parametrize("relation", list(Relation))
def test_rule_3_anybody_can_say_no(relation: Relation) -> None:
    assert reason(event(), event(WITHDRAWN, NOON + 1, relation=relation)) is Reason.WITHDRAWN


def test_rule_3_an_import_can_say_no() -> None:
    copy = event(WITHDRAWN, NOON + 1, method=Method.IMPORT)
    assert reason(event(), copy) is Reason.WITHDRAWN


def test_rule_3_a_source_that_is_not_first_hand_copies_whatever_it_says() -> None:
    second_hand = policy(sources=(Source(source_id="crm", first_hand=False),))
    assert reason(NO, ACT, vocabulary=second_hand) is Reason.WITHDRAWN
    assert reason(ACT, vocabulary=second_hand) is Reason.PERMITTED


def test_rule_3_an_import_may_repeat_what_the_person_said_since() -> None:
    copy = event(GIVEN, NOON + 2 * HOUR, method=Method.IMPORT)
    assert reason(NO, ACT, copy) is Reason.PERMITTED


def test_rule_3_a_grant_at_the_instant_of_the_no_does_not_end_it_for_imports() -> None:
    copy = event(GIVEN, NOON + 1, method=Method.IMPORT)
    assert reason(NO, event(GIVEN, NOON), copy) is Reason.WITHDRAWN


def test_rule_3_re_imports_of_an_old_yes_do_not_wear_a_no_down() -> None:
    nightly = [
        event(GIVEN, NOON + n * HOUR, method=Method.IMPORT, source_event_id=f"night-{n}")
        for n in range(1, 40)
    ]
    assert reason(event(GIVEN, NOON - HOUR), NO, *nightly, at=NOON + 50 * HOUR) is Reason.WITHDRAWN


# -- across sources --------------------------------------------------------------------------------


def app(at: int = NOON + HOUR, **changes: object) -> ConsentEvent:
    return event(GIVEN, at, source_id="app", **changes)


@pytest.mark.parametrize(
    ("newer", "expected"),
    [
        (SKEW_MS - 1, Reason.WITHDRAWN),
        (SKEW_MS, Reason.WITHDRAWN),
        (SKEW_MS + 1, Reason.PERMITTED),
    ],
)
def test_rule_3_at_another_source_it_must_be_newer_by_more_than_the_skew(
    newer: int, expected: Reason
) -> None:
    assert reason(NO, app(NOON + newer)) is expected


@pytest.mark.parametrize(
    ("trust", "expected"), [(4, Reason.WITHDRAWN), (5, Reason.PERMITTED), (9, Reason.PERMITTED)]
)
def test_rule_3_at_another_source_it_must_be_of_at_least_the_same_trust(
    trust: int, expected: Reason
) -> None:
    assert reason(NO, app(source_trust=trust)) is expected


def test_rule_3_the_highest_trust_that_a_stream_ever_had_counts() -> None:
    weaker = replace(NO, event_time_ms=NOON + 1, source_trust=2)
    assert reason(replace(NO, source_trust=9), weaker, app(source_trust=8)) is Reason.WITHDRAWN
    assert reason(replace(NO, source_trust=9), weaker, app(source_trust=9)) is Reason.PERMITTED


def test_rule_3_the_trust_of_a_listed_source_is_what_the_policy_says() -> None:
    ranked = policy(sources=(Source(source_id="crm", trust=7), Source(source_id="app", trust=3)))
    assert reason(NO, app(source_trust=9), vocabulary=ranked) is Reason.WITHDRAWN
    ranked = policy(sources=(Source(source_id="crm", trust=3), Source(source_id="app", trust=7)))
    no = replace(NO, source_trust=9)
    assert reason(no, app(source_trust=0), vocabulary=ranked) is Reason.PERMITTED


def test_rule_3_the_overriding_act_must_itself_still_hold() -> None:
    short = app(valid_until_ms=NOON + 2 * HOUR)
    assert reason(NO, short, at=NOON + 2 * HOUR - 1) is Reason.PERMITTED
    assert reason(NO, short, at=NOON + 2 * HOUR) is Reason.WITHDRAWN


def test_rule_3_every_source_that_said_no_must_be_overridden() -> None:
    shop = replace(NO, source_id="shop", event_time_ms=NOON + HOUR)
    assert reason(NO, shop, app(NOON + HOUR)) is Reason.WITHDRAWN
    assert reason(NO, shop, app(NOON + HOUR + SKEW_MS + 1)) is Reason.PERMITTED


def test_rule_3_a_copy_at_the_overriding_source_takes_its_act_back() -> None:
    # What the app said last is a copy; whether the person still means it, it does not know.
    copy = app(NOON + HOUR + 1, method=Method.IMPORT)
    assert reason(NO, app(), copy) is Reason.WITHDRAWN


def test_rule_3_two_sources_of_one_trust_cannot_talk_each_other_out_of_a_no() -> None:
    # Each repeats an old yes after the other's no; none of it is an act after both.
    events = [
        event(GIVEN, NOON - HOUR),
        app(NOON - HOUR),
        event(WITHDRAWN, NOON),
        event(WITHDRAWN, NOON + 1, source_id="app"),
        event(GIVEN, NOON + HOUR, method=Method.BATCH_SYNC),
        app(NOON + HOUR, method=Method.BATCH_SYNC),
    ]
    assert reason(*events) is Reason.WITHDRAWN
    # Nor do two acts of the same moment vouch for each other's streams within the skew.
    assert reason(NO, app(NOON + 1), event(WITHDRAWN, NOON + 2, source_id="app")) is (
        Reason.WITHDRAWN
    )


# -- whom a no is towards --------------------------------------------------------------------------


def test_rule_3_a_no_to_the_controller_ends_sharing_too() -> None:
    assert reason(event(), event(WITHDRAWN, NOON + 1, recipient="self")) is Reason.WITHDRAWN


def test_rule_3_a_no_to_everybody_is_a_no_to_each() -> None:
    no = event(WITHDRAWN, NOON + 1, recipient="*")
    for recipient in ("publisher", "self", "printer"):
        assert reason(event(recipient=recipient), no, recipient=recipient) is Reason.WITHDRAWN


def test_rule_3_a_no_to_one_partner_is_for_that_one() -> None:
    no = event(WITHDRAWN, NOON + 1, recipient="other")
    assert reason(event(), no) is Reason.PERMITTED
    assert reason(event(recipient="self"), no, recipient="self") is Reason.PERMITTED


def test_rule_3_a_processor_is_bound_by_a_no_to_the_controller() -> None:
    served = policy(
        recipients=(Recipient(recipient_id="printer", name="Printer", role=Role.PROCESSOR),)
    )
    yes, no = event(recipient="printer"), event(WITHDRAWN, NOON + 1, recipient="self")
    assert reason(yes, vocabulary=served, recipient="printer") is Reason.PERMITTED
    assert reason(yes, no, vocabulary=served, recipient="printer") is Reason.WITHDRAWN


def test_rule_3_an_act_in_a_narrower_scope_does_not_end_a_no_in_a_broader_one() -> None:
    no, yes = event(WITHDRAWN, recipient="self"), event(GIVEN, NOON + HOUR)
    assert reason(no, yes) is Reason.WITHDRAWN
    everywhere, mail = event(WITHDRAWN), event(GIVEN, NOON + HOUR, channel="email")
    assert reason(everywhere, mail, channel="email") is Reason.WITHDRAWN


# -- attacks: acts that do not count ---------------------------------------------------------------


def test_rule_3_a_void_act_does_not_open_the_door_for_a_copy() -> None:
    """The person's "yes" did not hold in itself; then a nightly import says yes."""
    copy = event(GIVEN, NOON + HOUR + 1, method=Method.IMPORT)
    chinese = event(GIVEN, NOON + HOUR, jurisdiction="CN")  # not separate
    assert reason(NO, chinese) is Reason.WITHDRAWN
    assert reason(NO, chinese, copy) is Reason.WITHDRAWN


def test_rule_3_a_void_act_does_not_end_a_no_to_everything_beneath() -> None:
    no = event(WITHDRAWN, purpose="partner-marketing")
    void = event(GIVEN, NOON + HOUR, purpose="partner-marketing", event_type=EventType.IMPLIED)
    assert reason(event(GIVEN, NOON - 1), no, void) is Reason.WITHDRAWN


def test_rule_3_an_act_of_lower_trust_in_the_same_stream_does_not_end_a_no() -> None:
    assert reason(replace(NO, source_trust=6), ACT) is Reason.WITHDRAWN
    assert reason(replace(NO, source_trust=5), ACT) is Reason.PERMITTED


def test_rule_3_the_answer_names_the_no_and_not_what_failed_to_end_it() -> None:
    decision = answer(written(NO, NO_ACTS["import"], NO_ACTS["staff"]), query(NOON + 2 * HOUR))
    assert (decision.reason, decision.deciding_index) == (Reason.WITHDRAWN, 0)
