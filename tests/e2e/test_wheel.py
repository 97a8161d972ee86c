"""The wheel holds what a user needs, and its commands run in an environment with nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = (
    "party_node/bench/party.py",
    "party_node/console/templates/home.html",
    "party_node/console/templates/model.html",
    "party_node/console/templates/questions.html",
    "party_node/console/static/console.css",
    "party_node/console/static/icon.svg",
    "party_node/demo/data/adult.parquet",
    "party_node/migrations/versions/0001_storage.py",
    "coordinator/migrations/env.py",
    "coordinator/witness_node/migrations/versions/v0001_first.py",
    "protocols/py.typed",
)
COMMANDS = ("accord", "accord-coordinator", "accord-verify", "accord-witness")


def run(*words: str | Path) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.e2e
def test_the_wheel_installs_into_an_empty_environment_and_its_commands_run(tmp_path: Path) -> None:
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    run(sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("accord-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert names.issuperset(NEEDED)
    assert not any(name.startswith(("tests/", "docs/")) for name in names)
    run(sys.executable, "-m", "venv", tmp_path / "env")
    bin_folder = tmp_path / "env" / "bin"
    constraints = ROOT / "constraints.txt"
    run(bin_folder / "python", *pip, "install", "-c", constraints, wheel)
    for command in COMMANDS:
        assert "Usage" in run(bin_folder / command, "--help")
