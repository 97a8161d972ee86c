"""What a token reaches of the machine, and what of it is written down."""

import json
import os
from pathlib import Path
from typing import Any

import httpx2
import pytest

from consent.milestones import OperatorAction
from party_node.app import create_app
from tests.support.coordinator import TestClient
from tests.support.node import write_csv
from tests.support.running_node import AUDIENCE, Node

SECRET = "root-5d41402a"
RULE = {"collaboration": "spring", "kind": "overlap", "purpose": AUDIENCE, "max_rho": "0.01"}
HOOK = {"name": "crm", "url": "http://127.0.0.1:9/token-abc", "loopback": True}


@pytest.fixture
def operator(node: Node) -> TestClient:
    """A client with an operator's token."""
    token = node.http.post("/v1/roles", json={"name": "ops", "role": "operator"}).json()["token"]
    with_token = {"Authorization": f"Bearer {token}"}
    return TestClient(create_app(node.running), "http://shop.test", headers=with_token)


def code(answer: httpx2.Response) -> str:
    assert not answer.is_success, answer.text
    return str(answer.json()["type"]).removeprefix("urn:accord:error:")


def actions(node: Node) -> list[OperatorAction]:
    records = [entry.record for entry in node.services.ledger.entries()]
    return [r for r in records if isinstance(r, OperatorAction) and r.action != "role-added"]


def test_an_operator_writes_nowhere_but_in_the_folder_for_it(
    node: Node, operator: TestClient, tmp_path: Path
) -> None:
    """The hostile case: a `.pth` file with code of the caller's choice among the node's modules."""
    node.add_people("customers", 1)
    node.say()
    csv = write_csv(tmp_path / "c.csv", "a,b", "1,2")
    asked = {"dataset": "customers", "purpose": AUDIENCE, "operation": "activate"}
    imported = {"path": str(csv), "source": "crm", "mapping": {}}
    wanted = tmp_path / "site-packages.pth"
    there = {p for p in tmp_path.rglob("*") if p.is_file()}
    for name in (str(wanted), "../x.pth", "..", ".hidden", "a/b", ""):
        answer = operator.post("/v1/decisions/bulk", json=asked | {"out_file": name})
        assert code(answer) == "malformed-request"
        answer = operator.post("/v1/consent/imports", json=imported | {"rejects": name})
        assert code(answer) == "malformed-request"
    answer = operator.post("/v1/decisions/bulk", json=asked | {"out_path": str(wanted)})
    assert code(answer) == "malformed-request"
    out = node.services.home.path / "out"
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == there
    found = operator.post("/v1/decisions/bulk", json=asked | {"out_file": "kept.txt"}).json()
    assert Path(found["out_path"]) == out / "kept.txt"
    assert (out.stat().st_mode & 0o777, (out / "kept.txt").stat().st_mode & 0o777) == (0o700, 0o600)


def test_no_error_shows_what_a_file_says(node: Node, operator: TestClient, tmp_path: Path) -> None:
    """The hostile case: a header line, a mapping's fault, and a list of keys quote a file."""
    path = tmp_path / "shadow.txt"
    path.write_text(f"{SECRET}:x,second\n1,2\n")
    body = {"dataset": "d", "path": str(path), "key_column": "id", "email_column": "mail"}
    answers = [
        operator.post("/v1/datasets", json=body),
        operator.post(
            "/v1/consent/imports",
            json={"path": str(path), "source": "crm", "mapping_path": str(path)},
        ),
        operator.post("/v1/consent/imports", json={"path": str(path), "source": "crm"}),
    ]
    assert [code(answer) for answer in answers] == [
        "missing-column", "invalid-mapping", "import-unreadable",
    ]  # fmt: skip
    assert "2 columns" in answers[0].json()["hint"]
    assert all(SECRET not in answer.text for answer in answers)
    home = node.services.home
    home.save(home.settings.model_copy(update={"data_folders": f"/nowhere, {tmp_path}"}))
    assert SECRET in operator.post("/v1/datasets", json=body).json()["hint"]


def test_a_link_out_of_a_data_folder_shows_nothing(
    node: Node, operator: TestClient, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "hidden.csv").write_text(f"{SECRET},second\n")
    (tmp_path / "data" / "link.csv").symlink_to(tmp_path / "hidden.csv")
    home = node.services.home
    home.save(home.settings.model_copy(update={"data_folders": str(tmp_path / "data")}))
    body = {"dataset": "d", "key_column": "id", "email_column": "mail"}
    for path in (tmp_path / "data" / "link.csv", tmp_path / "data" / ".." / "hidden.csv"):
        answer = operator.post("/v1/datasets", json=body | {"path": str(path)})
        assert code(answer) == "missing-column"
        assert SECRET not in answer.text


def test_what_is_no_regular_file_is_not_opened(
    node: Node, operator: TestClient, tmp_path: Path
) -> None:
    node.add_people("customers", 1)
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    asked = {"dataset": "customers", "purpose": AUDIENCE, "operation": "activate"}
    body = {"dataset": "d", "path": str(pipe), "key_column": "id", "email_column": "mail"}
    imported = {"path": str(pipe), "source": "crm"}
    leaving_out = {"size": 50, "without_path": str(pipe)}
    for path, sent, expected in (
        ("/v1/decisions/bulk", asked | {"keys_path": str(pipe)}, "dataset-unreadable"),
        ("/v1/decisions/bulk", asked | {"keys_path": "/dev/zero"}, "dataset-unreadable"),
        (f"/v1/models/{'0' * 32}/audience", leaving_out, "dataset-unreadable"),
        ("/v1/datasets", body, "dataset-unreadable"),
        ("/v1/consent/imports", imported, "import-unreadable"),
        ("/v1/consent/imports", imported | {"mapping_path": str(pipe)}, "invalid-mapping"),
    ):
        assert code(operator.post(path, json=sent)) == expected


