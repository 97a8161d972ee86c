"""`accord bench lookalike`, as a user runs it."""

import json
from pathlib import Path

import pytest

from tests.support.network import accord

pytestmark = pytest.mark.e2e


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
    ):
        told = accord("bench", "lookalike", *words)
        assert told.code != 0
        assert told.out == ""
        assert told.err.startswith("accord: error: ")
