"""The trust policy through the local API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from party_node.ledger import trust_policy
from tests.support.running_node import Node
from tests.support.witness import WitnessWorld, reached_by_nodes, running_witness

BOTH = "group both all coordinator auditor\nquorum both\n"


@pytest.fixture
def auditor(tmp_path: Path, node: Node) -> Iterator[WitnessWorld]:
    """An auditor's witness that nodes can reach, and that knows the shop's ledger."""
    name = "auditor.example/w"
    with (
        running_witness(tmp_path / "auditor", name=name, key_type="ml-dsa-44") as world,
        reached_by_nodes(auditor=world),
    ):
        world.trust(node.services.ledger.vkey)
        yield world
        node.services.witnessing.close()


def text(node: Node, auditor: WitnessWorld, rules: str = BOTH) -> str:
    line = f"witness auditor {auditor.verifier.vkey} https://auditor.example/w\n"
    before = str(node.http.get("/v1/ledger/policy").json()["text"])
    return before.replace("quorum coordinator\n", line + rules)


def test_enrolment_begins_with_the_coordinator_alone(node: Node) -> None:
    found = node.http.get("/v1/ledger/policy").json()
    home = node.services.home
    assert found["text"] == (home.path / trust_policy.FILE).read_text()
    assert found["text"].splitlines() == [
        f"log {node.services.ledger.vkey}",
        f"witness coordinator {home.settings.witness_vkey}",
        "quorum coordinator",
    ]
    assert (found["quorum"], found["coordinator"]) == ("coordinator", "coordinator")
    (witness,) = found["witnesses"]
    assert (witness["witness"], witness["required"], witness["said"]) == ("coordinator", True, "")


def test_another_policy_is_put_in_force(node: Node, auditor: WitnessWorld) -> None:
    wanted = text(node, auditor)
    answer = node.http.put("/v1/ledger/policy", json={"text": wanted})
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"] == wanted
    assert {w["witness"]: w["said"] for w in answer.json()["witnesses"]} == {
        "coordinator": "cosigned",
        "auditor": "cosigned",
    }
    published = node.http.get("/v1/ledger").json()["published"]
    assert published["cosigned_by"] == ["auditor", "coordinator"]
    assert node.driver.woken == 1, "a job may have waited for this"
    assert (node.services.home.path / trust_policy.FILE).read_text() == wanted


def test_a_policy_that_cannot_be_used_is_refused_with_the_reason(
    node: Node, auditor: WitnessWorld
) -> None:
    for rules, why in (
        ("quorum auditor\n", "without coordinator"),
        ("quorum nobody\n", "cannot be read"),
    ):
        answer = node.http.put("/v1/ledger/policy", json={"text": text(node, auditor, rules)})
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:accord:error:policy-unusable"
        assert why in answer.json()["detail"]
        assert answer.json()["hint"]
    assert node.http.put("/v1/ledger/policy", json={"text": 1}).status_code == 422
    assert node.http.get("/v1/ledger/policy").json()["quorum"] == "coordinator"


def test_an_alarm_is_shown_wherever_one_looks(node: Node, auditor: WitnessWorld) -> None:
    ledger = node.services.ledger
    node.http.put("/v1/ledger/policy", json={"text": text(node, auditor)})
    auditor.database.write(
        lambda s: s.connection().exec_driver_sql("UPDATE witness_heads SET size = 9")
    )
    node.say()
    answer = node.http.get("/v1/ledger/export")
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:accord:error:ledger-inconsistent"
    assert "auditor has seen more entries" in answer.json()["detail"]
    alarmed = {w["witness"]: w["alarm"] for w in node.http.get("/v1/ledger").json()["witnesses"]}
    assert alarmed == {"coordinator": "", "auditor": "ahead"}
    checks = {c["name"]: c["code"] for c in node.http.get("/v1/status").json()["checks"]}
    assert checks["witnesses"] == "ledger-inconsistent"
    assert node.stranger.get("/readyz").status_code == 503
    assert ledger.head()[0] == 2, "what people say is still taken"
    rules = {"text": "\n".join(text(node, auditor).splitlines()[:2]) + "\nquorum coordinator\n"}
    refused = node.http.put("/v1/ledger/policy", json=rules)
    assert refused.json()["type"] == "urn:accord:error:policy-unusable"
    assert "--despite auditor" in refused.json()["hint"]
    node.http.put("/v1/ledger/policy", json=rules | {"despite": ["auditor"]})
    node.services.clock_ms.advance(seconds=10)  # type: ignore[attr-defined]
    assert node.stranger.get("/readyz").status_code == 200
    (kept,) = node.http.get("/v1/ledger/policy").json()["alarms"]
    assert (kept["witness_key_name"], kept["kind"]) == ("auditor.example/w", "ahead")
    assert (kept["size"], kept["seen"], kept["answer"]) == (2, 9, "it has seen 9 entries")
    assert kept["note"] == ledger.checkpoint()
