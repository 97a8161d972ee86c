"""Contact decisions through the local API: answers, reservations, refusals."""

from pathlib import Path
from typing import Any

import pytest

from consent.preferences import ChannelChoice
from consent.uses import UseRecord
from tests.support.records import preference
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


def bulk(node: Node, status: int = 201, **changes: Any) -> dict[str, Any]:
    body = {"dataset": "customers", "purpose": AUDIENCE, "operation": "activate"} | changes
    answer = node.http.post("/v1/decisions/bulk", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_list_of_row_keys_is_decided_and_recorded(node: Node) -> None:
    node.add_people("customers", 4)
    node.say("given", "e0")
    node.say("given", "e1", email="person1@example.com")
    node.say("withdrawn", "e2", email="person1@example.com")
    found = bulk(node, keys=["row-0", "row-1", "row-2", "no such row"])
    assert (found["asked"], found["keys"]) == (3, ["row-0"])
    assert found["denied"] == {"no-evidence": 1, "withdrawn": 1}
    use = node.services.ledger.entry(found["use_entry"]).record
    assert isinstance(use, UseRecord)
    assert (use.asked, use.allowed, use.operation, use.recipient) == (3, 1, "activate", "self")
    assert bulk(node)["asked"] == 4


def test_a_list_goes_through_files(node: Node, tmp_path: Path) -> None:
    node.add_people("customers", 4)
    node.say("given", "e0")
    wanted, out = tmp_path / "wanted.txt", node.services.home.path / "out" / "permitted.txt"
    wanted.write_text("row-0\nrow-1\n\n", encoding="utf-8")
    found = bulk(node, keys_path=str(wanted), out_file=out.name)
    assert found["out_path"] == str(out)
    assert (found["keys"], found["permitted_keys"]) == (None, 1)
    assert out.read_text(encoding="utf-8") == "row-0\n"
    assert out.stat().st_mode & 0o077 == 0
    uses = node.services.ledger.head()
    refused = bulk(node, 422, keys_path=str(wanted), out_file=out.name)
    assert "exists already" in refused["detail"]
    assert node.services.ledger.head() == uses, "no use is written down for a file that cannot be"
    assert bulk(node, 422, keys_path=str(tmp_path / "nothing"))["type"].endswith("unreadable")


def test_a_choice_of_channel_narrows_a_list(node: Node) -> None:
    node.add_people("customers", 2)
    node.say("given", "e0")
    with node.services.ledger.hold() as head:
        (dense,) = head.projection.subjects
    subject = node.services.identity.subject_ids([dense])[dense]
    now = node.services.ledger.now()
    refusal = ChannelChoice(channel="email", allowed=False)
    node.services.ledger.append([preference(refusal, now, subject_id=subject)])
    assert bulk(node)["keys"] == ["row-0"]
    assert bulk(node, channel="phone")["keys"] == ["row-0"]
    found = bulk(node, channel="email")
    assert (found["keys"], found["denied"]["channel-refused"]) == ([], 1)
