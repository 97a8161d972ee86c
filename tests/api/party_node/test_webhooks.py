"""Webhooks through the local API."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from party_node.webhooks.events import EventType
from tests.support.running_node import Node
from tests.support.webhooks import ANN, Receiver, consent, receiving, verified

CODE = "urn:accord:error:"


@pytest.fixture
def receiver():
    with receiving() as made:
        yield made


def add(node: Node, receiver: Receiver, **changes: Any) -> dict[str, Any]:
    body = {"name": "crm", "url": receiver.url, "loopback": True} | changes
    answer = node.http.post("/v1/webhooks", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def tell(node: Node, index: int = 1) -> None:
    parts = node.services
    with parts.db.writing() as session:
        data = consent(ANN, index)
        parts.webhooks.outbox.enqueue(session, EventType.CONSENT_CHANGED, data, parts.clock_ms())


def deliver(node: Node) -> int:
    return node.services.webhooks.courier.deliver_due(node.services.clock_ms())


def test_a_webhook_from_adding_to_removing(node: Node, receiver: Receiver) -> None:
    made = add(node, receiver, events=["consent.changed"])
    secret = made.pop("secret")
    assert node.http.get("/v1/webhooks/crm").json() == made
    assert node.http.get("/v1/webhooks").json() == [made]
    assert (made["state"], made["events"], made["waiting"]) == ("active", ["consent.changed"], 0)
    tell(node)
    assert node.http.get("/v1/webhooks/crm").json()["waiting"] == 1
    assert deliver(node) == 1
    verified(secret, receiver.received[0].headers, receiver.received[0].body)
    (line,) = node.http.get("/v1/webhooks/crm/deliveries").json()
    assert (line["state"], line["attempts"], line["status"]) == ("delivered", 1, 200)
    assert line["message"] == receiver.messages[0]
    assert not {"body", "subject", "group"} & line.keys()
    assert node.http.delete("/v1/webhooks/crm").status_code == 204
    assert node.http.get("/v1/webhooks/crm").status_code == 404


def test_the_secret_is_shown_twice_in_its_life_and_never_logged(
    node: Node, receiver: Receiver
) -> None:
    with capture_logs() as logs:
        first = add(node, receiver)["secret"]
        turned = node.http.post("/v1/webhooks/crm/rotate", json={"overlap_hours": 1}).json()
        second = turned["secret"]
        seen = [
            node.http.get("/v1/webhooks/crm").text,
            node.http.get("/v1/webhooks").text,
            node.http.get("/v1/status").text,
            node.http.post("/v1/webhooks/crm/test").text,
            node.http.post("/v1/webhooks/crm/pause").text,
            str(logs),
        ]
    assert first != second
    assert turned["previous_secret_until_ms"] == node.services.clock_ms() + 3_600_000
    for text in seen:
        assert first not in text
        assert second not in text
    assert node.http.post("/v1/webhooks/crm/rotate").json()["secret"] not in (first, second)


def test_pause_resume_and_change_wake_the_worker(node: Node, receiver: Receiver) -> None:
    add(node, receiver)
    woken = node.services.webhooks.woken
    assert node.http.post("/v1/webhooks/crm/pause").json()["state"] == "paused"
    assert not woken.is_set()
    assert node.http.post("/v1/webhooks/crm/resume").json()["state"] == "active"
    assert woken.is_set()
    body = {"url": receiver.url, "loopback": True, "events": ["subject.erased", "ledger.alarm"]}
    changed = node.http.put("/v1/webhooks/crm", json=body).json()
    assert changed["events"] == ["ledger.alarm", "subject.erased"]


def test_a_test_says_what_came_of_it(node: Node, receiver: Receiver) -> None:
    add(node, receiver)
    said = node.http.post("/v1/webhooks/crm/test").json()
    assert (said["delivered"], said["status"], said["cause"]) == (True, 200, "")
    receiver.answer(302, Location="http://127.0.0.1:1/")
    said = node.http.post("/v1/webhooks/crm/test").json()
    assert (said["delivered"], said["status"], said["cause"]) == (False, 302, "redirected")


def test_a_disabled_webhook_says_so_in_the_status(node: Node, receiver: Receiver) -> None:
    add(node, receiver)
    tell(node)
    receiver.answer(410)
    deliver(node)
    found = node.http.get("/v1/status").json()["webhooks"]
    assert found == {
        "active": 0,
        "paused": 0,
        "disabled": [{"webhook": "crm", "reason": "gone"}],
        "waiting": 1,
        "failed": 0,
    }
    refused = node.http.post("/v1/webhooks/crm/pause")
    assert (refused.status_code, refused.json()["type"]) == (409, f"{CODE}illegal-state")


def test_retry_answers_with_what_it_did(node: Node, receiver: Receiver) -> None:
    add(node, receiver)
    nothing = node.http.post("/v1/webhooks/crm/retry")
    assert nothing.json() == {"queued": 0, "overtaken": 0}
    tell(node)
    deliver(node)
    message = {"message": receiver.messages[0]}
    refused = node.http.post("/v1/webhooks/crm/retry", json=message)
    assert (refused.status_code, refused.json()["type"]) == (409, f"{CODE}illegal-state")
    unknown = node.http.post("/v1/webhooks/crm/retry", json={"message": "msg_" + "0" * 32})
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"loopback": False}, 422, "webhook-url-refused"),
        ({"url": "https://10.1.2.3/"}, 422, "webhook-url-refused"),
        ({"url": "https://169.254.169.254/latest/"}, 422, "webhook-url-refused"),
        ({"url": "https://ann:hunter2@example.com/"}, 422, "webhook-url-refused"),
        ({"url": ""}, 422, "malformed-request"),
        ({"url": "https://x/" + "y" * 2000}, 422, "malformed-request"),
        ({"name": "../crm"}, 422, "malformed-request"),
        ({"name": "CRM"}, 422, "malformed-request"),
        ({"events": ["consent.granted"]}, 422, "malformed-request"),
        ({"events": ["consent.changed"] * 10}, 422, "malformed-request"),
        ({"secret": "whsec_mine"}, 422, "malformed-request"),
    ],
)
def test_what_cannot_be_set_up(
    node: Node, receiver: Receiver, changes: dict[str, Any], status: int, code: str
) -> None:
    body = {"name": "crm", "url": receiver.url, "loopback": True} | changes
    answer = node.http.post("/v1/webhooks", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, CODE + code)
    assert "hunter2" not in answer.text
    assert node.http.get("/v1/webhooks").json() == []
    assert receiver.connections == 0


def test_a_name_is_used_once(node: Node, receiver: Receiver) -> None:
    add(node, receiver)
    again = node.http.post(
        "/v1/webhooks", json={"name": "crm", "url": receiver.url, "loopback": True}
    )
    assert (again.status_code, again.json()["type"]) == (409, f"{CODE}webhook-exists")


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "limit=1001", "before=-1"])
def test_lists_are_asked_for_in_the_documented_way(
    node: Node, receiver: Receiver, query: str
) -> None:
    add(node, receiver)
    assert node.http.get(f"/v1/webhooks/crm/deliveries?{query}").status_code == 422
