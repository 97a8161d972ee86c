"""A restriction (GDPR 18): storing and nothing else, for every purpose, until it is lifted."""

import itertools

import pytest
from pyroaring import BitMap

from consent.decision import Verdict, decide
from consent.preferences import AutomatedDecisions, ProcessingChoice
from consent.projection import Projection
from consent.reasons import Reason
from consent.statements import Method
from consent.words import Operation
from tests.support.consents import DEFAULT_VOCABULARY, HOUR, NOON, event, logged, query
from tests.support.records import preference

ALL = [
    (purpose.purpose_id, operation, channel)
    for purpose in DEFAULT_VOCABULARY.purposes
    for operation in purpose.operations
    for channel in ("*", "email")
]
GRANTED = (
    "joint-audience",
    "audience-measurement",
    "joint-scoring",
    "lookalike-audience",
    "joint-model",
    "joint-model-audience",
)
GRANTS = [event(purpose=p, source_event_id=p) for p in GRANTED]


def both(*entries, at=NOON + 2 * HOUR, **asked):
    """Return the reason, which both deciders must give."""
    log = logged(*entries)
    question = query(at=at, **asked)
    projection = Projection(DEFAULT_VOCABULARY)
    for e in log:
        projection.apply(e.index, e.record, 0, e.recorded_at_ms)
    decision = decide(log, question, DEFAULT_VOCABULARY)
    bulk = projection.bulk(question, BitMap([0]))
    assert next(iter(bulk.denied), Reason.PERMITTED) is decision.reason
    return decision


def restriction(allowed, at, **changes):
    return preference(ProcessingChoice(allowed=allowed), at, **changes)


@pytest.mark.parametrize(("purpose", "operation", "channel"), ALL)
def test_a_restricted_person_is_not_used_for_anything(purpose, operation, channel):
    asked = {"purpose": purpose, "operation": operation, "channel": channel}
    assert both(*GRANTS, **asked).reason is Reason.PERMITTED
    found = both(*GRANTS, restriction(False, NOON + 1), **asked)
    assert (found.outcome, found.reason) == (Verdict.DENY, Reason.RESTRICTED)
    assert found.deciding_index == len(GRANTS)


def test_it_is_lifted_by_a_newer_act_and_never_by_a_copy():
    restricted = [*GRANTS, restriction(False, NOON + 1)]
    assert both(*restricted, restriction(True, NOON + 2)).reason is Reason.PERMITTED
    same_moment = restriction(True, NOON + 1, source_event_id="same")
    assert both(*restricted, same_moment).reason is Reason.RESTRICTED
    for copied in (Method.IMPORT, Method.BATCH_SYNC):
        lifted = restriction(True, NOON + 2, method=copied)
        assert both(*restricted, lifted).reason is Reason.RESTRICTED
    again = [restriction(True, NOON + 2), restriction(False, NOON + 3)]
    assert both(*restricted, *again).reason is Reason.RESTRICTED


def test_consent_that_comes_later_does_not_lift_it():
    later = event(at=NOON + HOUR, source_event_id="later")
    assert both(*GRANTS, restriction(False, NOON + 1), later).reason is Reason.RESTRICTED


def test_the_order_of_entries_makes_no_difference():
    entries = [GRANTS[0], restriction(False, NOON + 1), restriction(True, NOON + 2)]
    for order in itertools.permutations(entries):
        assert both(*order).reason is Reason.PERMITTED


def test_it_comes_before_other_choices():
    found = both(
        *GRANTS,
        preference(AutomatedDecisions(allowed=False), NOON + 1),
        restriction(False, NOON + 2),
        operation=Operation.ACTIVATE,
    )
    assert (found.outcome, found.reason) == (Verdict.DENY, Reason.RESTRICTED)
