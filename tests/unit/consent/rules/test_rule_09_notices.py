"""Rule 9: what people were not told they did not agree to, and what changed must be agreed anew."""

from dataclasses import replace
from typing import Any

import pytest

from consent.errors import MalformedRecord
from consent.notice import Notice
from consent.reasons import Reason
from consent.statements import Method
from consent.vocabulary import Vocabulary
from consent.words import EventState
from tests.support.asking import LATER, in_tree, policy, reason, with_purpose
from tests.support.consents import HOUR, NOON, TREE, event

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
ONE, TWO, THREE, NOWHERE = (bytes([n]) * 32 for n in (1, 2, 3, 9))
SWITCH = NOON + HOUR
"""From when on the second version is the current one."""


def notice(text: bytes, version: int, **changes: Any) -> Notice:
    values: dict[str, Any] = {
        "notice_hash": text,
        "notice_id": "privacy",
        "version": version,
        "language": "en",
        "purposes": ("joint-audience", "partner-marketing"),
        "recipients": ("publisher",),
    }
    return Notice(**values | changes)


FIRST = notice(ONE, 1)
SECOND = notice(TWO, 2, supersedes=ONE, valid_from_ms=SWITCH)


def told(*notices: Notice) -> Vocabulary:
    return policy(notices=notices)


RENEWING = told(FIRST, replace(SECOND, requires_renewal=True))
GENTLE = told(FIRST, SECOND)
OLD = event(notice_hash=ONE)


def test_rule_9_a_new_version_alone_ends_nothing() -> None:
    assert reason(OLD, at=SWITCH + HOUR, vocabulary=GENTLE) is Reason.PERMITTED


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (SWITCH - 1, Reason.PERMITTED),
        (SWITCH, Reason.RENEWAL_REQUIRED),
        (SWITCH + 1, Reason.RENEWAL_REQUIRED),
    ],
)
def test_rule_9_one_that_requires_renewal_ends_consent_from_the_day_it_is_in_force(
    at: int, expected: Reason
) -> None:
    assert reason(OLD, at=at, vocabulary=RENEWING) is expected


def test_rule_9_a_version_that_has_always_been_in_force_ended_consent_before_it_was_given() -> None:
    second = replace(SECOND, valid_from_ms=0, requires_renewal=True)
    assert reason(OLD, at=NOON, vocabulary=told(FIRST, second)) is Reason.RENEWAL_REQUIRED


def test_rule_9_consent_on_the_new_version_holds_and_on_the_old_no_longer_comes_about() -> None:
    new = event(GIVEN, SWITCH + 1, notice_hash=TWO)
    assert reason(OLD, new, vocabulary=RENEWING) is Reason.PERMITTED
    stale = event(GIVEN, SWITCH + 1, notice_hash=ONE)
    assert reason(stale, vocabulary=RENEWING) is Reason.RENEWAL_REQUIRED
    assert reason(new, replace(stale, event_time_ms=SWITCH + 2), vocabulary=RENEWING) is (
        Reason.RENEWAL_REQUIRED
    )


def test_rule_9_what_ends_first_is_the_reason() -> None:
    for until, expected in (
        (SWITCH - 1, Reason.EXPIRED),
        (SWITCH, Reason.RENEWAL_REQUIRED),
        (SWITCH + 1, Reason.RENEWAL_REQUIRED),
    ):
        assert reason(replace(OLD, valid_until_ms=until), vocabulary=RENEWING) is expected


def test_rule_9_renewal_reaches_back_over_versions_that_did_not_ask_for_it() -> None:
    third = notice(THREE, 3, supersedes=TWO, valid_from_ms=SWITCH + HOUR, requires_renewal=True)
    three = told(FIRST, SECOND, third)
    assert reason(OLD, at=SWITCH + HOUR - 1, vocabulary=three) is Reason.PERMITTED
    assert reason(OLD, at=SWITCH + HOUR, vocabulary=three) is Reason.RENEWAL_REQUIRED
    # Nobody listed the first one: it is known by what stands in its place all the same.
    assert reason(OLD, at=SWITCH + HOUR, vocabulary=told(SECOND, third)) is (
        Reason.RENEWAL_REQUIRED
    )


