"""Rule 13: below an age that the law of the place says, a guardian consents; then it ends."""

from dataclasses import replace
from typing import Any

import pytest

from consent.events import ConsentEvent
from consent.persons import YEAR_MS
from consent.reasons import Reason
from consent.recipients import Source
from consent.regimes import Regime
from consent.statements import Method, Relation
from consent.words import AgeBand, Assurance, EventState
from tests.support.asking import Written, in_tree, policy, reason
from tests.support.consents import HOUR, NOON, event

GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN
GUARDIAN = Relation.GUARDIAN


def aged(band: AgeBand, at: int = NOON, **changes: Any) -> ConsentEvent:
    """Return an event that tells the age, about a purpose that is not asked about."""
    return event(
        EventState.UNKNOWN, at, purpose="audience-measurement", age_band=band, source_id="age",
        **changes,
    )  # fmt: skip


# -- the age in the place --------------------------------------------------------------------------

FROM = {"DE": 16, "FR": 16, "CN": 14, "CN-31": 14, "US": 13, "US-CA": 13, "GB": 13, "JP": 16}


@pytest.mark.parametrize("band", list(AgeBand))
@pytest.mark.parametrize("place", FROM)
def test_rule_13_the_age_from_which_people_consent_themselves(place: str, band: AgeBand) -> None:
    themselves = event(jurisdiction=place, age_band=band, separate=True)
    by_guardian = replace(themselves, relation=GUARDIAN)
    child = band.youngest < FROM[place]
    assert reason(themselves) is (Reason.NOT_BY_GUARDIAN if child else Reason.PERMITTED)
    assert reason(by_guardian) is (Reason.PERMITTED if child else Reason.GUARDIAN_ENDED)


@pytest.mark.parametrize("band", list(AgeBand))
def test_rule_13_it_makes_no_difference_which_event_says_the_age(band: AgeBand) -> None:
    for relation in (Relation.SUBJECT, GUARDIAN):
        together = event(GIVEN, NOON + 1, relation=relation, age_band=band)
        apart = replace(together, age_band=None)
        assert reason(together) is reason(aged(band), apart) is reason(apart, aged(band))


def test_rule_13_the_strictest_place_counts() -> None:
    fifteen = event(jurisdiction="US", age_band=AgeBand.AGE_15, separate=True)
    assert reason(fifteen) is Reason.PERMITTED
    assert reason(replace(fifteen, residence="DE")) is Reason.NOT_BY_GUARDIAN
    assert reason(fifteen, vocabulary=policy(controller_place="DE")) is Reason.NOT_BY_GUARDIAN
    assert reason(replace(fifteen, jurisdiction="us")) is Reason.NOT_BY_GUARDIAN


def test_rule_13_a_policy_may_set_another_age() -> None:
    for below, expected in ((0, Reason.PERMITTED), (18, Reason.NOT_BY_GUARDIAN)):
        own = policy(regimes=(Regime(regime_id="r", places=("*",), guardian_below=below),))
        sixteen = event(age_band=AgeBand.AGE_16_17)
        assert reason(sixteen, vocabulary=own) is expected
    nobody = policy(regimes=(Regime(regime_id="r", places=("*",), guardian_below=0),))
    assert reason(event(age_band=AgeBand.UNDER_13), vocabulary=nobody) is Reason.PERMITTED


def test_rule_13_an_agent_or_staff_is_no_guardian() -> None:
    for relation in (r for r in Relation if r is not GUARDIAN):
        child = event(age_band=AgeBand.AGE_13, relation=relation)
        assert reason(child) is Reason.NOT_BY_GUARDIAN


def test_rule_13_a_child_can_say_no_and_so_can_a_guardian() -> None:
    yes = event(age_band=AgeBand.AGE_13, relation=GUARDIAN)
    for relation in (Relation.SUBJECT, GUARDIAN):
        no = event(WITHDRAWN, NOON + 1, relation=relation)
        assert reason(yes, no) is Reason.WITHDRAWN


# -- child-directed sources ------------------------------------------------------------------------

PLAYGROUND = policy(sources=(Source(source_id="crm", child_directed=True),))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Reason.AGE_UNKNOWN),
        ({"age_band": AgeBand.ADULT}, Reason.PERMITTED),
        ({"age_band": AgeBand.AGE_15}, Reason.NOT_BY_GUARDIAN),
        ({"age_band": AgeBand.AGE_15, "relation": GUARDIAN}, Reason.PERMITTED),
        ({"relation": GUARDIAN}, Reason.PERMITTED),
        ({"age_band": AgeBand.ADULT, "relation": GUARDIAN}, Reason.GUARDIAN_ENDED),
    ],
)
def test_rule_13_a_source_for_children_must_know_the_age(
    changes: dict[str, Any], expected: Reason
) -> None:
    assert reason(event(**changes), vocabulary=PLAYGROUND) is expected


def test_rule_13_the_age_must_stand_in_the_consent_itself_there() -> None:
    # That somebody else knows an adult by this number does not mean that one played here.
    assert reason(aged(AgeBand.ADULT), event(), vocabulary=PLAYGROUND) is Reason.AGE_UNKNOWN


