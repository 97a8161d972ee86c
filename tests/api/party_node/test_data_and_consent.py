"""Datasets, consent events, imports and explanations through the local API."""

from pathlib import Path

import pytest

from consent.events import ConsentEvent
from consent.milestones import OperatorAction
from tests.support.node import write_csv
from tests.support.running_node import AUDIENCE, Node


def test_a_dataset_is_registered_and_listed(node: Node) -> None:
    node.add_people("customers", 4)
    (found,) = node.http.get("/v1/datasets").json()
    assert (found["dataset"], found["report"]["people"]) == ("customers", 4)


def test_devices_of_a_dataset_are_counted(node: Node, tmp_path: Path) -> None:
    lines = ("1,a@example.com,490154203237518", "2,b@example.com,490154203237518", "3,c@d.com,7")
    path = write_csv(tmp_path / "x.csv", "id,email,imei", *lines)
    body = {"dataset": "x", "path": str(path), "key_column": "id", "email_column": "email"}
    answer = node.http.post("/v1/datasets", json=body | {"imei_column": "imei"})
    assert answer.status_code == 201
    found = answer.json()
    assert found["refused_devices"] == {"imei": 1}
    assert found["identified"] == {"email": 3, "imei": 0}
    assert found["shared"] == {"email": 0, "imei": 1}
    without = {name: body[name] for name in body if name != "email_column"}
    refused = node.http.post("/v1/datasets", json=without | {"imei_column": "imei"})
    assert refused.json()["type"].endswith(":missing-column"), "nobody is known by a device alone"


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"path": "/nowhere.csv"}, "dataset-unreadable", 422),
        ({"email_column": "post"}, "missing-column", 422),
        ({"dataset": "../etc"}, "malformed-request", 422),
        ({"colour": "red"}, "malformed-request", 422),
    ],
)
def test_what_cannot_be_registered_is_a_problem(
    node: Node, tmp_path: Path, changes: dict[str, str], code: str, status: int
) -> None:
    path = write_csv(tmp_path / "x.csv", "id,email", "1,a@example.com")
    body = {"dataset": "x", "path": str(path), "key_column": "id", "email_column": "email"}
    answer = node.http.post("/v1/datasets", json=body | changes)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:accord:error:{code}")


def test_an_event_is_recorded_once_whatever_the_time(node: Node) -> None:
    first = node.say("given")
    node.running.services.clock_ms.advance(seconds=60)  # type: ignore[attr-defined]
    again = node.say("given")
    assert first.status_code == again.status_code == 201
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert first.json()["index"] == again.json()["index"]
    assert first.json()["checkpoint"] == again.json()["checkpoint"]


def test_another_event_under_the_same_key_is_refused(node: Node) -> None:
    assert node.say("given").status_code == 201
    answer = node.say("withdrawn")
    assert answer.status_code == 409
    assert answer.json()["type"].endswith(":idempotency-conflict")


def test_a_withdrawal_decides_at_once(node: Node) -> None:
    body = {"email": "Person0@Example.com", "purpose": AUDIENCE, "operation": "activate"}
    node.say("given", "event-1")
    before = node.http.post("/v1/consent/explanations", json=body).json()
    node.running.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
    index = node.say("withdrawn", "event-2").json()["index"]
    after = node.http.post("/v1/consent/explanations", json=body).json()
    assert before["decision"] == "allow"
    assert (after["decision"], after["reason"]) == ("deny", "withdrawn")
    assert after["deciding_index"] == index
    assert after["deciding_entry"]["record"]["state"] == "withdrawn"
    looks = [e.record for e in node.services.ledger.entries() if e.type == "operator-action"]
    assert [(r.by, r.detail) for r in looks if isinstance(r, OperatorAction)] == [
        ("person:operator", f"entry {before['deciding_index']}"),
        ("person:operator", f"entry {index}"),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"phone": "+441632960123"},
        {"email": None},
        {"state": "expired"},
        {"recipient": "Not A Name"},
        {"event_time_ms": -1},
        {"extra": 1},
    ],
)
def test_malformed_events_are_refused_without_repeating_the_person(
    node: Node, changes: dict[str, object]
) -> None:
    answer = node.say(**changes)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":malformed-request")
    assert "person0" not in answer.text
    assert "1632960123" not in answer.text


def test_an_event_needs_an_idempotency_key(node: Node) -> None:
    body = {"email": "person0@example.com", "state": "given", "purpose": AUDIENCE}
    answer = node.http.post("/v1/consent/events", json=body)
    assert answer.status_code == 422
    assert "idempotency-key" in answer.json()["detail"].lower()


def test_unknown_purpose_and_unreadable_identifier_are_named(node: Node) -> None:
    assert node.say(purpose="world-peace").json()["type"].endswith(":unknown-purpose")
    refused = node.say(email="not an address")
    assert refused.json()["type"].endswith(":invalid-identifier")
    assert "not an address" not in refused.text


def test_an_explanation_about_nobody_is_not_found(node: Node) -> None:
    body = {"email": "nobody@example.com", "purpose": AUDIENCE, "operation": "activate"}
    answer = node.http.post("/v1/consent/explanations", json=body)
    assert answer.status_code == 404
    assert "nobody@" not in answer.text


@pytest.mark.parametrize("shown", ["implied", "expressed", "explicitly-expressed", None])
def test_how_the_will_was_shown_is_kept_as_it_is_said(node: Node, shown: str | None) -> None:
    said = {} if shown is None else {"event_type": shown}
    index = node.say("given", "event-1", **said).json()["index"]
    record = node.services.ledger.entry(index).record
    assert isinstance(record, ConsentEvent)
    assert record.event_type.value == (shown or "explicitly-expressed")
