"""A withdrawal that was acknowledged counts, whatever the clocks of the sources say."""

from consent.decision import LoggedEntry, Verdict, decide
from consent.defaults import DEFAULT_VOCABULARY
from consent.events import ConsentEvent
from consent.projection import Projection
from consent.words import EventState
from tests.support.consents import MINUTE, NOON, event, query


def log(*events: tuple[int, ConsentEvent]) -> list[LoggedEntry]:
    return [LoggedEntry(i, recorded, e) for i, (recorded, e) in enumerate(events)]


def verdicts(events: list[LoggedEntry], at_ms: int) -> tuple[Verdict, bool]:
    """Ask the plain decider and the projection the same."""
    projection = Projection(DEFAULT_VOCABULARY)
    for e in events:
        projection.apply(e.index, e.record, 0, e.recorded_at_ms)
    asked = query(at_ms)
    return decide(events, asked, DEFAULT_VOCABULARY).outcome, 0 in projection.bulk(asked).allowed


def test_a_withdrawal_after_a_grant_from_a_fast_clock_counts():
    grant = event(EventState.GIVEN, at=NOON + 4 * MINUTE)
    withdrawal = event(EventState.WITHDRAWN, at=NOON + MINUTE)
    events = log((NOON, grant), (NOON + MINUTE, withdrawal))
    assert verdicts(events, NOON + 10 * MINUTE) == (Verdict.DENY, False)


def test_consent_after_a_refusal_from_the_same_fast_clock_counts():
    refusal = event(EventState.REFUSED, at=NOON + 4 * MINUTE)
    grant = event(EventState.GIVEN, at=NOON + 5 * MINUTE)
    events = log((NOON, refusal), (NOON + MINUTE, grant))
    assert verdicts(events, NOON + 10 * MINUTE) == (Verdict.ALLOW, True)


def test_a_late_withdrawal_from_before_an_explicit_consent_does_not_undo_it():
    grant = event(EventState.GIVEN, at=NOON)
    earlier = event(EventState.WITHDRAWN, at=NOON - 60 * MINUTE)
    events = log((NOON, grant), (NOON + MINUTE, earlier))
    assert verdicts(events, NOON + 10 * MINUTE) == (Verdict.ALLOW, True)