def test_rule_13_a_no_from_a_source_for_children_needs_no_age() -> None:
    no = event(WITHDRAWN, NOON + 1)
    assert reason(event(source_id="other"), no, vocabulary=PLAYGROUND) is Reason.WITHDRAWN


def test_rule_13_a_yes_without_an_age_there_ends_no_no() -> None:
    copy = event(GIVEN, NOON + 2, source_id="crm", method=Method.IMPORT, age_band=AgeBand.ADULT)
    assert reason(event(WITHDRAWN), event(GIVEN, NOON + 1), copy, vocabulary=PLAYGROUND) is (
        Reason.WITHDRAWN
    )


# -- which statement counts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "child"),
    [
        (None, None, True),  # of equally assured the later
        (None, Assurance.DECLARED, True),
        (Assurance.DECLARED, None, True),
        (Assurance.VERIFIED, None, False),
        (Assurance.VERIFIED, Assurance.ESTIMATED, False),
        (Assurance.ESTIMATED, Assurance.VERIFIED, True),
        (Assurance.VERIFIED, Assurance.VERIFIED, True),
    ],
)
def test_rule_13_the_best_assured_age_counts_and_then_the_latest(
    first: Assurance | None, second: Assurance | None, *, child: bool
) -> None:
    told: list[Written] = [
        aged(AgeBand.ADULT, NOON, age_assurance=first),
        aged(AgeBand.AGE_13, NOON + 1, age_assurance=second),
    ]
    yes = event(GIVEN, NOON + 2)
    expected = Reason.NOT_BY_GUARDIAN if child else Reason.PERMITTED
    assert reason(*told, yes) is reason(*told[::-1], yes) is expected


def test_rule_13_at_one_instant_the_youngest_counts() -> None:
    for told in ((AgeBand.ADULT, AgeBand.AGE_13), (AgeBand.AGE_13, AgeBand.ADULT)):
        yes = event(GIVEN, NOON + 2)
        assert reason(*(aged(band) for band in told), yes) is Reason.NOT_BY_GUARDIAN


def test_rule_13_an_age_at_the_first_instant_there_is_counts() -> None:
    assert reason(aged(AgeBand.AGE_13, 0), event()) is Reason.NOT_BY_GUARDIAN
    assert reason(aged(AgeBand.AGE_13, 0), aged(AgeBand.ADULT, 1), event()) is Reason.PERMITTED


# -- growing up ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("band", "place", "years"),
    [
        (AgeBand.AGE_15, "DE", 1),
        (AgeBand.AGE_14, "DE", 2),
        (AgeBand.AGE_13, "DE", 3),
        (AgeBand.UNDER_13, "DE", 16),
        (AgeBand.AGE_13, "CN", 1),
        (AgeBand.UNDER_13, "US", 13),
    ],
)
def test_rule_13_what_a_guardian_said_ends_when_the_child_is_none_any_more(
    band: AgeBand, place: str, years: int
) -> None:
    yes = event(relation=GUARDIAN, age_band=band, jurisdiction=place, separate=True)
    end = NOON + years * YEAR_MS
    assert reason(yes, at=end - 1) is Reason.PERMITTED
    assert reason(yes, at=end) is Reason.GUARDIAN_ENDED


def test_rule_13_it_is_reckoned_from_the_statement_of_the_age() -> None:
    yes = event(GIVEN, NOON, relation=GUARDIAN, age_band=AgeBand.AGE_14)
    later = aged(AgeBand.AGE_15, NOON + 100 * HOUR)
    end = NOON + 100 * HOUR + YEAR_MS
    assert reason(yes, later, at=end - 1) is Reason.PERMITTED
    assert reason(yes, later, at=end) is Reason.GUARDIAN_ENDED


def test_rule_13_what_ends_first_is_the_reason() -> None:
    end = NOON + YEAR_MS
    yes = event(relation=GUARDIAN, age_band=AgeBand.AGE_15)
    for until, expected in ((end - 1, Reason.EXPIRED), (end, Reason.GUARDIAN_ENDED)):
        assert reason(replace(yes, valid_until_ms=until), at=end) is expected


def test_rule_13_on_being_told_that_the_child_has_grown_up_it_ends_at_once() -> None:
    yes = event(relation=GUARDIAN, age_band=AgeBand.AGE_15)
    grown = aged(AgeBand.AGE_16_17, NOON + HOUR)
    assert reason(yes, grown) is Reason.GUARDIAN_ENDED
    assert reason(yes, grown, event(GIVEN, NOON + HOUR, age_band=AgeBand.AGE_16_17)) is (
        Reason.PERMITTED
    )


def test_rule_13_where_no_age_is_known_a_guardians_yes_holds_on() -> None:
    yes = event(relation=GUARDIAN)
    assert reason(yes, at=NOON + 30 * YEAR_MS) is Reason.PERMITTED
    assert reason(yes, aged(AgeBand.AGE_15), at=NOON + YEAR_MS) is Reason.GUARDIAN_ENDED


