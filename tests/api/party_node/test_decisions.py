"""Contact decisions through the local API: answers, reservations, refusals."""

from typing import Any

import pytest

from tests.support.running_node import AUDIENCE, Node

WHO = {"email": "person0@example.com", "purpose": AUDIENCE, "channel": "email"}


def ask(node: Node, key: str | None = None, **changes: Any) -> dict[str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = node.http.post("/v1/decisions/contact", json=WHO | changes, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_answer_says_what_why_and_by_which_state(node: Node) -> None:
    assert ask(node)["reason"] == "no-evidence"
    node.say("given")
    said = ask(node, "k1")
    assert (said["decision"], said["reason"]) == ("allow", "permitted")
    assert said["words"] == "The person has agreed to this."
    assert said["tree_size"] == node.services.ledger.head()[0]
    assert said["reservation"]["expires_ms"] == said["evaluated_ms"] + 900_000
    assert ask(node, "k1")["reservation"] == said["reservation"]
    assert ask(node, reserve_seconds=0)["reservation"] is None


def test_a_reservation_is_confirmed_or_released(node: Node) -> None:
    node.say("given")
    first, second = (ask(node)["reservation"]["token"] for _ in range(2))
    path = "/v1/decisions/contact"
    done = node.http.post(f"{path}/{first}/confirm", json={})
    assert (done.status_code, done.json()["late"]) == (200, False)
    assert node.http.post(f"{path}/{first}/confirm", json={}).json() == done.json()
    assert node.http.post(f"{path}/{second}/release").status_code == 204
    assert node.http.post(f"{path}/{'0' * 32}/confirm", json={}).status_code == 404


def test_a_person_is_named_in_one_way(node: Node) -> None:
    node.say("given")
    with node.services.ledger.hold() as head:
        (dense,) = head.projection.subjects
    subject = node.services.identity.subject_ids([dense])[dense]
    by_id = {"subject": subject, "purpose": AUDIENCE, "channel": "email"}
    answer = node.http.post("/v1/decisions/contact", json=by_id)
    assert answer.json()["decision"] == "allow"
    for body in (by_id | {"email": "a@example.com"}, {"purpose": AUDIENCE, "channel": "email"}):
        assert node.http.post("/v1/decisions/contact", json=body).status_code == 422


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"purpose": "nothing"}, "unknown-purpose", 422),
        ({"channel": "E-Mail"}, "malformed-request", 422),
        ({"email": "no address"}, "refused-identifier", 422),
        ({"reserve_seconds": -1}, "malformed-request", 422),
        ({"at_ms": 2**60}, "malformed-request", 422),
    ],
)
def test_what_cannot_be_asked_is_a_problem(
    node: Node, changes: dict[str, Any], code: str, status: int
) -> None:
    answer = node.http.post("/v1/decisions/contact", json=WHO | changes)
    assert answer.status_code == status
    assert answer.json()["type"].startswith("urn:accord:error:")
    assert "no address" not in answer.text
