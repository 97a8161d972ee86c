"""`accord reach`, against a node in this process, and without one."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from party_node.local_client import LocalClient
from protocols.codec import encode
from protocols.dp.reach.sketch import ReachSketch, Topic, read
from tests.support.running_node import MEASUREMENT, Pair, running_pair
from tests.support.seeded import seeded

with warnings.catch_warnings():
    # typer 0.20 uses names that click 8.5 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from party_node.cli import main as cli

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("reach-commands")
    with capture_logs(), running_pair(folder) as made, pytest.MonkeyPatch.context() as patch:
        node = made.shop
        node.add_people("reached")
        node.say(purpose=MEASUREMENT, recipient="self")
        transport = node.stranger._transport
        client = LocalClient(f"http://{node.running.party}.test", node.running.token, transport)
        patch.setattr(LocalClient, "of", lambda _home: client)
        yield made


def sketch(pair: Pair, out: Path, *words: str, epsilon: str = "0.3") -> int:
    return cli.run(
        ["reach", "sketch", "--dataset", "reached", "--purpose", MEASUREMENT, "--period", "2026-11",
         "--campaign", "spring", "--epsilon", epsilon, "--exponent", "12", "--out", str(out),
         "--home", str(pair.shop.services.home.path), *words]
    )  # fmt: skip


def publisher(folder: Path, name: str, people: range, campaign: str = "spring") -> Path:
    """Write the sketch of a publisher that has no node here."""
    topic = Topic(campaign, "2026-11", "email", 1, 14)
    crowd = np.frombuffer(seeded("crowd")(32 * 9000), np.uint8).reshape(-1, 32)
    made = ReachSketch.make(name, topic, 3000, crowd[people.start : people.stop], seeded(name))
    path = folder / f"{name}-{campaign}.sketch"
    path.write_bytes(encode(made))
    return path


def test_a_sketch_is_a_new_file_and_given_again_free(
    pair: Pair, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first, second = tmp_path / "first.sketch", tmp_path / "second.sketch"
    assert sketch(pair, first) == 0
    told = capsys.readouterr().out
    assert "4,096 buckets, epsilon 0.3 for each person" in told
    assert "cost: rho 0.044665511; for everybody" in told
    assert "own people: 1 of 3 permitted" in told
    assert read(first.read_bytes()).party == "shop"
    assert sketch(pair, second, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["again"], found["cost"]["rho"]) == (True, "0")
    assert "sketch" not in found
    assert second.read_bytes() == first.read_bytes()
    assert sketch(pair, first) == 2
    assert "is there already" in capsys.readouterr().err
    assert cli.run(["reach", "estimate", str(first)]) == 0
    assert "reached by any" in capsys.readouterr().out


@pytest.mark.parametrize("epsilon", ["0.1234", "1e-1", "-1", "much", ""])
def test_an_epsilon_that_is_no_decimal_is_a_usage_error(
    pair: Pair, capsys: pytest.CaptureFixture[str], tmp_path: Path, epsilon: str
) -> None:
    assert sketch(pair, tmp_path / "no.sketch", epsilon=epsilon) == 2
    assert "--epsilon" in capsys.readouterr().err
    assert not (tmp_path / "no.sketch").exists()


def test_a_dry_run_says_what_it_costs_and_makes_nothing(
    pair: Pair, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert sketch(pair, tmp_path / "dry.sketch", "--dry-run", epsilon="2") == 0
    told = capsys.readouterr().out
    assert "rho 1.523188312 of" in told
    assert "not enough" in told
    assert "4,096 people would be shown ±" in told
    assert "own people: 3 of 3 have an identifier of that type" in told
    assert not (tmp_path / "dry.sketch").exists()
    words = ["--dataset", "reached", "--purpose", MEASUREMENT, "--period", "2026-11"]
    words += ["--campaign", "x", "--epsilon", "0.1"]
    assert cli.run(["reach", "sketch", *words]) == 2
    assert "--out" in capsys.readouterr().err


def test_what_the_budget_does_not_cover_leaves_no_file(
    pair: Pair, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert sketch(pair, tmp_path / "dear.sketch", epsilon="9") == 3
    assert "too little" in capsys.readouterr().err
    assert not (tmp_path / "dear.sketch").exists()


def test_reach_is_estimated_without_a_node(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files = [
        str(publisher(tmp_path, name, people))
        for name, people in [("north", range(4000)), ("south", range(3000, 6000))]
    ]
    assert cli.run(["reach", "estimate", *files, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    true = [6000, 4000, 3000, 3000, 2000, 1000]
    assert [e["parties"] for e in found["estimates"]] == [
        ["north", "south"], ["north"], ["south"], ["north"], ["south"], ["north", "south"],
    ]  # fmt: skip
    for estimate, people in zip(found["estimates"], true, strict=True):
        assert estimate["low"] <= people <= estimate["high"]
        assert estimate["reach"] == pytest.approx(people, abs=300)
    assert cli.run(["reach", "estimate", *files]) == 0
    told = capsys.readouterr().out
    assert "spring, 2026-11, by email\n" in told
    assert "reached only by" in told


def test_what_cannot_be_merged_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    one = publisher(tmp_path, "north", range(100))
    other = publisher(tmp_path, "south", range(100), "autumn")
    assert cli.run(["reach", "estimate", str(one), str(other)]) == 1
    assert "must be the same in all" in capsys.readouterr().err
    assert cli.run(["reach", "estimate", str(one), str(one)]) == 1
    assert "same party" in capsys.readouterr().err
    (tmp_path / "junk").write_bytes(b"junk")
    assert cli.run(["reach", "estimate", str(tmp_path / "junk")]) == 4
    assert "junk" in capsys.readouterr().err
    assert cli.run(["reach", "estimate", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
