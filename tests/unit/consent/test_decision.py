"""Each rule of docs/concepts/consent.md by its number: the plain decider and the bitmaps agree."""

from dataclasses import replace

import pytest

from consent.decision import Decision, LoggedEntry, Verdict, decide
from consent.defaults import DEFAULT_VOCABULARY
from consent.errors import ConsentDenied, UnknownPurpose
from consent.events import EventType
from consent.projection import Projection
from consent.purpose import Purpose
from consent.reasons import SKEW_MS, Query, Reason
from consent.statements import Method
from consent.vocabulary import Vocabulary
from consent.words import EventState, Operation
from tests.support.consents import HOUR, MINUTE, NOON, TREE, event, logged, query

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
GRANT = event(GIVEN)


def answer(
    events: list[LoggedEntry], question: Query, vocabulary: Vocabulary = DEFAULT_VOCABULARY
) -> Decision:
    """Decide in the plain way, and hold the bitmaps to it."""
    decision = decide(events, question, vocabulary)
    projection = Projection(vocabulary)
    for e in events:
        projection.apply(e.index, e.record, 7, e.recorded_at_ms)
    bulk = projection.bulk(question)
    if events:
        assert (7 in bulk.allowed) == (decision.outcome is Verdict.ALLOW)
        assert decision.outcome is Verdict.ALLOW or 7 in bulk.denied[decision.reason]
    return decision


def reason(*events: object, at: int = NOON + HOUR, **changes: object) -> Reason:
    return answer(logged(*events), query(at, **changes)).reason  # type: ignore[arg-type]


def in_tree(*events: object, **changes: object) -> Reason:
    question = query(**{"purpose": "scoring", "recipient": "self"} | changes)
    return answer(logged(*events), question, TREE).reason  # type: ignore[arg-type]


def test_a_grant_permits_and_is_named() -> None:
    decision = answer(logged(GRANT), query())
    assert decision == Decision(Verdict.ALLOW, Reason.PERMITTED, 0)
    decision.require()


def test_rule_1_the_default_is_no() -> None:
    assert answer([], query()) == Decision(Verdict.DENY, Reason.NO_EVIDENCE, None)


@pytest.mark.parametrize("state", [s for s in EventState if not s.valid_for_processing])
def test_rule_1_every_state_but_given_denies(state: EventState) -> None:
    assert reason(event(state)) == Reason(state.value)
    assert reason(GRANT, event(state, NOON + 1)) == Reason(state.value)


def test_rule_1_a_denial_raises_and_names_its_entry() -> None:
    decision = answer(logged(GRANT, event(WITHDRAWN, NOON + 1)), query())
    assert decision.deciding_index == 1
    with pytest.raises(ConsentDenied) as denied:
        decision.require()
    assert (denied.value.reason, denied.value.deciding_index) == ("withdrawn", 1)


def test_rule_1_consent_to_another_scope_is_no_evidence() -> None:
    for changes in ({"recipient": "other"}, {"purpose": "audience-measurement"}):
        assert reason(GRANT, **changes) is Reason.NO_EVIDENCE
    assert reason(event(channel="email")) is Reason.NO_EVIDENCE
    assert reason(event(recipient="self")) is Reason.NO_EVIDENCE


def test_rule_2_within_a_stream_the_latest_wins_in_whatever_order_it_came() -> None:
    early, late = event(WITHDRAWN, NOON), event(GIVEN, NOON + 1)
    assert reason(late, early) is Reason.PERMITTED
    assert reason(early, late) is Reason.PERMITTED
    assert reason(event(GIVEN, NOON), event(WITHDRAWN, NOON + 1)) is Reason.WITHDRAWN


def test_rule_2_at_one_instant_the_withdrawal_wins() -> None:
    assert reason(event(WITHDRAWN), GRANT) is Reason.WITHDRAWN
    assert reason(GRANT, event(WITHDRAWN)) is Reason.WITHDRAWN


def test_rule_2_of_two_grants_at_one_instant_the_later_entry_wins() -> None:
    short = event(valid_until_ms=NOON + MINUTE)
    assert reason(short, GRANT) is Reason.PERMITTED
    assert reason(GRANT, short) is Reason.EXPIRED


