"""Commands that name a job by how it begins, at whichever party they are given."""

import warnings
from pathlib import Path
from typing import Any

import httpx2
import pytest

from party_node.local_client import LocalClient

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
JOB = "0f" * 16


class Listening:
    """A node that has two jobs, no model of its own, and takes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def list(self, path: str) -> list[dict[str, Any]]:
        return {"/v1/jobs": [{"job": JOB}, {"job": "1e" * 16}], "/v1/models": []}[path]

    def post(self, path: str, _body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(path)
        return {"keys": [], "people": 1, "left_out": 0, "scored": 1, "withheld": 0}

    def download(self, path: str, method: str, **query: str) -> bytes:
        self.asked.append(f"{method} {path}")
        self.asked += query.values()
        return b"id,score\n"


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Listening:
    listening = Listening()
    monkeypatch.setattr(LocalClient, "of", lambda _home: listening)
    return listening


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["audience", "export"], f"/v1/audiences/{JOB}/activations"),
        (["model", "audience", "--size", "50"], f"/v1/models/{JOB}/audience"),
        (["model", "scores"], f"POST /v1/models/{JOB}/scores"),
    ],
)
def test_a_job_of_this_node_is_found_by_how_it_begins(
    node: Listening, tmp_path: Path, words: list[str], asked: str
) -> None:
    """Whether it has left a model here the node says, not the command."""
    assert cli.run([*words, JOB[:6], "--home", str(tmp_path)]) == 0
    assert node.asked == [asked]
    assert cli.run([*words, "77", "--home", str(tmp_path)]) == 2


def test_the_dataset_that_is_named_is_the_one_that_is_scored(
    node: Listening, tmp_path: Path
) -> None:
    assert cli.run(["model", "scores", JOB, "--dataset", "later", "--home", str(tmp_path)]) == 0
    assert node.asked == [f"POST /v1/models/{JOB}/scores", "later"]


def test_what_is_asked_by_name_reaches_the_node() -> None:
    seen: list[httpx2.URL] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.url)
        return httpx2.Response(200, content=b"")

    client = LocalClient("http://node.test", "token", httpx2.MockTransport(answer))
    client.download("/v1/scores", method="POST", dataset="a b")
    assert seen[0].params["dataset"] == "a b"
    with pytest.raises(AssertionError, match="by name"):
        client.download("/v1/scores?dataset=a", method="POST")


def test_a_folder_that_is_not_there_is_said_before_consent_is_asked(
    node: Listening, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "nowhere" / "x.csv"), "--home", str(tmp_path)]
    assert cli.run(["model", "scores", JOB, *out]) == 2
    assert f"there is no folder {tmp_path / 'nowhere'}" in capsys.readouterr().err
    assert not node.asked


def test_a_party_without_models_is_told_where_they_are(
    node: Listening, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["model", "list", "--home", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "that of a lookalike is kept by the partner" in said
    assert not node.asked
