"""`accord demo`, as a newcomer runs it."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.network import Said, accord, typed

pytestmark = pytest.mark.e2e

ROWS = 3_000
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "demo.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "kept"


@pytest.fixture(scope="module")
def told(folder: Path) -> Said:
    return accord("demo", "--json", "--rows", str(ROWS), "--keep", str(folder))


@pytest.fixture(scope="module")
def report(told: Said) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told.out)
    return found


def documented() -> set[str]:
    """Return the fields that the reference lists: in the first column of its last table."""
    table = DOCUMENT.read_text(encoding="utf-8").split("## The JSON object", 1)[1]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}


def test_the_demo_ends_well_and_prints_one_object(told: Said, report: dict[str, Any]) -> None:
    assert told.code == 0, told.err
    assert isinstance(report, dict)
    assert told.out.endswith("}\n")


def test_every_field_is_documented_and_every_documented_field_is_there(
    report: dict[str, Any],
) -> None:
    assert set(report) == documented()


def test_all_answers_agree_with_the_plain_computation(report: dict[str, Any]) -> None:
    checks = report["checks"]
    assert len(checks) >= 15
    assert [c["name"] for c in checks if not c["right"]] == []
    assert report["agrees"] is True
    assert report["people"] == ROWS
    assert report["audience"]["people"] == report["audience"]["plain"] > 0
    assert report["audience_again"]["people"] == report["audience"]["people"] - 1


def test_what_is_told_goes_to_stderr(told: Said, report: dict[str, Any]) -> None:
    agreeing = told.err.count("agrees: ")
    assert agreeing > 0
    assert "DIFFERS" not in told.err
    assert report["overlap"]["results"]["brand"]["size"]["text"] in told.err


def test_the_three_folders_are_kept(told: Said, folder: Path) -> None:
    assert told.code == 0
    for name, file in (
        ("coordinator", "coordinator.db"),
        ("brand", "node.db"),
        ("publisher", "node.db"),
    ):
        assert (folder / name / file).stat().st_size > 0
        assert (folder / name).stat().st_mode & 0o077 == 0


def test_no_process_is_left_behind(told: Said, report: dict[str, Any]) -> None:
    found = re.findall(r"process (\d+)", told.err)
    assert len(found) == 3
    assert not [pid for pid in found if Path(f"/proc/{pid}").exists()]


def test_the_evidence_that_is_kept_stands_by_itself(folder: Path, told: Said) -> None:
    """What verifies, verifies; with one bit changed in any file of the bundle it does not."""
    assert told.code == 0
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


def test_a_folder_that_is_in_use_is_refused(folder: Path, told: Said) -> None:
    assert told.code == 0
    refuses(accord("demo", "--json", "--rows", str(ROWS), "--keep", str(folder)), "not empty")


def test_too_few_people_are_refused() -> None:
    refuses(accord("demo", "--json", "--rows", "20"), "at least")


def refuses(said: Said, why: str) -> None:
    """Require one line that says what is wrong, one that says what to do, and nothing else."""
    assert said.code in (1, 2)
    assert said.out == ""
    first, second = said.lines()
    assert first.startswith("accord: error: ")
    assert why in first
    assert second.startswith("accord: hint: ")


def flipped(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]


def verified(bundle: Path) -> Said:
    return typed("party_node.verifier", str(bundle), "--json")