def test_rule_2_a_time_from_the_future_is_held_to_recording_plus_skew() -> None:
    ahead = LoggedEntry(0, NOON, event(WITHDRAWN, NOON + HOUR))
    after = LoggedEntry(1, NOON + 10 * MINUTE, event(GIVEN, NOON + 10 * MINUTE))
    assert answer([ahead, after], query()).reason is Reason.PERMITTED


def test_rule_3_a_withdrawal_takes_effect_at_once() -> None:
    late = LoggedEntry(1, NOON, event(WITHDRAWN, NOON + HOUR))
    assert answer([*logged(GRANT), late], query(NOON)).reason is Reason.WITHDRAWN


def test_rule_3_an_import_never_overrides_a_withdrawal() -> None:
    for method in (Method.IMPORT, Method.BATCH_SYNC):
        copy = event(GIVEN, NOON + HOUR, method=method)
        assert reason(event(WITHDRAWN), copy, at=NOON + 2 * HOUR) is Reason.WITHDRAWN
        other = replace(copy, source_id="warehouse")
        assert reason(event(WITHDRAWN), other, at=NOON + 2 * HOUR) is Reason.WITHDRAWN


def test_rule_3_an_import_may_repeat_what_the_person_said_since() -> None:
    again = event(GIVEN, NOON + 1)
    copy = event(GIVEN, NOON + 2, method=Method.IMPORT)
    assert reason(event(WITHDRAWN), again, copy) is Reason.PERMITTED


def test_rule_3_a_grant_at_the_instant_of_the_withdrawal_does_not_clear_it_for_imports() -> None:
    copy = event(GIVEN, NOON + 1, method=Method.IMPORT)
    assert reason(event(WITHDRAWN), GRANT, copy) is Reason.WITHDRAWN


def test_rule_3_implied_consent_never_overrides_a_withdrawal() -> None:
    implied = event(GIVEN, NOON + 1, event_type=EventType.IMPLIED)
    assert reason(event(WITHDRAWN), implied) is Reason.WITHDRAWN


def test_rule_3_a_newer_explicit_act_at_another_source_overrides() -> None:
    app = event(GIVEN, NOON + SKEW_MS + 1, source_id="app")
    assert reason(event(WITHDRAWN), app) is Reason.PERMITTED


def test_rule_3_at_another_source_it_must_be_newer_by_more_than_the_skew() -> None:
    app = event(GIVEN, NOON + SKEW_MS, source_id="app")
    assert reason(event(WITHDRAWN), app) is Reason.WITHDRAWN


def test_rule_3_at_another_source_it_must_be_of_at_least_the_same_trust() -> None:
    app = event(GIVEN, NOON + HOUR, source_id="app", source_trust=4)
    assert reason(event(WITHDRAWN), app, at=NOON + 2 * HOUR) is Reason.WITHDRAWN
    assert reason(event(WITHDRAWN, source_trust=4), app, at=NOON + 2 * HOUR) is Reason.PERMITTED


def test_rule_3_the_override_must_itself_still_hold() -> None:
    app = event(GIVEN, NOON + HOUR, source_id="app", valid_until_ms=NOON + 2 * HOUR)
    assert reason(event(WITHDRAWN), app, at=NOON + 2 * HOUR - 1) is Reason.PERMITTED
    assert reason(event(WITHDRAWN), app, at=NOON + 2 * HOUR) is Reason.WITHDRAWN


def test_rule_3_a_withdrawal_towards_the_controller_ends_sharing_too() -> None:
    assert reason(GRANT, event(WITHDRAWN, NOON + 1, recipient="self")) is Reason.WITHDRAWN


def test_rule_4_across_sources_the_least_permissive_wins() -> None:
    unknown = event(EventState.UNKNOWN, NOON + 1, source_id="app")
    assert reason(GRANT, unknown) is Reason.SOURCES_DISAGREE
    assert reason(GRANT, event(source_id="app")) is Reason.PERMITTED
    old = event(EventState.REFUSED, NOON, source_id="app")
    assert reason(event(GIVEN, NOON + 1), old) is Reason.REFUSED


