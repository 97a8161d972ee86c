"""Rule 6, the pure half: what arrives late did not exist before, and may be too late to count."""

from dataclasses import replace

import pytest

from consent.reasons import Reason
from consent.recipients import Source
from consent.statements import Method
from consent.vocabulary import Vocabulary
from consent.words import AgeBand, Assurance, EventState
from tests.support.asking import answer, policy, reason, written
from tests.support.consents import HOUR, NOON, event, query

DAY_MS = 86_400_000
GIVEN, WITHDRAWN = EventState.GIVEN, EventState.WITHDRAWN


def accepting(days: int | None) -> Vocabulary:
    return policy(sources=(Source(source_id="crm", backdate_days=days),))


@pytest.mark.parametrize(
    ("days", "late_ms", "expected"),
    [
        (1, DAY_MS, Reason.PERMITTED),
        (1, DAY_MS + 1, Reason.NO_EVIDENCE),
        (0, 0, Reason.PERMITTED),
        (0, 1, Reason.NO_EVIDENCE),
        (None, 10_000 * DAY_MS, Reason.PERMITTED),
        (36_500, 20_000 * DAY_MS, Reason.PERMITTED),
    ],
)
def test_rule_6_a_grant_that_is_dated_back_too_far_does_not_count(
    days: int | None, late_ms: int, expected: Reason
) -> None:
    late = (NOON, event(GIVEN, NOON - late_ms))
    assert reason(late, vocabulary=accepting(days)) is expected


@pytest.mark.parametrize("state", [s for s in EventState if not s.valid_for_processing])
def test_rule_6_whatever_takes_consent_away_counts_however_late_it_comes(state: EventState) -> None:
    late = (NOON, event(state, NOON - 10_000 * DAY_MS))
    assert reason(late, vocabulary=accepting(0)) == Reason(state.value)


def test_rule_6_a_source_that_is_not_listed_may_go_back_as_far_as_it_likes() -> None:
    late = (NOON, event(GIVEN, 0, source_id="other"))
    assert reason(late, vocabulary=accepting(1)) is Reason.PERMITTED


def test_rule_6_a_grant_in_quarantine_ends_no_no() -> None:
    no = event(WITHDRAWN, NOON - 10 * DAY_MS)
    late = (NOON, event(GIVEN, NOON - 2 * DAY_MS))
    assert reason(no, late, vocabulary=accepting(2)) is Reason.PERMITTED
    assert reason(no, late, vocabulary=accepting(1)) is Reason.WITHDRAWN


def test_rule_6_a_grant_in_quarantine_settles_no_other_source() -> None:
    no = event(WITHDRAWN, NOON - 10 * DAY_MS, source_id="app")
    late = (NOON, event(GIVEN, NOON - 2 * DAY_MS))
    assert reason(no, late, vocabulary=accepting(2)) is Reason.PERMITTED
    assert reason(no, late, vocabulary=accepting(1)) is Reason.WITHDRAWN


def test_rule_6_a_grant_in_quarantine_does_not_hide_an_earlier_one_that_counts() -> None:
    short = (NOON, event(GIVEN, NOON - 2 * DAY_MS, valid_until_ms=NOON + HOUR))
    yes = (NOON - 3 * DAY_MS, event(GIVEN, NOON - 3 * DAY_MS))
    assert reason(yes, short, vocabulary=accepting(1)) is Reason.PERMITTED
    assert reason(yes, short, vocabulary=accepting(2)) is Reason.EXPIRED


def test_rule_6_a_grant_in_quarantine_says_nothing_of_the_age_either() -> None:
    child = event(GIVEN, NOON, age_band=AgeBand.AGE_13)
    late = (
        NOON + DAY_MS,
        event(
            GIVEN, NOON + 1, purpose="audience-measurement", age_band=AgeBand.ADULT,
            age_assurance=Assurance.VERIFIED,
        ),
    )  # fmt: skip
    again = (NOON + DAY_MS, event(GIVEN, NOON + DAY_MS, method=Method.IMPORT))
    assert reason(child, late, again, at=NOON + DAY_MS, vocabulary=accepting(0)) is (
        Reason.NOT_BY_GUARDIAN
    )
    assert reason(child, late, again, at=NOON + DAY_MS, vocabulary=accepting(1)) is (
        Reason.PERMITTED
    )


def test_rule_6_a_prefix_of_the_ledger_does_not_know_what_came_later() -> None:
    # Withdrawn at noon, heard of an hour later: the decision at half past stands as it was.
    entries = written(event(GIVEN, NOON - HOUR), (NOON + HOUR, event(WITHDRAWN)))
    assert answer(entries[:1], query(NOON + HOUR // 2)).reason is Reason.PERMITTED
    assert answer(entries, query(NOON + HOUR)).reason is Reason.WITHDRAWN
    # Nor does the whole ledger make it so in hindsight: it knows of the withdrawal, and says no.
    assert answer(entries, query(NOON + HOUR // 2)).reason is Reason.WITHDRAWN


def test_rule_6_a_late_no_from_long_before_a_yes_does_not_undo_it() -> None:
    yes = event(GIVEN, NOON)
    late = (NOON + HOUR, event(WITHDRAWN, NOON - HOUR))
    assert reason(yes, late) is Reason.PERMITTED
    elsewhere = (NOON + HOUR, replace(late[1], source_id="app"))
    assert reason(yes, elsewhere) is Reason.PERMITTED
    # But a copied yes does not stand against it.
    assert reason(replace(yes, method=Method.IMPORT), late) is Reason.WITHDRAWN