def test_rule_13_a_guardians_yes_to_a_broader_purpose_ends_beneath_it_too() -> None:
    broad = event(
        purpose="marketing", recipient="self", listed=("scoring",), relation=GUARDIAN,
        age_band=AgeBand.AGE_15,
    )  # fmt: skip
    assert in_tree(broad, at=NOON + YEAR_MS - 1) is Reason.PERMITTED
    assert in_tree(broad, at=NOON + YEAR_MS) is Reason.GUARDIAN_ENDED


# -- attacks: games with ages ----------------------------------------------------------------------


def test_rule_13_what_a_child_agreed_to_does_not_come_to_count_when_the_child_grows_up() -> None:
    child, yes = aged(AgeBand.AGE_15), event(GIVEN, NOON + 1)  # without an age in it
    grown = aged(AgeBand.ADULT, NOON + HOUR, age_assurance=Assurance.VERIFIED)
    assert reason(child, yes) is Reason.NOT_BY_GUARDIAN
    assert reason(child, yes, grown) is Reason.NOT_BY_GUARDIAN
    assert reason(yes, grown) is Reason.PERMITTED
    asked_again = event(GIVEN, NOON + HOUR)
    assert reason(child, yes, grown, asked_again) is Reason.PERMITTED


def test_rule_13_a_second_try_at_the_age_gate_does_not_revive_the_first_yes() -> None:
    # "Thirteen" is turned away; a minute later the same person says "eighteen", at another source.
    refused = event(age_band=AgeBand.AGE_13)
    retry = aged(AgeBand.ADULT, NOON + 60_000)
    assert reason(refused, retry) is Reason.NOT_BY_GUARDIAN
    copy = event(GIVEN, NOON + 1, method=Method.IMPORT)
    assert reason(refused, copy, retry) is Reason.NOT_BY_GUARDIAN


def test_rule_13_a_childs_yes_does_not_end_the_guardians_no() -> None:
    no = event(WITHDRAWN, relation=GUARDIAN)
    yes = event(GIVEN, NOON + 1)
    copy = event(GIVEN, NOON + 2, method=Method.IMPORT, relation=GUARDIAN)
    assert reason(aged(AgeBand.AGE_13), no, yes) is Reason.WITHDRAWN
    assert reason(aged(AgeBand.AGE_13), no, yes, copy) is Reason.WITHDRAWN
    by_guardian = replace(yes, relation=GUARDIAN)
    assert reason(aged(AgeBand.AGE_13), no, by_guardian) is Reason.PERMITTED


def test_rule_13_nor_does_it_open_what_the_guardian_closed_further_up() -> None:
    closed = event(WITHDRAWN, purpose="marketing", recipient="self", relation=GUARDIAN)
    click = event(GIVEN, NOON + 1, purpose="marketing", recipient="self")
    below = event(
        GIVEN, NOON - 1, purpose="scoring", recipient="self", relation=GUARDIAN,
        age_band=AgeBand.AGE_13,
    )  # fmt: skip
    assert in_tree(below) is Reason.PERMITTED
    assert in_tree(below, closed, click) is Reason.WITHDRAWN


def test_rule_13_a_guardian_cannot_end_the_no_of_an_adult() -> None:
    no, by_guardian = event(WITHDRAWN), event(GIVEN, NOON + 1, relation=GUARDIAN)
    copy = event(GIVEN, NOON + 2, method=Method.IMPORT)
    for told in ((), (aged(AgeBand.ADULT),)):
        assert reason(*told, no, by_guardian) is Reason.WITHDRAWN
        assert reason(*told, no, by_guardian, copy) is Reason.WITHDRAWN
        elsewhere = replace(by_guardian, source_id="app", event_time_ms=NOON + HOUR)
        assert reason(*told, no, elsewhere) is Reason.WITHDRAWN
    assert reason(aged(AgeBand.AGE_13), no, by_guardian) is Reason.PERMITTED


def test_rule_13_nor_open_what_an_adult_closed_further_up() -> None:
    closed = event(WITHDRAWN, purpose="analytics", recipient="self")
    by_guardian = event(
        GIVEN, NOON + 1, purpose="analytics", recipient="self", relation=GUARDIAN,
        age_band=AgeBand.ADULT,
    )  # fmt: skip
    below = event(purpose="scoring", recipient="self")
    assert in_tree(below, closed, by_guardian) is Reason.WITHDRAWN


def test_rule_13_a_weaker_word_does_not_make_a_child_an_adult() -> None:
    verified = aged(AgeBand.AGE_13, age_assurance=Assurance.VERIFIED)
    claim = event(GIVEN, NOON + HOUR, age_band=AgeBand.ADULT, age_assurance=Assurance.DECLARED)
    assert reason(verified, claim) is Reason.NOT_BY_GUARDIAN


def test_rule_13_a_fast_clock_does_not_make_a_claim_the_latest_for_ever() -> None:
    claim = (NOON, aged(AgeBand.ADULT, NOON + 10_000 * HOUR))
    assert reason(claim, aged(AgeBand.AGE_13, NOON + 1), event(GIVEN, NOON + 2)) is (
        Reason.NOT_BY_GUARDIAN
    )