def test_rule_4_two_sources_that_say_nothing_give_the_later_reason() -> None:
    asked = event(EventState.REQUESTED, NOON + 1, source_id="app")
    assert reason(event(EventState.UNKNOWN), asked) is Reason.REQUESTED


def test_rule_7_a_grant_from_the_future_is_quarantined() -> None:
    for ahead, expected in ((SKEW_MS, Reason.PERMITTED), (SKEW_MS + 1, Reason.NO_EVIDENCE)):
        events = [LoggedEntry(0, NOON, event(GIVEN, NOON + ahead))]
        assert answer(events, query()).reason is expected


def test_rule_7_a_withdrawal_from_the_future_counts() -> None:
    events = [*logged(GRANT), LoggedEntry(1, NOON, event(WITHDRAWN, NOON + 100 * HOUR))]
    assert answer(events, query()).reason is Reason.WITHDRAWN


def test_rule_7_a_question_about_the_past_is_asked_of_the_past() -> None:
    assert reason(GRANT, at=NOON - SKEW_MS) is Reason.PERMITTED
    assert reason(GRANT, at=NOON - SKEW_MS - 1) is Reason.EVALUATED_TOO_EARLY


def test_rule_8_consent_ends_at_its_end_and_not_after_it() -> None:
    short = event(valid_until_ms=NOON + HOUR)
    assert reason(short, at=NOON + HOUR - 1) is Reason.PERMITTED
    assert reason(short, at=NOON + HOUR) is Reason.EXPIRED


def test_rule_8_no_sweeper_is_needed_and_an_expired_entry_denies_too() -> None:
    assert reason(GRANT, event(EventState.EXPIRED, NOON + 1)) is Reason.EXPIRED


def test_rule_8_a_renewal_lengthens() -> None:
    short = event(valid_until_ms=NOON + MINUTE)
    renewed = event(EventState.RENEWED_GIVEN, NOON + 1, valid_until_ms=NOON + 3 * HOUR)
    assert reason(short, renewed, at=NOON + HOUR) is Reason.PERMITTED


def test_rule_9_consent_on_a_notice_that_must_be_renewed_is_none() -> None:
    old = event(purpose="scoring", recipient="self", notice_hash=b"\x0f" * 32)
    assert in_tree(old) is Reason.RENEWAL_REQUIRED
    assert in_tree(old, replace(old, notice_hash=None, event_time_ms=NOON + 1)) is Reason.PERMITTED


@pytest.mark.parametrize("ancestor", ["marketing", "profiling", "analytics"])
def test_rule_10_a_denial_above_denies_along_every_path(ancestor: str) -> None:
    grant = event(purpose="scoring", recipient="self")
    above = event(WITHDRAWN, purpose=ancestor, recipient="self")
    assert in_tree(grant) is Reason.PERMITTED
    assert in_tree(grant, above) is Reason.WITHDRAWN


def test_rule_10_a_denial_below_denies_nothing_above() -> None:
    grant = event(purpose="profiling", recipient="self")
    below = event(WITHDRAWN, purpose="scoring", recipient="self")
    assert in_tree(grant, below, purpose="profiling") is Reason.PERMITTED


def test_rule_10_a_grant_covers_below_only_what_its_notice_listed() -> None:
    bare = event(purpose="marketing", recipient="self")
    assert in_tree(bare) is Reason.NOT_LISTED
    assert in_tree(replace(bare, listed=("profiling",))) is Reason.NOT_LISTED
    assert in_tree(replace(bare, listed=("scoring",))) is Reason.PERMITTED


def test_rule_10_a_covering_grant_ends_when_its_sources_no_longer_agree() -> None:
    listing = event(purpose="marketing", recipient="self", listed=("scoring",))
    short = replace(listing, source_id="app", listed=(), valid_until_ms=NOON + 2 * HOUR)
    assert in_tree(listing, short) is Reason.PERMITTED
    assert in_tree(listing, short, at=NOON + 2 * HOUR) is Reason.SOURCES_DISAGREE