def test_rule_9_of_two_versions_in_the_place_of_one_the_earlier_renewal_counts() -> None:
    german = notice(THREE, 2, supersedes=ONE, valid_from_ms=SWITCH - 1, requires_renewal=True)
    both = told(FIRST, replace(SECOND, requires_renewal=True), german)
    assert reason(OLD, at=SWITCH - 2, vocabulary=both) is Reason.PERMITTED
    assert reason(OLD, at=SWITCH - 1, vocabulary=both) is Reason.RENEWAL_REQUIRED


def test_rule_9_notices_in_a_circle_are_refused() -> None:
    with pytest.raises(MalformedRecord):
        told(replace(FIRST, supersedes=TWO), SECOND)
    with pytest.raises(MalformedRecord):
        told(replace(FIRST, supersedes=ONE))


def test_rule_9_a_notice_that_the_policy_says_is_to_be_renewed_holds_nothing() -> None:
    listed = policy(notices_to_renew=frozenset({NOWHERE}))
    old = event(notice_hash=NOWHERE)
    assert reason(old, vocabulary=listed) is Reason.RENEWAL_REQUIRED
    assert reason(old, event(GIVEN, NOON + 1), vocabulary=listed) is Reason.PERMITTED


def test_rule_9_a_renewal_at_one_source_does_not_hide_that_another_needs_one() -> None:
    new = event(GIVEN, NOON + 1, source_id="app", notice_hash=TWO)
    assert reason(OLD, new, vocabulary=RENEWING) is Reason.SOURCES_DISAGREE
    later = replace(new, event_time_ms=SWITCH)
    assert reason(OLD, later, vocabulary=RENEWING) is Reason.PERMITTED


# -- what stood on it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Reason.PERMITTED),
        ({"purposes": ("partner-marketing",)}, Reason.NOT_ON_NOTICE),
        ({"purposes": ()}, Reason.NOT_ON_NOTICE),
        ({"recipients": ("other",)}, Reason.NOT_ON_NOTICE),
        ({"recipients": ()}, Reason.NOT_ON_NOTICE),
    ],
)
def test_rule_9_consent_to_what_the_notice_did_not_tell_does_not_hold(
    changes: dict[str, Any], expected: Reason
) -> None:
    assert reason(OLD, vocabulary=told(replace(FIRST, **changes))) is expected


def test_rule_9_the_controller_itself_need_not_be_named() -> None:
    own = told(replace(FIRST, recipients=()))
    assert reason(replace(OLD, recipient="self"), vocabulary=own, recipient="self") is (
        Reason.PERMITTED
    )


def test_rule_9_a_notice_that_the_policy_does_not_list_cannot_be_compared() -> None:
    assert reason(event(notice_hash=NOWHERE), vocabulary=RENEWING) is Reason.PERMITTED
    assert reason(event(), vocabulary=RENEWING) is Reason.PERMITTED


def test_rule_9_a_no_counts_whatever_notice_it_was_said_on() -> None:
    silent = told(replace(FIRST, purposes=(), recipients=()))
    assert reason(event(), event(WITHDRAWN, NOON + 1, notice_hash=ONE), vocabulary=silent) is (
        Reason.WITHDRAWN
    )


def test_rule_9_a_broader_consent_covers_only_what_its_notice_told_whatever_the_event_lists() -> (
    None
):
    broad = event(purpose="partner-marketing", listed=("joint-audience",), notice_hash=ONE)
    assert reason(broad, vocabulary=GENTLE) is Reason.PERMITTED
    narrow = told(replace(FIRST, purposes=("partner-marketing",)))
    assert reason(broad, vocabulary=narrow) is Reason.NOT_LISTED


