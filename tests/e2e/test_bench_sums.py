"""`accord bench sums`, as a user runs it."""

import json
from pathlib import Path

import pytest

from tests.support.network import accord

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("receiver", "entries"),
    [("vectors", "one-hot"), pytest.param("matrix", "dense", marks=pytest.mark.slow)],
)
def test_sums_are_exact_between_two_processes(tmp_path: Path, receiver: str, entries: str) -> None:
    words = ("--rows", "40000", "--columns", "12", "--receiver", receiver, "--entries", entries)
    told = accord("bench", "sums", *words, "--keep", str(tmp_path / "kept"), "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert found["exact"] is True
    assert (found["rows"], found["columns"], found["receiver"]) == (40_000, 12, receiver)
    assert found["protocol"] == "sums-bfv/1"
    assert set(found["cpu_seconds"]) == set(found["peak_mib"]) == {"vectors", "matrix"}
    # Five blocks of 196,672 bytes and a key; at least one reply.
    assert 1_500_000 < found["bytes"]["from_vectors"] < 1_550_000
    assert found["bytes"]["from_matrix"] > 131_072
    assert not list((tmp_path / "kept" / "matrix" / "runs").iterdir())
