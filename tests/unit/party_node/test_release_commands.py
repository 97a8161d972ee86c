"""`accord release` and `accord releases`, against a node in this process."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from party_node.local_client import LocalClient
from tests.support.running_node import MEASUREMENT, Pair, running_pair

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

QUESTION = """\
query: histogram
dataset: customers
columns: {kind: {column: id, categories: [row-0, row-1]}}
by: kind
price: {rho: 0.05}
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("release-commands")
    with capture_logs(), running_pair(folder) as made, pytest.MonkeyPatch.context() as patch:
        node = made.shop
        node.add_people("customers")
        node.say(purpose=MEASUREMENT, recipient="self")
        (folder / "q.yaml").write_text(QUESTION)
        transport = node.stranger._transport
        client = LocalClient(f"http://{node.running.party}.test", node.running.token, transport)
        patch.setattr(LocalClient, "of", lambda _home: client)
        yield made


def accord(pair: Pair, *words: str) -> int:
    return cli.run([*words, "--home", str(pair.shop.services.home.path)])


def release(pair: Pair, *words: str) -> int:
    query = str(pair.shop.folder.parent / "q.yaml")
    return accord(pair, "release", "--query", query, "--purpose", MEASUREMENT, *words)


def test_a_dry_run_says_what_it_costs(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    assert release(pair, "--dry-run") == 0
    told = capsys.readouterr().out
    assert "cost: rho 0.05 of 1 left, enough; 4 cells" in told
    assert "that is epsilon " in told
    assert "5,154 questions left at ±100 people before, 4,896 after" in told


def test_an_answer_is_a_table_and_then_again_as_json_csv_and_chart(
    pair: Pair, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert release(pair) == 0
    told = capsys.readouterr().out
    assert "(missing)" in told
    assert "cost: rho 0.05; for everybody" in told
    assert "own people: 1 of 3 permitted" in told
    assert release(pair, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["cost"]["rho"] == "0"
    name = found["release"]
    chart = tmp_path / "chart.svg"
    assert accord(pair, "releases", "show", name, "--csv", "--chart", str(chart)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "kind,value,low,high,people,hidden"
    assert len([line for line in lines if line]) == 5
    assert chart.read_text(encoding="utf-8").startswith("<svg")
    assert accord(pair, "releases", "show", name, "--chart", str(chart)) == 2
    assert "is there already" in capsys.readouterr().err
    assert accord(pair, "releases", "list") == 0
    assert name[:12] in capsys.readouterr().out


def test_what_cannot_be_asked_says_what_to_do(
    pair: Pair, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    query = tmp_path / "wrong.yaml"
    query.write_text(QUESTION.replace("by:", "bye:"))
    words = ["release", "--query", str(query), "--purpose", MEASUREMENT]
    assert accord(pair, *words) == 1
    error = capsys.readouterr().err
    assert "bye is not a key here" in error
    assert "docs/reference/queries.md" in error
    query.write_text(QUESTION.replace("0.05", "9"))
    assert accord(pair, *words) == 3
    assert "8.05 too little" in capsys.readouterr().err