# -- versions of the purpose -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (1, Reason.RENEWAL_REQUIRED),
        (2, Reason.RENEWAL_REQUIRED),
        (3, Reason.PERMITTED),
        (4, Reason.PERMITTED),
    ],
)
def test_rule_9_consent_to_a_version_before_the_change_does_not_hold(
    version: int, expected: Reason
) -> None:
    changed = with_purpose(version=3, renew_below=3)
    assert reason(event(purpose_version=version), vocabulary=changed) is expected


def test_rule_9_a_no_to_an_earlier_version_holds_on() -> None:
    changed = with_purpose(version=3, renew_below=3)
    no = event(WITHDRAWN, NOON + 1, purpose_version=1)
    assert reason(event(purpose_version=3), no, vocabulary=changed) is Reason.WITHDRAWN


def test_rule_9_a_broader_consent_is_no_way_round_the_renewal_of_a_purpose() -> None:
    scoring = replace(TREE.find("scoring"), version=2, renew_below=2)
    changed = replace(
        TREE, purposes=tuple(scoring if p.purpose_id == "scoring" else p for p in TREE.purposes)
    )
    broad = event(purpose="marketing", recipient="self", listed=("scoring",), purpose_version=7)
    own = event(purpose="scoring", recipient="self", purpose_version=2)
    assert in_tree(broad) is Reason.PERMITTED
    assert in_tree(broad, vocabulary=changed) is Reason.NOT_LISTED
    assert in_tree(broad, own, vocabulary=changed) is Reason.PERMITTED


# -- attacks: acts on notices that are gone --------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "expected"), [(SWITCH - 1, Reason.PERMITTED), (SWITCH, Reason.WITHDRAWN)]
)
def test_rule_9_an_act_on_a_notice_that_was_replaced_ends_no_no(at: int, expected: Reason) -> None:
    act = event(GIVEN, at, notice_hash=ONE)
    assert reason(event(WITHDRAWN), act, vocabulary=GENTLE) is expected
    elsewhere = replace(act, source_id="app")
    assert reason(event(WITHDRAWN), elsewhere, vocabulary=GENTLE) is expected


def test_rule_9_it_opens_no_door_for_an_import_either() -> None:
    act = event(GIVEN, SWITCH + 1, notice_hash=ONE)
    copy = event(GIVEN, SWITCH + 2, method=Method.IMPORT)
    assert reason(event(WITHDRAWN), act, copy, vocabulary=GENTLE) is Reason.WITHDRAWN


def test_rule_9_an_act_on_a_notice_to_be_renewed_ends_no_no() -> None:
    listed = policy(notices_to_renew=frozenset({NOWHERE}))
    act = event(GIVEN, NOON + 1, notice_hash=NOWHERE)
    copy = event(GIVEN, NOON + 2, method=Method.IMPORT)
    assert reason(event(WITHDRAWN), act, copy, vocabulary=listed) is Reason.WITHDRAWN


@pytest.mark.parametrize(
    ("at", "expected"), [(SWITCH - 1, Reason.PERMITTED), (SWITCH, Reason.WITHDRAWN)]
)
def test_rule_9_an_act_on_a_notice_that_is_not_shown_any_more_ends_no_no(
    at: int, expected: Reason
) -> None:
    ended = told(replace(FIRST, valid_to_ms=SWITCH))
    assert reason(event(WITHDRAWN), event(GIVEN, at, notice_hash=ONE), vocabulary=ended) is expected
    # What was given on it holds on.
    assert reason(OLD, at=SWITCH + HOUR, vocabulary=ended) is Reason.PERMITTED


def test_rule_9_a_fast_clock_does_not_date_an_act_before_the_change() -> None:
    # By its own clock it is later than it is; what counts is no later than its recording.
    act = (SWITCH - 1, event(GIVEN, SWITCH + 60_000, notice_hash=ONE))
    assert reason(event(WITHDRAWN), act, vocabulary=GENTLE) is Reason.PERMITTED
    act = (SWITCH, event(GIVEN, SWITCH + 60_000, notice_hash=ONE))
    assert reason(event(WITHDRAWN), act, at=LATER, vocabulary=GENTLE) is Reason.WITHDRAWN
