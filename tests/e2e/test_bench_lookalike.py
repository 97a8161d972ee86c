"""`accord bench lookalike`, as a user runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from party_node.bench import joint, lookalike_parts
from party_node.bench.lookalike_parts import Part
from party_node.cli.bench import app
from tests.support.bench_figures import documented, figures
from tests.support.network import accord, accord_here

pytestmark = pytest.mark.e2e

CENTRAL = {
    "sizes.N.PEER",
    "sizes.N.PEER_as_it_comes",
    "sizes.N.ratio_to_central",
    "sizes.N.ratio_as_they_come",
    "accuracy.PEER",
    "accuracy.ratio_to_central",
}
"""Where central tree models are installed."""
FITS = ("same_model", "logistic", "trees")


def test_a_file_is_measured(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    lines = [f"{i % 71},{'abc'[i % 3]},{'yes' if i % 71 > 55 else 'no'}" for i in range(3000)]
    people.write_text("\n".join(["age,kind,bought", *lines]))
    words = ("--data", str(people), "--label", "bought", "--seeds", "200", "--repeats", "1")
    told = accord("bench", "lookalike", *words, "--json")
    assert told.code == 0, told.err
    at = json.loads(told.out)["sizes"]["200"]
    assert at["auc"] > 0.9
    assert at["cpu_seconds"] > 0


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    for words in (
        ("--data", str(tmp_path / "absent.csv"), "--label", "y"),
        ("--label", "y"),
        ("--made-up", "other"),
        ("--seeds", "many"),
        ("--seeds", "24", "--repeats", "1"),
        ("--part", "two"),
    ):
        told = accord_here("bench", "lookalike", *words)
        assert told.code != 0
        assert told.out == ""
        assert told.err.startswith("accord: error: ")


def test_both_sides_of_a_joint_run_are_measured_beside_plain_fits(tmp_path: Path) -> None:
    route = joint.ROUTES[1]
    found = joint.speed(tmp_path, 1200, 2, 2, by=(route,))
    at = found["routes"][route]
    assert at["exact"]
    assert all(used > 0 for used in at["cpu_seconds"].values())
    assert at["bytes"]["from_partner"] > 1200 * 4
    assert set(at["over_plain"]) == set(found["plain"]) == {"same_model", "logistic", "trees"}
    times = at["cpu_seconds_both_parties"] / found["plain"]["trees"]["cpu_seconds"]
    assert at["over_plain"]["trees"]["cpu"] == pytest.approx(times, abs=0.1)
    rows = list(joint.speed_words(found))
    assert [row[0] for row in rows] == [route, *(f"plain: {n.replace('_', ' ')}" for n in FITS)]
    assert {len(row) for row in rows} == {8}
    whole = {"speed": found}
    assert lookalike_parts.exact(Part.JOINT, whole)
    at["exact"] = False
    assert not lookalike_parts.exact(Part.JOINT, whole)
    assert figures(whole) <= documented(Part.JOINT)


def test_a_part_is_measured_on_a_file(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    lines = [f"{i % 71},{'abc'[i % 3]},{'yes' if i % 71 > 55 else 'no'}" for i in range(3000)]
    people.write_text("\n".join(["age,kind,bought", *lines]))
    words = ("--part", "federated", "--data", str(people), "--label", "bought", "--repeats", "1")
    told = accord("bench", "lookalike", *words, "--rho", "5", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert figures(found) == documented(Part.FEDERATED)
    assert found["all_stay"]["ratio_to_pooled"] > 0.98
    shown = accord_here("bench", "lookalike", *words, "--rho", "5")
    assert "one drops out" in shown.out


def test_how_good_a_joint_score_is_on_a_file_needs_no_timing(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    lines = [f"{i % 71},{'abc'[i % 3]},{'yes' if i % 71 > 55 else 'no'}" for i in range(3000)]
    people.write_text("\n".join(["age,kind,bought", *lines]))
    words = ("--part", "joint", "--data", str(people), "--label", "bought", "--repeats", "1")
    told = accord_here("bench", "lookalike", *words, "--ours", "kind", "--rows", "0", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert set(found) == {"accuracy"}
    assert found["accuracy"]["own_columns_alone"] < 0.6 < 0.98 < found["accuracy"]["joint"]
    refused = accord_here("bench", "lookalike", *words, "--ours", "kin", "--rows", "0")
    assert refused.code != 0
    assert "kin" in refused.err


@pytest.mark.slow
def test_all_parts_are_measured_in_one_go() -> None:
    words = ("--part", "all", "--made-up", "plain", "--seeds", "100", "--repeats", "1")
    # In this process: a busy machine may take longer over it than a command is waited for.
    told = CliRunner().invoke(app, ["lookalike", *words, "--rows", "2000", "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert list(found) == list(Part)
    for part in Part:
        assert figures(found[part]) == documented(part) - CENTRAL
    assert found["one"]["sizes"]["100"]["auc"] > 0.55
    assert all(at["exact"] for at in found["joint"]["speed"]["routes"].values())
    assert found["joint"]["accuracy"]["ratio_to_logistic"] > 0.97
    assert found["federated"]["all_stay"]["auc"] > 0.6
