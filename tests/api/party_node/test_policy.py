"""The trust policy through the local API."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from consent.milestones import OperatorAction
from party_node.ledger import trust_policy
from party_node.ledger.policy_changes import ACTION
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
    assert ledger.head()[0] == 3, "what people say is still taken"
    shown = ledger.checkpoint()
    rules = {"text": "\n".join(text(node, auditor).splitlines()[:2]) + "\nquorum coordinator\n"}
    refused = node.http.put("/v1/ledger/policy", json=rules)
    assert refused.json()["type"] == "urn:accord:error:policy-unusable"
    assert "--despite auditor" in refused.json()["hint"]
    node.http.put("/v1/ledger/policy", json=rules | {"despite": ["auditor"]})
    node.services.clock_ms.advance(seconds=10)  # type: ignore[attr-defined]
    assert node.stranger.get("/readyz").status_code == 200
    (kept,) = node.http.get("/v1/ledger/policy").json()["alarms"]
    assert (kept["witness_key_name"], kept["kind"]) == ("auditor.example/w", "ahead")
    assert (kept["size"], kept["seen"], kept["answer"]) == (3, 9, "it has seen 9 entries")
    assert kept["note"] == shown


def test_an_operator_alone_does_not_drop_a_witness(node: Node, auditor: WitnessWorld) -> None:
    """The hostile case: a silent witness is dropped by one person, past the two of break-glass."""
    before = str(node.http.get("/v1/ledger/policy").json()["text"])
    both = text(node, auditor)
    tokens = roles(node)
    operator = {"Authorization": f"Bearer {tokens['Accord-Operator-Token']}"}

    def put(wanted: str, headers: dict[str, str]) -> httpx2.Response:
        return node.http.put("/v1/ledger/policy", json={"text": wanted}, headers=headers)

    assert put(both, operator).status_code == 200, "asking for more takes one"
    size = node.services.ledger.head()
    for headers in (
        operator,
        {},  # the administrator's token
        operator | {"Accord-Operator-Token": tokens["Accord-Operator-Token"]},
        dict.fromkeys(tokens, tokens["Accord-Operator-Token"]),
    ):
        for weaker in (before, both.replace(BOTH, "quorum coordinator\n")):
            refused = put(weaker, headers)
            assert refused.status_code == 403
            assert refused.json()["type"] == "urn:accord:error:two-roles-needed"
    assert node.services.ledger.head() == size
    assert put(before, operator | tokens).status_code == 200
    assert [(by, detail.split("; ")[1]) for by, detail in changes(node)] == [
        ("operator:ops", "2 witnesses, 0 left out, not weaker than before"),
        ("operator:ops and compliance:dpo", "1 witnesses, 1 left out, weaker than before"),
    ]


def test_while_a_role_is_empty_the_administrator_suffices_and_no_operator(
    node: Node, auditor: WitnessWorld
) -> None:
    before = str(node.http.get("/v1/ledger/policy").json()["text"])
    token = node.http.post("/v1/roles", json={"name": "ops", "role": "operator"}).json()["token"]
    assert node.http.put("/v1/ledger/policy", json={"text": text(node, auditor)}).is_success
    operator = {"Authorization": f"Bearer {token}"}
    refused = node.http.put("/v1/ledger/policy", json={"text": before}, headers=operator)
    assert refused.status_code == 403
    assert node.http.put("/v1/ledger/policy", json={"text": before}).is_success
    assert [by for by, _ in changes(node)] == ["administrator"] * 2


def roles(node: Node) -> dict[str, str]:
    """Put somebody in each role; return the headers that show their tokens."""
    return {
        header: node.http.post("/v1/roles", json={"name": name, "role": role}).json()["token"]
        for header, name, role in (
            ("Accord-Operator-Token", "ops", "operator"),
            ("Accord-Compliance-Token", "dpo", "compliance"),
        )
    }


def changes(node: Node) -> list[tuple[str, str]]:
    """Return by whom the policy was changed, and in which words."""
    records = [entry.record for entry in node.services.ledger.entries()]
    return [
        (record.by, record.detail or "")
        for record in records
        if isinstance(record, OperatorAction) and record.action == ACTION
    ]