def test_rule_10_a_listed_purpose_that_is_not_below_is_not_covered() -> None:
    listing = event(purpose="profiling", recipient="self", listed=("analytics",))
    assert in_tree(listing, purpose="analytics", operation=Operation.DP_STAT) is Reason.NO_EVIDENCE


def test_rule_10_names_are_compared_whole() -> None:
    with pytest.raises(UnknownPurpose):
        answer(logged(GRANT), query(purpose="joint"))


def test_rule_11_a_named_recipient_needs_separate_consent() -> None:
    bundle = event(jurisdiction="CN")
    assert reason(bundle) is Reason.NOT_SEPARATE
    assert reason(replace(bundle, jurisdiction="CN-31")) is Reason.NOT_SEPARATE
    assert reason(replace(bundle, separate=True)) is Reason.PERMITTED
    implied = replace(bundle, separate=True, event_type=EventType.IMPLIED)
    assert reason(implied) is Reason.NOT_EXPRESSED


def test_rule_11_the_consent_must_name_this_recipient() -> None:
    assert reason(event(jurisdiction="CN", separate=True, recipient="other")) is Reason.NO_EVIDENCE


def test_rule_11_accepting_all_at_once_cannot_stand_for_it() -> None:
    everything = event(
        purpose="marketing", recipient="partner", jurisdiction="CN", separate=True,
        listed=("scoring",),
    )  # fmt: skip
    assert in_tree(everything, recipient="partner") is Reason.NOT_LISTED
    assert in_tree(replace(everything, jurisdiction="DE"), recipient="partner") is Reason.PERMITTED


def test_rule_11_a_processor_is_no_recipient_of_its_own() -> None:
    grant = event(purpose="scoring", recipient="printer", jurisdiction="CN")
    assert in_tree(grant, recipient="printer") is Reason.PERMITTED
    assert in_tree(replace(grant, recipient="self")) is Reason.PERMITTED


def test_rule_14_forbidding_beats_permitting_in_every_order() -> None:
    grant = event(purpose="scoring", recipient="self", source_trust=9, event_time_ms=NOON + HOUR)
    no = event(EventState.REFUSED, purpose="analytics", recipient="self", source_trust=0)
    question = {"at": NOON + 2 * HOUR}
    assert in_tree(grant, no, **question) is in_tree(no, grant, **question) is Reason.REFUSED


def test_rule_14_an_operation_that_the_purpose_does_not_have_is_denied() -> None:
    decision = answer(logged(GRANT), query(operation=Operation.SHARE))
    assert decision == Decision(Verdict.DENY, Reason.OPERATION_NOT_COVERED, None)


def test_a_grant_for_every_channel_covers_each_and_a_denial_on_one_is_for_that_one() -> None:
    no_mail = event(WITHDRAWN, NOON + 1, channel="email")
    assert reason(GRANT, channel="email") is Reason.PERMITTED
    assert reason(GRANT, no_mail, channel="email") is Reason.WITHDRAWN
    assert reason(GRANT, no_mail, channel="post") is Reason.PERMITTED
    assert reason(GRANT, no_mail) is Reason.PERMITTED
    assert reason(GRANT, event(WITHDRAWN, NOON + 1), channel="email") is Reason.WITHDRAWN


def test_every_state_is_valid_objecting_or_silent() -> None:
    valid = {s for s in EventState if s.valid_for_processing}
    objecting = {s for s in EventState if s.is_objection}
    assert valid == {EventState.GIVEN, EventState.RENEWED_GIVEN}
    assert not valid & objecting
    assert {s.value for s in EventState} - {"given", "renewed-given"} <= {r.value for r in Reason}


def test_an_unknown_jurisdiction_is_treated_as_the_strictest() -> None:
    somewhere = Purpose(purpose_id="p", title="P", operations=(), requires_separate_consent=("CN",))
    assert somewhere.needs_separate("")
    assert not somewhere.needs_separate("DE")
    assert replace(somewhere, requires_separate_consent=("*",)).needs_separate("DE")
