"""Rule 18, the pure half: when two submissions of one id say the same."""

from dataclasses import fields, replace
from typing import Any

import pytest

from consent.events import ConsentEvent, EventType
from consent.statements import Evidence, Method, Relation, Statement
from consent.words import AgeBand, Assurance, EventState
from tests.support.consents import HASH, NOON, event
from tests.support.records import FULL_EVENT, RECORDS, preference

OTHER: dict[str, Any] = {
    "state": EventState.GIVEN,
    "purpose": "other",
    "event_time_ms": NOON + 1,
    "source_id": "app",
    "source_event_id": "e-3",
    "jurisdiction": "DE",
    "method": Method.PHONE,
    "event_type": EventType.IMPLIED,
    "purpose_version": 3,
    "recipient": "self",
    "channel": "post",
    "separate": False,
    "written": False,
    "listed": ("a",),
    "source_trust": 8,
    "relation": Relation.AGENT,
    "valid_until_ms": NOON + 2,
    "validity": "P1Y",
    "max_uses": 4,
    "residence": "DE",
    "age_band": AgeBand.AGE_15,
    "age_assurance": Assurance.DECLARED,
    "notice_hash": b"\x02" * 32,
    "served_event_id": "t",
    "confirms_over": ("gpc", "tcf"),
    "signal_entry": "y",
    "time_zone": "Europe/Berlin",
    "time_source": "device",
    "legal_regime": "gdpr",
    "layer": "first",
    "control_label": "OK",
    "evidence": (Evidence(sha256=HASH, media_type="image/jpeg", reference="r"),),
    "supersedes": "y",
    "subject_id": "6" * 32,
}
SET_BY_THE_LEDGER = {"subject_seq", "previous"}


def test_rule_18_every_field_that_a_source_states_is_compared() -> None:
    assert set(OTHER) | SET_BY_THE_LEDGER == {f.name for f in fields(ConsentEvent)}
    for name, value in OTHER.items():
        assert getattr(FULL_EVENT, name) != value
        assert replace(FULL_EVENT, **{name: value}).content_digest() != FULL_EVENT.content_digest()


@pytest.mark.parametrize("name", [f.name for f in fields(ConsentEvent) if f.default is None])
def test_rule_18_leaving_a_field_out_is_another_statement(name: str) -> None:
    left_out = replace(FULL_EVENT, **{name: None})
    same = left_out.content_digest() == FULL_EVENT.content_digest()
    assert same == (name in SET_BY_THE_LEDGER)


@pytest.mark.parametrize("statement", [r for r in RECORDS if isinstance(r, Statement)])
def test_rule_18_what_the_ledger_sets_is_not_compared(statement: Statement) -> None:
    digest = statement.content_digest()
    for seq, previous in ((1, None), (2, HASH), (2**53 - 1, b"\xff" * 32)):
        assert replace(statement, subject_seq=seq, previous=previous).content_digest() == digest


def test_rule_18_statements_of_two_kinds_are_never_the_same() -> None:
    digests = [r.content_digest() for r in RECORDS if isinstance(r, Statement)]
    assert len(set(digests)) == len(digests)


def test_rule_18_a_statement_that_is_taken_in_twice_counts_once() -> None:
    assert event().content_digest() == event().content_digest()
    assert preference().content_digest() == preference().content_digest()
    assert event().content_digest() != event(at=NOON + 1).content_digest()
