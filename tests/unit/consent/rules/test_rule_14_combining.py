"""Rule 14: forbidding beats permitting in any order, and only what a purpose has is done."""

import itertools
from dataclasses import replace

import pytest

from consent.decision import Decision, Verdict
from consent.preferences import ChannelChoice
from consent.reasons import Reason
from consent.words import EventState, Operation
from tests.support.asking import answer, in_tree, policy, written
from tests.support.consents import HOUR, NOON, TREE, event, query
from tests.support.records import preference

QUESTION = query(NOON + 3 * HOUR, purpose="scoring", recipient="self")


def test_rule_14_forbidding_beats_permitting_in_every_order() -> None:
    grant = event(purpose="scoring", recipient="self", source_trust=9, at=NOON + HOUR)
    broad = event(purpose="marketing", recipient="self", listed=("scoring",), at=NOON + HOUR)
    no = event(EventState.REFUSED, purpose="analytics", recipient="self", source_trust=0)
    for order in itertools.permutations([grant, broad, no]):
        entries = written(*((NOON + 2 * HOUR, e) for e in order))
        assert answer(entries, QUESTION, TREE).reason is Reason.REFUSED


def test_rule_14_the_order_of_purposes_and_rules_in_the_policy_changes_nothing() -> None:
    events = [
        event(purpose="scoring", recipient="self"),
        event(EventState.WITHDRAWN, NOON + 1, purpose="analytics", recipient="self"),
    ]
    for purposes in itertools.permutations(TREE.purposes):
        shuffled = replace(TREE, purposes=purposes, regimes=TREE.regimes[::-1])
        assert in_tree(*events, vocabulary=shuffled) is Reason.WITHDRAWN
        assert in_tree(*events[:1], vocabulary=shuffled) is Reason.PERMITTED
        assert shuffled.digest() == TREE.digest()


def test_rule_14_many_yeses_do_not_outvote_one_no() -> None:
    yeses = [event(source_id=f"s-{n}", source_trust=9) for n in range(25)]
    assert answer(written(*yeses), query()).reason is Reason.PERMITTED
    no = event(EventState.REFUSED, NOON + 1, source_id="small", source_trust=0)
    assert answer(written(*yeses, no), query()).reason is Reason.REFUSED


@pytest.mark.parametrize(
    "operation", [Operation.SHARE, Operation.DP_STAT, Operation.LOOKALIKE_TRAIN]
)
def test_rule_14_an_operation_that_the_purpose_does_not_have_is_denied(
    operation: Operation,
) -> None:
    decision = answer(written(event()), query(operation=operation))
    assert decision == Decision(Verdict.DENY, Reason.OPERATION_NOT_COVERED, None)


def test_rule_14_a_purpose_without_operations_permits_nothing_itself() -> None:
    entries = written(event(purpose="partner-marketing"))
    for operation in Operation:
        asked = query(purpose="partner-marketing", operation=operation)
        assert answer(entries, asked).reason is Reason.OPERATION_NOT_COVERED


def test_rule_14_a_broader_purposes_operations_are_not_the_narrower_ones() -> None:
    grant = event(purpose="scoring", recipient="self")
    assert in_tree(grant, operation=Operation.DP_STAT) is Reason.OPERATION_NOT_COVERED


def test_rule_14_every_narrowing_counts_whatever_else_permits() -> None:
    asked = query(operation=Operation.ACTIVATE, channel="email")
    grant, on = event(channel="email"), preference(ChannelChoice(channel="email", allowed=True))
    off = preference(ChannelChoice(channel="*", allowed=False))
    for order in itertools.permutations([grant, on, off]):
        assert answer(written(*order), asked, policy()).reason is Reason.CHANNEL_REFUSED