def test_a_rebound_name_reads_nothing(node: Node) -> None:
    """The hostile case: `evil.example` was pointed at this node, and its page reads ours."""
    for path in ("/", "/static/console.css", "/healthz", "/readyz", "/v1/status", "/nowhere"):
        for host in ("evil.example", "evil.example:8400", "shop.test.evil.example", ""):
            answer = node.http.get(path, headers={"Host": host})
            assert (answer.status_code, code(answer)) == (421, "unknown-host"), (path, host)
            assert node.running.party not in answer.text
    for host in ("127.0.0.1:8400", "localhost:8400", "[::1]:8400", "SHOP.test", "192.168.0.7"):
        assert node.http.get("/healthz", headers={"Host": host}).status_code == 200


def test_what_operators_change_is_in_the_ledger(node: Node, operator: TestClient) -> None:
    csv = write_csv(node.folder / "c.csv", "id,email", "row-0,person0@example.com")
    body = {"dataset": "c", "path": str(csv), "key_column": "id", "email_column": "email"}
    changed = {"url": HOOK["url"], "loopback": True, "events": ["subject.erased"]}
    told: list[tuple[str, str, Any, str]] = [
        ("POST", "/v1/datasets", body, "dataset-registered"),
        ("PUT", "/v1/rules/r1", RULE, "rule-put"),
        ("DELETE", "/v1/rules/r1", None, "rule-deleted"),
        ("POST", "/v1/webhooks", HOOK, "webhook-added"),
        ("PUT", "/v1/webhooks/crm", changed, "webhook-changed"),
        ("POST", "/v1/webhooks/crm/pause", None, "webhook-paused"),
        ("POST", "/v1/webhooks/crm/resume", None, "webhook-resumed"),
        ("POST", "/v1/webhooks/crm/rotate", None, "webhook-rotated"),
        ("DELETE", "/v1/webhooks/crm", None, "webhook-deleted"),
        ("GET", "/v1/ledger/export", None, "evidence-exported"),
    ]
    for method, path, sent, _ in told:
        answer = operator.request(method, path, json=sent)
        assert answer.is_success, f"{method} {path}: {answer.text}"
    written = actions(node)
    assert [one.action for one in written] == [action for *_, action in told]
    assert {one.by for one in written} == {"operator:ops"}
    assert "token-abc" not in json.dumps([one.detail for one in written])


def test_what_is_refused_leaves_no_entry(node: Node, operator: TestClient) -> None:
    assert operator.post("/v1/webhooks", json=HOOK).is_success
    size = node.services.ledger.head()
    for method, path, sent in (
        ("POST", "/v1/webhooks", HOOK),
        ("DELETE", "/v1/webhooks/none", None),
        ("PUT", "/v1/webhooks/none", {"url": HOOK["url"]}),
        ("DELETE", "/v1/rules/none", None),
        ("POST", "/v1/datasets", {"dataset": "c", "path": "/nowhere.csv", "key_column": "id",
                                  "email_column": "e"}),
        ("GET", f"/v1/ledger/export?job={'0' * 32}", None),
    ):  # fmt: skip
        assert not operator.request(method, path, json=sent).is_success
    assert node.services.ledger.head() == size


@pytest.mark.parametrize("text", ["ann@x.example", "call 07700 900123", "447700900123"])
def test_what_stands_in_the_ledger_for_ever_names_nobody(node: Node, text: str) -> None:
    node.say("given", "e0")
    node.say("given", "e1", email="person1@example.com")
    node.say("given", "e2", email="person2@example.com")
    merged = {"keep": {"email": "person1@example.com"}, "absorb": {"email": "person2@example.com"}}
    request = {"type": "erase", "channel": "letter", "email": "person0@example.com"}
    asked = node.http.post("/v1/requests", json=request, headers={"Idempotency-Key": "k"}).json()
    node.http.post(f"/v1/requests/{asked['request']}/verify", json={"method": "letter"})
    node.http.post(f"/v1/requests/{asked['request']}/erase")
    size = node.services.ledger.head()
    receipts = {"email": "person1@example.com", "by": text}
    complete = f"/v1/requests/{asked['request']}/complete"
    sent: list[tuple[str, dict[str, Any]]] = [
        ("/v1/persons/merges", merged | {"ground": text}),
        ("/v1/persons/merges", merged | {"ground": "both proven", "by": text}),
        ("/v1/consent/receipts", receipts),
        ("/v1/ledger/entries/1/views", {"by": text}),
    ]
    if text.isdigit():
        sent.append((complete, {"results": [{"system": text, "outcome": "done"}]}))
        sent.append((complete, {"results": [{"system": "crm", "outcome": text}]}))
    for path, body in sent:
        answer = node.http.post(path, json=body)
        assert code(answer) == "identifier-in-text", path
        assert text not in answer.text
    assert node.services.ledger.head() == size


def test_who_erased_is_in_the_ledger(node: Node, operator: TestClient) -> None:
    node.say()
    request = {"type": "erase", "channel": "letter", "email": "person0@example.com"}
    asked = operator.post("/v1/requests", json=request, headers={"Idempotency-Key": "k"}).json()
    path = f"/v1/requests/{asked['request']}"
    operator.post(f"{path}/verify", json={"method": "letter"})
    assert operator.post(f"{path}/erase").is_success
    (said,) = actions(node)
    assert (said.action, said.by) == ("erased", "operator:ops")
    assert said.detail == f"request {asked['request']}"
