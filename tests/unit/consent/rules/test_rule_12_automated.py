"""Rule 12: who wants no machine to choose for them may be reached, but not so."""

from dataclasses import replace

import pytest
from pyroaring import BitMap

from consent.decision import Verdict
from consent.errors import ConsentDenied
from consent.preferences import AutomatedDecisions, ChannelChoice
from consent.projection import Projection
from consent.reasons import Query, Reason
from consent.statements import Method
from consent.vocabulary import Vocabulary
from consent.words import EventState, Operation
from tests.support.asking import Written, answer, with_purpose, written
from tests.support.consents import HOUR, NOON, event, query
from tests.support.records import preference

OFF, ON = AutomatedDecisions(allowed=False), AutomatedDecisions(allowed=True)
AUTOMATED = [
    Operation.ACTIVATE, Operation.LOOKALIKE_SCORE, Operation.LOOKALIKE_TRAIN, Operation.TRAIN,
]  # fmt: skip
EVERYTHING = with_purpose(operations=tuple(sorted(Operation)))
GRANT = event()


def asked(operation: Operation, at: int = NOON + 2 * HOUR) -> Query:
    return query(at, operation=operation)


def verdict(
    *records: Written,
    operation: Operation = Operation.ACTIVATE,
    vocabulary: Vocabulary = EVERYTHING,
) -> tuple[Verdict, Reason]:
    decision = answer(written(*records), asked(operation), vocabulary)
    return decision.outcome, decision.reason


@pytest.mark.parametrize("operation", AUTOMATED)
def test_rule_12_the_answer_is_yes_without_a_machines_choice(operation: Operation) -> None:
    expected = (Verdict.ALLOW_NON_PERSONALISED, Reason.NOT_PERSONALISED)
    assert verdict(GRANT, preference(OFF), operation=operation) == expected


@pytest.mark.parametrize("operation", [o for o in Operation if o not in AUTOMATED])
def test_rule_12_where_no_machine_chooses_it_makes_no_difference(operation: Operation) -> None:
    assert verdict(GRANT, preference(OFF), operation=operation)[0] is Verdict.ALLOW


def test_rule_12_the_third_answer_is_not_taken_for_a_yes() -> None:
    decision = answer(written(GRANT, preference(OFF)), asked(Operation.ACTIVATE), EVERYTHING)
    assert decision.deciding_index == 1
    with pytest.raises(ConsentDenied) as denied:
        decision.require()
    assert denied.value.reason == "not-personalised"


def test_rule_12_in_bulk_they_are_not_among_those_allowed() -> None:
    projection = Projection(EVERYTHING)
    projection.apply(0, GRANT, 1, NOON)
    projection.apply(1, GRANT, 2, NOON)
    projection.apply(2, preference(OFF), 2, NOON)
    bulk = projection.bulk(asked(Operation.ACTIVATE))
    assert bulk.allowed == BitMap([1])
    assert bulk.denied == {Reason.NOT_PERSONALISED: BitMap([2])}


def test_rule_12_nothing_said_allows_and_a_newer_act_allows_again() -> None:
    assert verdict(GRANT)[0] is Verdict.ALLOW
    assert verdict(GRANT, preference(OFF), preference(ON, NOON + 1))[0] is Verdict.ALLOW
    assert verdict(GRANT, preference(ON), preference(OFF, NOON + 1))[0] is not Verdict.ALLOW
    assert verdict(GRANT, preference(OFF), preference(ON))[0] is not Verdict.ALLOW


def test_rule_12_a_copy_can_object_and_never_consent() -> None:
    copied_off = preference(OFF, method=Method.IMPORT)
    copied_on = preference(ON, NOON + 1, method=Method.BATCH_SYNC)
    assert verdict(GRANT, copied_off)[0] is Verdict.ALLOW_NON_PERSONALISED
    assert verdict(GRANT, preference(OFF), copied_on)[0] is Verdict.ALLOW_NON_PERSONALISED
    assert verdict(GRANT, copied_off, copied_on)[0] is Verdict.ALLOW_NON_PERSONALISED


def test_rule_12_it_permits_nothing_that_consent_does_not() -> None:
    for no in (event(EventState.WITHDRAWN, NOON + 1), event(EventState.REQUESTED, NOON + 1)):
        expected = (Verdict.DENY, Reason(no.state.value))
        assert verdict(GRANT, no, preference(OFF)) == expected
        assert verdict(GRANT, no, preference(ON)) == expected
    assert verdict(preference(ON)) == (Verdict.DENY, Reason.NO_EVIDENCE)


def test_rule_12_who_is_not_to_be_reached_at_all_is_told_that_first() -> None:
    no_contact = preference(ChannelChoice(channel="*", allowed=False))
    assert verdict(GRANT, preference(OFF), no_contact) == (Verdict.DENY, Reason.CHANNEL_REFUSED)


def test_rule_12_withdrawing_is_as_good_on_any_recipient() -> None:
    other = replace(GRANT, recipient="other")
    entries = written(other, preference(OFF))
    decision = answer(entries, query(operation=Operation.ACTIVATE, recipient="other"), EVERYTHING)
    assert decision.outcome is Verdict.ALLOW_NON_PERSONALISED
