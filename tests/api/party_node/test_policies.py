"""The operator's policy and notices through the local API."""

import hashlib
import json

import pytest

from consent.defaults import DEFAULT_VOCABULARY
from party_node.policy.writing import write_policy
from tests.support.policies import example
from tests.support.running_node import AUDIENCE, COLLABORATION, Node, Pair

NOTICE = {
    "text": "<script>alert(1)</script>\r\nWe share.",
    "by": "dana",
    "notice_id": "joint",
    "version": 1,
    "language": "en",
    "purposes": [AUDIENCE],
}


def put(node: Node, text: str, **more: object) -> dict[str, object]:
    answer = node.http.put("/v1/policy", json={"text": text, "by": "dana"} | more)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_the_policy_in_force_is_shown_as_a_file_and_as_the_document(node: Node) -> None:
    found = node.http.get("/v1/policy").json()
    assert found["policy_hash"] == DEFAULT_VOCABULARY.digest().hex()
    assert found["document"] == DEFAULT_VOCABULARY.to_payload()
    assert put(node, found["yaml"])["changes"] == []


def test_a_policy_is_looked_at_and_put_in_force_and_counts_at_once(node: Node) -> None:
    node.say("given")
    node.say("given", "event-2", email="person1@example.com")
    text = example()
    told = put(node, text, dry_run=True)
    assert not told["applied"]
    assert told["people"] == {"gain": 0, "lose": 2}
    changes = {c["name"]: c for c in told["changes"]}  # type: ignore[attr-defined]
    assert changes["newsletter"] == {
        "what": "purpose", "name": "newsletter", "change": "added", "details": [],
        "text": "purpose newsletter added", "people": {"gain": 0, "lose": 0},
    }  # fmt: skip
    assert changes[AUDIENCE]["people"] == {"gain": 0, "lose": 2}
    assert node.http.get("/v1/policy").json()["policy_hash"] != told["policy_hash"]
    done = put(node, text)
    assert done["applied"]
    assert node.http.get("/v1/policy").json()["policy_hash"] == done["policy_hash"]
    body = {"email": "person0@example.com", "purpose": AUDIENCE, "operation": "activate"}
    found = node.http.post("/v1/consent/explanations", json=body).json()
    assert found["reason"] == "renewal-required"
    newest, first = node.http.get("/v1/policy/history").json()
    assert (newest["entry"], newest["by"]) == (done["entry"], "person:dana")
    texts = [c["text"] for c in done["changes"]]  # type: ignore[attr-defined]
    assert [c["text"] for c in newest["changes"]] == texts
    assert first["changes"] == []
    earlier = node.http.get("/v1/policy", params={"policy_hash": first["policy_hash"]}).json()
    assert earlier["document"] == DEFAULT_VOCABULARY.to_payload()
    assert node.http.get("/v1/policy", params={"policy_hash": "0" * 64}).status_code == 404


def test_a_policy_with_faults_is_refused_with_their_places(node: Node) -> None:
    text = "purposes:\n  a: {title: A, version: x}\n"
    answer = node.http.put("/v1/policy", json={"text": text, "by": "dana"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:accord:error:invalid-policy")
    assert answer.json()["detail"].startswith("line 2: purposes.a.version: write a whole number")
    assert "policy.md" in answer.json()["hint"]


def test_a_purpose_of_an_agreement_cannot_go_while_people_agree_to_it(pair: Pair) -> None:
    assert pair.shop.say("given", recipient="paper").status_code == 201
    body = {"text": "purposes: {other: {title: O}}", "by": "dana", "dry_run": True}
    answer = pair.shop.http.put("/v1/policy", json=body)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:accord:error:purpose-in-use")
    assert "spring version 1" in answer.json()["detail"]


def test_a_collaboration_may_be_about_a_purpose_of_the_operators_own(node: Node) -> None:
    text = COLLABORATION.replace("purpose: joint-audience", "purpose: newsletter")
    before = node.http.post("/v1/collaborations", json={"text": text})
    assert "newsletter is not in the vocabulary" in before.json()["detail"]
    own = write_policy(DEFAULT_VOCABULARY).replace("joint-audience", "newsletter")
    put(node, own)
    after = node.http.post("/v1/collaborations", json={"text": text})
    assert after.status_code == 201, after.text


def test_a_notice_is_published_listed_and_served_as_plain_text_only(node: Node) -> None:
    made = node.http.post("/v1/notices", json=NOTICE)
    assert made.status_code == 201, made.text
    digest = hashlib.sha256(str(NOTICE["text"]).encode()).hexdigest()
    assert (made.json()["notice_hash"], made.json()["repeated"]) == (digest, False)
    again = node.http.post("/v1/notices", json=NOTICE).json()
    assert (again["repeated"], again["entry"]) == (True, made.json()["entry"])
    (listed,) = node.http.get("/v1/notices").json()
    assert listed == {k: v for k, v in made.json().items() if k != "repeated"}
    shown = node.http.get(f"/v1/notices/{digest}")
    assert shown.content == str(NOTICE["text"]).encode()
    assert shown.headers["content-type"] == "text/plain; charset=utf-8"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in shown.headers["content-security-policy"]


def test_another_text_and_another_detail_are_conflicts(node: Node) -> None:
    assert node.http.post("/v1/notices", json=NOTICE).status_code == 201
    for changes in ({"text": "other"}, {"rights_url": "https://x.example"}):
        answer = node.http.post("/v1/notices", json=NOTICE | changes)
        assert answer.status_code == 409
        assert answer.json()["type"].endswith(":notice-conflict")
    assert node.http.get("/v1/notices/" + "0" * 64).status_code == 404


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purposes": ["peace"]}, "unknown-purpose"),
        ({"purposes": []}, "malformed-request"),
        ({"language": "english please"}, "malformed-request"),
        ({"jurisdiction": "EU"}, "notice-refused"),
        ({"replaces_current": True}, "notice-refused"),
        ({"colour": "red"}, "malformed-request"),
        ({"by": ""}, "malformed-request"),
    ],
)
def test_a_notice_that_cannot_be_published_is_a_problem(
    node: Node, changes: dict[str, object], code: str
) -> None:
    answer = node.http.post("/v1/notices", json=NOTICE | changes)
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == f"urn:accord:error:{code}"
    assert node.http.get("/v1/notices").json() == []


def test_a_text_that_is_no_text_is_refused(node: Node) -> None:
    body = json.dumps(NOTICE | {"text": "\ud800"})
    headers = {"Content-Type": "application/json"}
    answer = node.http.post("/v1/notices", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":malformed-request")
