"""`accord demo`, as a newcomer runs it."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.network import Said, accord, accord_here, typed

pytestmark = pytest.mark.e2e

ROWS = 3_000
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "demo.md"


def test_the_demo_does_what_its_reference_says(tmp_path: Path) -> None:
    """One run, looked at from all sides: it is the longest of the fast tests."""
    folder = tmp_path / "kept"
    told = accord("demo", "--json", "--rows", str(ROWS), "--keep", str(folder))
    assert told.code == 0, told.err
    assert told.out.endswith("}\n")
    report = json.loads(told.out)
    assert isinstance(report, dict)
    every_field_is_documented_and_every_documented_field_is_there(report)
    all_answers_agree_with_the_plain_computation(report)
    what_is_told_goes_to_stderr(told, report)
    the_three_folders_are_kept(folder)
    no_process_is_left_behind(told)
    the_evidence_that_is_kept_stands_by_itself(folder)


def documented() -> set[str]:
    """Return the fields that the reference lists: in the first column of its last table."""
    table = DOCUMENT.read_text(encoding="utf-8").split("## The JSON object", 1)[1]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}


def every_field_is_documented_and_every_documented_field_is_there(
    report: dict[str, Any],
) -> None:
    assert set(report) == documented()


def all_answers_agree_with_the_plain_computation(report: dict[str, Any]) -> None:
    checks = report["checks"]
    assert len(checks) >= 15
    assert [c["name"] for c in checks if not c["right"]] == []
    assert report["agrees"] is True
    assert report["people"] == ROWS
    assert report["audience"]["people"] == report["audience"]["plain"] > 0
    assert report["audience_again"]["people"] == report["audience"]["people"] - 1


def what_is_told_goes_to_stderr(told: Said, report: dict[str, Any]) -> None:
    agreeing = told.err.count("agrees: ")
    assert agreeing > 0
    assert "DIFFERS" not in told.err
    assert report["overlap"]["results"]["brand"]["size"]["text"] in told.err


def the_three_folders_are_kept(folder: Path) -> None:
    for name, file in (
        ("coordinator", "coordinator.db"),
        ("brand", "node.db"),
        ("publisher", "node.db"),
    ):
        assert (folder / name / file).stat().st_size > 0
        assert (folder / name).stat().st_mode & 0o077 == 0


def no_process_is_left_behind(told: Said) -> None:
    found = re.findall(r"process (\d+)", told.err)
    assert len(found) == 3
    assert not [pid for pid in found if Path(f"/proc/{pid}").exists()]


def the_evidence_that_is_kept_stands_by_itself(folder: Path) -> None:
    """What verifies, verifies; with one bit changed in any file of the bundle it does not."""
    bundle = folder / "publisher-evidence.zip"
    good = verified(bundle)
    assert good.code == 0, good.out
    assert json.loads(good.out)["passed"] is True
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    victims = [
        name
        for name in files
        if name.startswith("runs/") or name.endswith((".leaf", "checkpoint.txt"))
    ]
    for victim in (victims[0], victims[len(victims) // 2], victims[-1]):
        broken = folder / "broken.zip"
        with zipfile.ZipFile(broken, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, flipped(data) if name == victim else data)
        assert verified(broken).code == 1, victim


def test_a_folder_that_is_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    refuses(accord("demo", "--json", "--rows", str(ROWS), "--keep", str(tmp_path)), "not empty")


def test_too_few_people_are_refused() -> None:
    refuses(accord_here("demo", "--json", "--rows", "20"), "at least")


def refuses(said: Said, why: str) -> None:
    """Require that it ends with a line that says what is wrong, and one that says what to do."""
    assert said.code in (1, 2)
    assert said.out == ""
    assert "Traceback" not in said.err
    first, second = said.lines()[-2:]
    assert first.startswith("accord: error: ")
    assert why in first
    assert second.startswith("accord: hint: ")


def flipped(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


def verified(bundle: Path) -> Said:
    return typed("party_node.evidence.verifier", str(bundle), "--json")
