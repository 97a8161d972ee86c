"""What the sizing page is made of: a run of both sides, and costs of stages, on few items."""

import pytest

from benchmarks import whole_run, workers
from protocols.errors import InvalidParameter


@pytest.mark.parametrize("way", ["threads", "processes"])
def test_a_whole_run_is_exact_and_has_the_bytes_of_the_page(way):
    found = whole_run.measure("psi-dh-members/1", 4_000, "auto", way)
    assert found["bytes an item"] == pytest.approx(76, abs=1)
    assert found["wall microseconds an item"] > 0


def test_a_protocol_that_is_not_there_is_refused():
    with pytest.raises(InvalidParameter):
        whole_run.measure("psi-dh-members/9", 10, "auto", "threads")


def test_every_stage_is_measured():
    found = workers.measure(2_048, ["threads"])
    assert set(found["pynacl by threads"]) == {"multiply", "hash", "hash strictly"}
    assert {"check points", "seal", "open", "join"} == set(found["the rest"])
    assert found["pynacl by threads"]["multiply"]["cpu"] > found["the rest"]["join"]["cpu"]
