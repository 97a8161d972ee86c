"""Records and their payloads: one form, and nothing outside it."""

from dataclasses import replace
from typing import Any

import pytest

from consent.canonical import parse_object
from consent.errors import MalformedRecord
from consent.events import ConsentEvent
from consent.fields import Entry
from consent.preferences import PREFERENCE_KINDS
from consent.records import ENTRY_KINDS, kind_of, payload_bytes
from consent.uses import UseRecord
from tests.support.consents import HASH, USE, event
from tests.support.records import PREFERENCES, RECORDS


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_is_read_as_it_was_written(record: Entry) -> None:
    payload = parse_object(payload_bytes(record))
    assert type(record).from_payload(payload) == record
    assert payload["schema"] == f"accord/{record.TYPE}/1"


def test_every_kind_of_entry_is_tried_here() -> None:
    assert {type(r) for r in RECORDS} == set(ENTRY_KINDS)
    assert {type(p) for p in PREFERENCES} == set(PREFERENCE_KINDS)
    assert len({k.TYPE for k in ENTRY_KINDS}) == len(ENTRY_KINDS)


@pytest.mark.parametrize("record", RECORDS)
def test_unknown_missing_and_null_fields_are_refused(record: Entry) -> None:
    payload = record.to_payload()
    for changed in (
        payload | {"extra": 1},
        payload | {"schema": "accord/other/1"},
        {k: v for k, v in payload.items() if k != "schema"},
        *({k: v for k, v in payload.items() if k != gone} | {"x": 1} for gone in payload),
        *(payload | {key: None} for key in payload),
        *(payload | {key: 1.5} for key in payload),
    ):
        with pytest.raises(MalformedRecord):
            type(record).from_payload(changed)


def test_a_field_with_a_default_is_still_written_and_still_needed() -> None:
    payload = event().to_payload()
    assert (payload["channel"], payload["separate"], payload["listed"]) == ("*", False, [])
    del payload["separate"]
    with pytest.raises(MalformedRecord):
        ConsentEvent.from_payload(payload)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_id": "A" * 32},
        {"subject_id": "a" * 31},
        {"subject_id": "ann@example.com"},
        {"purpose": ""},
        {"purpose": "Joint"},
        {"purpose": "a" * 129},
        {"state": "given"},
        {"event_time_ms": -1},
        {"event_time_ms": 1.0},
        {"event_time_ms": True},
        {"valid_until_ms": 253_402_300_800_000},
        {"source_event_id": "two\nlines"},
        {"control_label": "e\u0301"},
        {"control_label": "\ud800"},
        {"separate": 1},
        {"listed": ("b", "a")},
        {"listed": ("a", "a")},
        {"listed": ["a"]},
        {"listed": tuple(f"a{i:03}" for i in range(257))},
        {"source_trust": 10},
        {"subject_seq": 0},
        {"notice_hash": b"short"},
        {"notice_hash": "00" * 32},
        {"evidence": (HASH,)},
        {"purpose": None},
    ],
)
def test_an_event_outside_its_ranges_has_no_payload(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecord):
        payload_bytes(replace(event(), **changes))


def test_counts_of_a_use_add_up() -> None:
    with pytest.raises(MalformedRecord):
        replace(USE, allowed=8)
    with pytest.raises(MalformedRecord):
        replace(USE, denied=tuple(reversed(USE.denied)))


def test_the_same_content_at_another_place_in_the_chain_is_the_same_event() -> None:
    placed = replace(event(), subject_seq=4, previous=HASH)
    assert placed.content_digest() == event().content_digest()
    assert event(separate=True).content_digest() != event().content_digest()


def test_an_unknown_kind_or_version_is_refused() -> None:
    assert kind_of("use-record", 1) is UseRecord
    for entry_type, version in (("other", 1), ("use-record", 2)):
        with pytest.raises(MalformedRecord):
            kind_of(entry_type, version)
