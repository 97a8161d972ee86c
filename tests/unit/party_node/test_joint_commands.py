"""`accord job joint`: a question from a file, or one that names an earlier job."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from party_node.local_client import LocalClient

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
JOB = "0f" * 16


class Listening:
    """A node that takes down what it is asked and refuses nothing."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def list(self, path: str) -> list[dict[str, Any]]:
        assert path == "/v1/jobs"
        return [{"job": JOB}, {"job": "1e" * 16}]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body)
        return {"path": path, "preflight": {"refusal": ""}}


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Listening:
    listening = Listening()
    monkeypatch.setattr(LocalClient, "of", lambda _home: listening)
    return listening


def joint(tmp_path: Path, *words: str) -> int:
    home = ["--home", str(tmp_path), "--dry-run", "--json"]
    return cli.run(["job", "joint", "spring", *words, *home])


def test_an_earlier_job_is_a_question_at_its_price_or_another(
    node: Listening, tmp_path: Path
) -> None:
    assert joint(tmp_path, "--by", JOB) == 0
    assert joint(tmp_path, "--by", JOB, "--rho", "0.02") == 0
    first, second = (json.loads(body["question"]) for body in node.asked)
    assert first == {"by_job": JOB}
    assert second == {"by_job": JOB, "price": {"rho": "0.02"}}
    assert node.asked[0]["kind"] == "joint"


def test_an_earlier_job_may_be_named_by_how_it_begins(node: Listening, tmp_path: Path) -> None:
    assert joint(tmp_path, "--by", JOB[:6]) == 0
    assert json.loads(node.asked[0]["question"]) == {"by_job": JOB}
    assert joint(tmp_path, "--by", "77") == 2


def test_a_route_is_not_for_scores_by_an_earlier_model(
    node: Listening, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert joint(tmp_path, "--by", JOB, "--route", "cot") == 2
    assert "leave --route out" in capsys.readouterr().err
    assert not node.asked


def test_a_file_says_it_all(node: Listening, tmp_path: Path) -> None:
    file = tmp_path / "again.yaml"
    file.write_text(f"by_job: {JOB}\n")
    assert joint(tmp_path, "--query", str(file)) == 0
    assert node.asked[0]["question"] == f"by_job: {JOB}\n"


@pytest.mark.parametrize(
    "words", [(), ("--rho", "1"), ("--query", "q", "--by", JOB), ("--query", "q", "--rho", "1")]
)
def test_one_of_the_two_is_given(
    node: Listening, tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert joint(tmp_path, *words) == 2
    assert "--by" in capsys.readouterr().err
    assert not node.asked


def test_a_question_that_is_no_text_or_nothing_is_told_by_its_file(
    node: Listening, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "question.yaml"
    for wrong, says in ((b"\xff\xfe\x00", "no text in UTF-8"), (b" \n", "the file is empty")):
        file.write_bytes(wrong)
        assert joint(tmp_path, "--query", str(file)) == 2
        assert f"{file}: " in (said := capsys.readouterr().err)
        assert says in said
    assert not node.asked
