"""Payloads: one encoding, nothing but the stated fields, no way in for an identifier."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.events import ConsentEvent
from consent.statements import Method
from consent.words import EventState
from party_node.webhooks.events import CONTENT, FIELDS, EventType, Kind, consent_changed, encode
from party_node.webhooks.outbox import Happening
from tests.support.webhooks import ANN, BOB, consent

NOW = 1_790_000_000_000


def test_the_encoding_does_not_depend_on_the_order_of_the_fields() -> None:
    data = consent(ANN, 7)
    backwards = dict(reversed(data.items()))
    first = encode(EventType.CONSENT_CHANGED, NOW, data)
    assert first == encode(EventType.CONSENT_CHANGED, NOW, backwards)
    assert first.startswith(
        b'{"type":"consent.changed","timestamp":"2026-09-21T14:13:20.000Z","data":{"channel":"*",'
    )
    assert json.loads(first)["data"] == data


def test_every_type_has_fields_and_every_field_a_kind() -> None:
    assert set(CONTENT) == set(EventType)
    for content in CONTENT.values():
        assert content.required
        assert not content.required & content.optional
        assert content.required | content.optional <= FIELDS.keys()


def test_an_event_of_the_ledger_becomes_a_payload() -> None:
    event = ConsentEvent(
        subject_id=ANN,
        state=EventState.WITHDRAWN,
        purpose="joint-audience",
        recipient="shop",
        event_time_ms=NOW - 5,
        source_id="crm",
        source_event_id="ann@example.com said no",
        jurisdiction="GB",
        method=Method.WEB_FORM,
    )
    body = encode(EventType.CONSENT_CHANGED, NOW, consent_changed(event, 12))
    assert json.loads(body)["data"] == {
        "subject": ANN,
        "purpose": "joint-audience",
        "recipient": "shop",
        "channel": "*",
        "state": "withdrawn",
        "index": 12,
        "event_time": "2026-09-21T14:13:19.995Z",
    }
    assert b"ann@example.com" not in body


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "ann@example.com"},
        {"subject": ANN.upper()},
        {"subject": ANN[:-1]},
        {"recipient": "ann@example.com"},
        {"recipient": "+44 20 7946 0001"},
        {"recipient": "+442079460001"},
        {"purpose": "A Purpose"},
        {"purpose": ""},
        {"purpose": "x" * 129},
        {"purpose": "joint-audience\n"},
        {"state": 7},
        {"index": -1},
        {"index": 2**53},
        {"index": "7"},
        {"index": True},
        {"event_time": "2026-09-21"},
        {"event_time": NOW},
        {"email": "ann@example.com"},
    ],
)
def test_what_does_not_belong_into_a_payload_is_refused_and_not_repeated(change: dict) -> None:
    with pytest.raises(ValueError) as caught:
        encode(EventType.CONSENT_CHANGED, NOW, consent(ANN, 1) | change)
    for value in change.values():
        assert str(value) not in str(caught.value) or str(value) in ("", "7", "-1")


@pytest.mark.parametrize("missing", sorted(CONTENT[EventType.CONSENT_CHANGED].required))
def test_a_missing_field_is_refused(missing: str) -> None:
    data = consent(ANN, 1)
    del data[missing]
    with pytest.raises(ValueError, match=missing):
        encode(EventType.CONSENT_CHANGED, NOW, data)


def a_value(name: str) -> st.SearchStrategy[str | int]:
    return {
        Kind.ID: st.from_regex(r"\A[0-9a-f]{32}\Z"),
        Kind.WORD: st.from_regex(r"\A(\*|[a-z0-9][a-z0-9._:/-]{0,127})\Z"),
        Kind.NUMBER: st.integers(0, 2**53 - 1),
        Kind.INSTANT: st.just("2026-09-21T13:46:40.000Z"),
    }[FIELDS[name]]


@given(st.sampled_from(EventType), st.data())
def test_any_payload_of_the_stated_fields_is_ascii_and_comes_back(
    event_type: EventType, data: st.DataObject
) -> None:
    content = CONTENT[event_type]
    extra = (
        data.draw(st.sets(st.sampled_from(sorted(content.optional)))) if content.optional else ()
    )
    values = {name: data.draw(a_value(name)) for name in (*content.required, *extra)}
    body = encode(event_type, NOW, values)
    assert json.loads(body.decode("ascii"))["data"] == values
    assert b"@" not in body
    assert b"+" not in body
    assert len(body) < 2_000


def test_the_group_is_the_subject_and_nothing_else() -> None:
    about = EventType.CONSENT_CHANGED
    assert Happening(about, consent(ANN, 1)).grouped_by() == ANN
    assert Happening(about, consent(ANN, 1), ANN).grouped_by() == ANN
    with pytest.raises(ValueError):
        Happening(about, consent(ANN, 1), BOB).grouped_by()
    alarm = {"reason": "ledger-damaged"}
    assert Happening(EventType.LEDGER_ALARM, alarm, "ledger").grouped_by() == "ledger"
    with pytest.raises(ValueError):
        Happening(EventType.LEDGER_ALARM, alarm).grouped_by()
    assert ANN not in repr(Happening(about, consent(ANN, 1), ANN))
