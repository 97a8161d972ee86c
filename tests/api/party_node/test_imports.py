"""Importing consent files through the local API: at once or followed, by each kind of mapping."""

from pathlib import Path
from typing import Any

import pytest

from party_node.capture import file_import
from tests.support.node import write_csv
from tests.support.running_node import AUDIENCE, Node

AT = "2026-01-01T00:00:00Z"
MAPPING = """\
columns: {source_event_id: key, email: mail, state: said, event_time: at}
constants: {purpose: joint-audience}
values: {state: {words: {"Y": given, "": skip}}}
"""


@pytest.fixture
def body(tmp_path: Path) -> dict[str, Any]:
    """A file in other words, without a mapping."""
    path = write_csv(
        tmp_path / "consents.csv",
        "key,mail,said,at",
        f"e1,a@x.example,Y,{AT}",
        f"e2,b@x.example,,{AT}",
        f"e3,hidden@x.example,N,{AT}",
    )
    return {"path": str(path), "source": "crm"}


def followed(node: Node, body: dict[str, Any]) -> dict[str, Any]:
    """Start an import and wait for its end."""
    started = node.http.post("/v1/consent/imports", json=body | {"wait": False})
    assert started.status_code == 202, started.text
    found: dict[str, Any] = started.json()
    while found["state"] == "running":
        where = f"/v1/consent/imports/{found['import']}?wait=25&known={found['rows']}"
        found = node.http.get(where).json()
    return found


def test_a_file_is_imported_once(node: Node, tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "consents.csv",
        "key,email,purpose,state,event_time,jurisdiction",
        f"e1,a@example.com,{AUDIENCE},given,{AT},GB",
        f"e2,b@example.com,{AUDIENCE},perhaps,{AT},GB",
    )
    body = {"path": str(path), "source": "crm", "mapping": {"source_event_id": "key"}}
    first = node.http.post("/v1/consent/imports", json=body).json()
    assert (first["accepted"], first["repeated"], first["refused"]) == (1, 0, 1)
    assert first["refused_rows"] == [{"line": 3, "reason": "unknown-state", "event": ""}]
    assert (first["rows"], first["for_both"], first["skipped"]) == (2, 0, 0)
    assert first["reasons"] == {"unknown-state": 1}
    assert first["checkpoint"]
    again = node.http.post("/v1/consent/imports", json=body).json()
    assert (again["accepted"], again["repeated"]) == (0, 1)


@pytest.mark.parametrize("by_path", [True, False])
def test_a_mapping_is_named_or_sent(
    node: Node, body: dict[str, Any], tmp_path: Path, by_path: bool
) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING)
    body |= {"mapping_path": str(tmp_path / "m.yaml")} if by_path else {"mapping_text": MAPPING}
    found = node.http.post("/v1/consent/imports", json=body).json()
    assert (found["accepted"], found["skipped"], found["refused"]) == (1, 1, 1)
    assert found["skipped_rows"] == [{"line": 3, "reason": "skipped", "event": ""}]
    assert found["reasons"] == {"unmapped-value": 1}


def test_a_dry_run_and_a_list_of_rejects(node: Node, body: dict[str, Any]) -> None:
    rejects = node.services.home.path / "out" / "rejects.csv"
    asked = {"mapping_text": MAPPING, "dry_run": True, "rejects": "rejects.csv"}
    before = node.services.ledger.head()
    found = node.http.post("/v1/consent/imports", json=body | asked)
    assert found.json()["dry_run"]
    assert (found.json()["accepted"], found.json()["checkpoint"]) == (1, None)
    assert node.services.ledger.head() == before
    assert found.json()["rejects_path"] == str(rejects)
    assert rejects.read_text() == "line,event,reason\n4,,unmapped-value\n"
    assert "hidden" not in found.text
    again = node.http.post("/v1/consent/imports", json=body | asked)
    assert again.json()["type"].endswith(":output-refused")


def test_an_import_is_followed(node: Node, body: dict[str, Any]) -> None:
    found = followed(node, body | {"mapping_text": MAPPING})
    assert (found["state"], found["rows"], found["problem"]) == ("completed", 3, None)
    assert (found["report"]["accepted"], found["report"]["skipped"]) == (1, 1)
    assert found["report"]["checkpoint"]


def test_a_failure_is_told_to_who_follows(node: Node) -> None:
    found = followed(node, {"path": "/nowhere.csv", "source": "crm"})
    assert (found["state"], found["report"]) == ("failed", None)
    assert found["problem"]["type"] == "urn:accord:error:import-unreadable"
    assert found["problem"]["hint"]


def test_what_nobody_foresaw_is_told_without_its_words(
    node: Node, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("hidden@x.example")

    monkeypatch.setattr(file_import.Batch, "from_json", fail)
    monkeypatch.setattr("party_node.capture.reading.Reading.batches", fail)
    found = followed(node, body | {"mapping_text": MAPPING})
    assert found["problem"]["type"] == "urn:accord:error:internal"
    assert "hidden" not in str(found)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mapping_text": "columns: 7"}, "invalid-mapping"),
        ({"mapping_path": "/nowhere.yaml"}, "invalid-mapping"),
        ({"mapping": {"colour": "x"}}, "missing-column"),
        ({"mapping": {}, "mapping_text": MAPPING}, "malformed-request"),
        ({"colour": "red"}, "malformed-request"),
        ({"source": "The CRM"}, "malformed-request"),
        ({}, "missing-column"),
    ],
)
def test_what_cannot_be_imported_is_a_problem(
    node: Node, body: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    answer = node.http.post("/v1/consent/imports", json=body | changes)
    assert answer.status_code == 422
    assert answer.json()["type"] == f"urn:accord:error:{code}"
    assert "x.example" not in answer.text


def test_an_import_that_is_not_known(node: Node) -> None:
    assert node.http.get(f"/v1/consent/imports/{'0' * 32}").status_code == 404
    assert node.http.get("/v1/consent/imports/x").status_code == 422
