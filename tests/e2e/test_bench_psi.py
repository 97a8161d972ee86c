"""`accord bench psi`, as a user runs it; and estimates beside what happens."""

import json
import tempfile
from pathlib import Path

import pytest

from party_node import costs
from party_node.bench.asking import read
from party_node.bench.psi import measure
from party_node.bench.setting_up import params_for
from party_node.costs import Sizes, speed_of
from party_node.demo import bench
from party_node.demo.telling import Teller
from party_node.preflight import likely
from protocols.disclosure import coarse
from protocols.session import Role
from tests.support.network import accord, accord_here

pytestmark = pytest.mark.e2e

FACTOR = 1.5
LARGE = 100_000


@pytest.mark.parametrize("protocol", ["psi-dh", pytest.param("psi-ot", marks=pytest.mark.slow)])
def test_both_ways_are_exact_and_cost_what_is_said(tmp_path: Path, protocol: str) -> None:
    kept = tmp_path / "kept"
    words = ("--sizes", "300x200", "--protocol", protocol, "--through", "both")
    words = (*words, "--keep", str(kept), "--json")
    told = accord("bench", "psi", *words)
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert found["protocol"] == f"{protocol}-members/1"
    assert found["exact"] is True
    assert set(found["ways"]) == {"relay", "direct"}
    for name, way in found["ways"].items():
        assert (way["matched"], way["exact"]) == (80, True)
        assert way["wall_seconds"] > 0
        assert min(way["cpu_seconds"].values()) > 0
        assert min(way["peak_mib"].values()) > 0
        assert set(way["cpu_seconds"]) == {"receiver", "sender"} | (
            {"coordinator"} if name == "relay" else set()
        )
    moved = [sum(way["bytes"].values()) for way in found["ways"].values()]
    assert moved[0] == pytest.approx(moved[1], rel=0.01)
    asked = read("300x200", protocol, "both", 0.4)
    sizes = Sizes(300, 200, Role.INITIATOR)
    expected = costs.cost(asked.protocol, sizes, params_for(asked), speed_of("auto")).traffic_bytes
    assert moved[0] / FACTOR < expected < moved[0] * FACTOR
    assert sorted(folder.name for folder in (kept / "receiver" / "runs").iterdir()) == []


@pytest.mark.slow  # beside the way above, and prepared sets in simulations
def test_a_kept_set_is_prepared_once_and_then_only_asked(tmp_path: Path) -> None:
    found = measure(tmp_path, read("300x5000", "psi-dh-prepared", "relay", 0.4))
    first, later = found["first"], found["ways"]["relay"]
    assert found["exact"] is True
    assert first["matched"] == later["matched"] == 120
    assert first["bytes"]["from_sender"] > 5000 * 12
    assert later["bytes"]["from_sender"] < first["bytes"]["from_sender"] - 5000 * 10


def test_what_cannot_be_measured_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for words in (
        ("--sizes", "ten"),
        ("--sizes", "10x10", "--protocol", "psi-magic"),
        ("--sizes", "10x10", "--keep", str(tmp_path)),
    ):
        told = accord_here("bench", "psi", *words)
        assert told.code == 1
        assert told.out == ""
        first, hint = told.err.splitlines()
        assert first.startswith("accord: error: ")
        assert hint.startswith("accord: hint: ")


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["psi-dh", "psi-ot"])
def test_the_protocol_costs_what_was_estimated(protocol: str) -> None:
    """CPU-seconds and bytes of each side at 100,000 × 100,000, beside the model."""
    asked = read(f"{LARGE}x{LARGE}", protocol, "relay", 0.4)
    with tempfile.TemporaryDirectory() as folder:
        way = measure(Path(folder), asked)["ways"]["relay"]
    assert way["exact"]
    for role, party in ((Role.INITIATOR, "receiver"), (Role.RESPONDER, "sender")):
        sizes = Sizes(LARGE, LARGE, role)
        expected = costs.cost(asked.protocol, sizes, params_for(asked), speed_of("auto"))
        cpu, moved = way["cpu_seconds"][party], sum(way["bytes"].values())
        assert cpu / FACTOR < expected.cpu_seconds < cpu * FACTOR
        assert moved / FACTOR < expected.traffic_bytes < moved * FACTOR


@pytest.mark.slow
def test_a_job_takes_the_time_and_memory_that_were_estimated(tmp_path: Path) -> None:
    """A whole job between two nodes.

    Time is compared through CPU-seconds: the machine has both nodes, and maybe others.
    """
    found = bench.measure(tmp_path, LARGE, "auto", Teller(to_stderr=True))
    speed = speed_of("auto")
    asked = read(f"{LARGE}x{LARGE}", "psi-dh-cardinality/2", "relay", 0.4)
    for role, party in ((Role.INITIATOR, "brand"), (Role.RESPONDER, "publisher")):
        sizes = Sizes(LARGE, LARGE, role)
        takes = costs.estimate(asked.protocol, sizes, params_for(asked), speed, LARGE)
        spent = found["cpu_seconds"][party] / speed.cores + costs.JOB_SECONDS
        assert spent / FACTOR < takes.seconds < spent * FACTOR
        peak = found["peak_mib"][party]
        assert peak / FACTOR < takes.memory_mib < peak * FACTOR
    assert LARGE / FACTOR < likely(coarse(LARGE)) < LARGE * FACTOR
