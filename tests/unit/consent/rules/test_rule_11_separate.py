"""Rule 11: where the law asks for it, a named recipient needs consent of its own (PIPL 23)."""

from dataclasses import replace
from typing import Any

import pytest

from consent.events import EventType
from consent.reasons import Reason
from consent.recipients import Recipient, Source
from consent.statements import Method, Relation
from consent.words import EventState, Role
from tests.support.asking import in_tree, policy, reason, with_purpose
from tests.support.consents import NOON, event

SEPARATE = event(jurisdiction="CN", separate=True)


def test_rule_11_a_named_recipient_needs_separate_consent() -> None:
    assert reason(SEPARATE) is Reason.PERMITTED
    assert reason(replace(SEPARATE, separate=False)) is Reason.NOT_SEPARATE


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("CN", Reason.NOT_SEPARATE),
        ("CN-31", Reason.NOT_SEPARATE),
        ("DE", Reason.PERMITTED),
        ("US-CA", Reason.PERMITTED),
        ("CA", Reason.PERMITTED),
    ],
)
def test_rule_11_it_depends_on_the_place(place: str, expected: Reason) -> None:
    assert reason(event(jurisdiction=place)) is expected


@pytest.mark.parametrize(
    "place", ["cn", "CHN", "China", "cn-31", "CN_31", "CN-", "ZZ", "XX", " CN"]
)
def test_rule_11_a_place_in_another_spelling_escapes_no_law(place: str) -> None:
    assert reason(event(jurisdiction=place)) is Reason.NOT_SEPARATE
    assert reason(event(jurisdiction="DE", residence=place)) is Reason.NOT_SEPARATE
    assert reason(replace(SEPARATE, jurisdiction=place)) is Reason.PERMITTED


def test_rule_11_where_the_person_lives_and_the_controller_sits_counts_too() -> None:
    bundle = event(jurisdiction="DE", residence="CN-31")
    assert reason(bundle) is Reason.NOT_SEPARATE
    assert reason(replace(bundle, separate=True)) is Reason.PERMITTED
    assert reason(event(), vocabulary=policy(controller_place="CN")) is Reason.NOT_SEPARATE


def test_rule_11_everywhere_is_everywhere() -> None:
    strict = with_purpose(requires_separate_consent=("*",))
    assert reason(event(), vocabulary=strict) is Reason.NOT_SEPARATE
    assert reason(event(separate=True), vocabulary=strict) is Reason.PERMITTED


def test_rule_11_a_country_stands_for_the_parts_that_a_policy_names() -> None:
    shanghai = with_purpose(requires_separate_consent=("CN-31",))
    for place, expected in (
        ("CN-31", Reason.NOT_SEPARATE),
        ("CN", Reason.NOT_SEPARATE),  # it may be there
        ("CN-11", Reason.PERMITTED),
        ("DE", Reason.PERMITTED),
    ):
        assert reason(event(jurisdiction=place), vocabulary=shanghai) is expected


def test_rule_11_the_consent_must_name_this_recipient() -> None:
    assert reason(replace(SEPARATE, recipient="other")) is Reason.NO_EVIDENCE
    assert reason(replace(SEPARATE, recipient="self")) is Reason.NO_EVIDENCE
    assert reason(replace(SEPARATE, recipient="*")) is Reason.NO_EVIDENCE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"event_type": EventType.IMPLIED}, Reason.NOT_EXPRESSED),
        ({"method": Method.IMPORT}, Reason.NOT_SEPARATE),
        ({"method": Method.BATCH_SYNC}, Reason.NOT_SEPARATE),
        ({"relation": Relation.STAFF}, Reason.NOT_SEPARATE),
        ({"relation": Relation.MACHINE}, Reason.NOT_SEPARATE),
        ({"relation": Relation.AGENT}, Reason.PERMITTED),
        ({"event_type": EventType.EXPLICITLY_EXPRESSED}, Reason.PERMITTED),
    ],
)
def test_rule_11_it_is_an_act_of_the_person(changes: dict[str, Any], expected: Reason) -> None:
    assert reason(replace(SEPARATE, **changes)) is expected


def test_rule_11_a_second_hand_source_cannot_vouch_for_it() -> None:
    second_hand = policy(sources=(Source(source_id="crm", first_hand=False),))
    assert reason(SEPARATE, vocabulary=second_hand) is Reason.NOT_SEPARATE


def test_rule_11_accepting_all_at_once_cannot_stand_for_it() -> None:
    everything = event(
        purpose="marketing", recipient="partner", jurisdiction="CN", separate=True,
        listed=("profiling", "scoring"),
    )  # fmt: skip
    assert in_tree(everything, recipient="partner") is Reason.NOT_LISTED
    # Profiling asks for none, and outside of China neither does scoring.
    assert in_tree(everything, recipient="partner", purpose="profiling") is Reason.PERMITTED
    assert in_tree(replace(everything, jurisdiction="DE"), recipient="partner") is Reason.PERMITTED
    assert in_tree(replace(everything, jurisdiction="zh"), recipient="partner") is (
        Reason.NOT_LISTED
    )


def test_rule_11_a_bundle_does_not_undo_the_no_that_a_separate_consent_would() -> None:
    no = event(EventState.WITHDRAWN, NOON - 1)
    assert reason(no, replace(SEPARATE, separate=False)) is Reason.WITHDRAWN
    assert reason(no, SEPARATE) is Reason.PERMITTED


def test_rule_11_a_processor_and_the_controller_need_none() -> None:
    grant = event(purpose="scoring", recipient="printer", jurisdiction="CN")
    assert in_tree(grant, recipient="printer") is Reason.PERMITTED
    assert in_tree(replace(grant, recipient="self")) is Reason.PERMITTED


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.PROCESSOR])
def test_rule_11_every_other_role_needs_it_and_so_does_who_is_not_listed(role: Role) -> None:
    listed = policy(recipients=(Recipient(recipient_id="publisher", name="P", role=role),))
    assert reason(replace(SEPARATE, separate=False), vocabulary=listed) is Reason.NOT_SEPARATE
    assert reason(replace(SEPARATE, separate=False), vocabulary=policy()) is Reason.NOT_SEPARATE


def test_rule_11_a_processor_that_becomes_a_controller_needs_it_from_then_on() -> None:
    printer = Recipient(recipient_id="printer", name="Printer", role=Role.PROCESSOR)
    yes = event(jurisdiction="CN", recipient="printer")
    assert reason(yes, vocabulary=policy(recipients=(printer,)), recipient="printer") is (
        Reason.PERMITTED
    )
    independent = replace(printer, role=Role.CONTROLLER, version=2)
    assert reason(yes, vocabulary=policy(recipients=(independent,)), recipient="printer") is (
        Reason.NOT_SEPARATE
    )


def test_rule_11_where_nothing_is_known_of_the_place_it_is_needed() -> None:
    chinese = with_purpose(requires_separate_consent=("CN",)).find("joint-audience")
    assert chinese.needs_separate("")
    assert not chinese.needs_separate("DE")
    assert replace(chinese, requires_separate_consent=("*",)).needs_separate("DE")
    assert not replace(chinese, requires_separate_consent=()).needs_separate("")
