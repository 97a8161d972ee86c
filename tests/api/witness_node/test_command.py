"""The command `accord-witness`: what it prints, where it stores, and how it fails."""

import json
import stat
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from consent.checkpoint import open_checkpoint
from consent.policy import parse_policy

with warnings.catch_warnings():
    # typer 0.20 imports a name that click 8.5 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    from coordinator.witness_node import cli
from coordinator.witness_node import home, settings
from tests.support.witness import ORIGIN, GrowingLedger, running_witness


class Run(NamedTuple):
    code: object
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, patch

    def __call__(self, *arguments: object) -> Run:
        self.monkeypatch.setattr(sys, "argv", ["accord-witness", *map(str, arguments)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Run(ended.value.code, *self.capsys.readouterr())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Command:
    monkeypatch.setenv("ACCORD_WITNESS_HOME", str(folder))
    # Or the log would go to this test's stderr for good.
    monkeypatch.setattr(cli.observability, "configure", lambda _settings: None)
    return Command(capsys, monkeypatch)


INIT = ("init", "--name", "witness.example/w1", "--url", "https://witness.example/w1")


def test_init_makes_a_home_for_its_owner_alone(run: Command, folder: Path) -> None:
    done = run(*INIT)
    assert done.code == 0, done.err
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {f.name: stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir()}
    assert files == dict.fromkeys(["witness.json", "witness.db", "witness.key"], 0o600)
    assert run(*INIT)[:2] == done[:2], "repeating it changes nothing"
    stored = json.loads((folder / "witness.json").read_text())
    assert stored == {"name": "witness.example/w1", "public_url": "https://witness.example/w1"}


@pytest.mark.parametrize("key_type", ["ed25519", "ml-dsa-44"])
def test_the_printed_line_belongs_into_a_policy(run: Command, key_type: str) -> None:
    done = run(*INIT, "--key-type", key_type)
    (line,) = (line for line in done.out.splitlines() if line.startswith("policy line: "))
    policy = parse_policy(line.removeprefix("policy line: ") + "\nquorum witness.example/w1\n")
    found = run("status", "--json").json
    assert policy.witnesses["witness.example/w1"].vkey == found["vkey"]
    assert (found["key_type"], found["logs"], found["conflicts"]) == (key_type, [], 0)


@pytest.mark.parametrize(
    "other",
    [
        ("init", "--name", "witness.example/w2"),
        (*INIT, "--key-type", "ml-dsa-44"),
    ],
)
def test_a_home_never_becomes_another_witness(run: Command, other: tuple[str, ...]) -> None:
    run(*INIT)
    key = run("status", "--json").json["vkey"]
    done = run(*other)
    assert (done.code, done.out) == (1, "")
    assert "another --home" in done.err
    assert run("status", "--json").json["vkey"] == key


def test_ledgers_are_added_and_taken_out(run: Command, ledger: GrowingLedger) -> None:
    run(*INIT)
    assert run("add-log", ledger.vkey).out == f"trusted: {ORIGIN}\n"
    assert run("add-log", ledger.vkey).out == f"trusted already: {ORIGIN}\n"
    assert [log["origin"] for log in run("status", "--json").json["logs"]] == [ORIGIN]
    assert f"trusts {ORIGIN}: nothing seen yet" in run("status").out
    assert run("remove-log", ORIGIN).out == f"trusted no more: {ledger.vkey}\n"
    done = run("remove-log", ORIGIN)
    assert done.code == 1
    assert "hint: see: accord-witness status" in done.err


def test_both_heads_of_a_conflict_are_written_as_files(
    run: Command, folder: Path, tmp_path: Path, ledger: GrowingLedger
) -> None:
    run(*INIT)
    assert run("conflicts").out == "no conflicts\n"
    fork = GrowingLedger("another past").grow(9)
    with running_witness(folder, name="witness.example/w1") as world:
        world.trust(ledger.vkey)
        world.post(ledger.request(0, 8))
        world.post(fork.request(8, 8))
        world.post(fork.request(8, 9))
    out = tmp_path / "out"
    for _ in range(2):
        found = run("conflicts", "--json", "--export", out).json
    assert sorted(row["kind"] for row in found) == ["fork", "unproven"]
    names = {name for row in found for name in row["files"]}
    assert {file.name for file in out.iterdir()} == names
    assert len(names) == 4
    for row in found:
        held, offered = ((out / name).read_text() for name in row["files"])
        assert (held, offered) == (row["held"], row["offered"])
        assert open_checkpoint(held, ledger.signer.verifier).size == row["held_size"] == 8
        assert open_checkpoint(offered, ledger.signer.verifier).size == row["offered_size"]
    text = run("conflicts").out
    assert f"{ORIGIN}  fork  " in text
    assert "holds size 8, was offered size 8" in text
    assert "2 conflicts" in run("status").out


@pytest.mark.parametrize(
    "command",
    [["serve"], ["status"], ["conflicts"], ["add-log", "VKEY"], ["remove-log", ORIGIN]],
    ids=lambda command: command[0],
)
def test_without_a_home_there_is_an_error_with_a_hint(
    run: Command, command: list[str], ledger: GrowingLedger
) -> None:
    done = run(*(ledger.vkey if word == "VKEY" else word for word in command))
    assert (done.code, done.out) == (1, "")
    error, hint = done.err.splitlines()
    assert error.startswith("accord-witness: error: ")
    assert error.endswith("was not initialised")
    assert hint.startswith("accord-witness: hint: run: accord-witness init --home ")


def test_a_key_that_others_can_read_is_refused(run: Command, folder: Path) -> None:
    run(*INIT)
    (folder / "witness.key").chmod(0o644)
    for command in ("serve", "status"):
        done = run(command)
        assert done.code == 1
        assert "chmod 600" in done.err
    (folder / "witness.key").chmod(0o600)
    (folder / "witness.key").write_bytes(b"short")
    assert "not a witness key" in run("status").err


def test_a_second_process_is_refused(run: Command, folder: Path) -> None:
    run(*INIT)
    with home.locked(settings.load({}, home=folder)):
        done = run("serve", "--port", "0")
    assert done.code == 75
    assert f"accord-witness: error: another process holds {folder / 'lock'}" in done.err


def test_what_is_no_key_is_said_so(run: Command) -> None:
    run(*INIT)
    done = run("add-log", "brand")
    assert done.code == 1
    assert "no verifier key" in done.err


@pytest.mark.parametrize("arguments", ["init", "frobnicate", "add-log", "status --loud"])
def test_usage_errors(run: Command, arguments: str) -> None:
    done = run(*arguments.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[1] == "accord-witness: hint: see: accord-witness --help"


def test_an_unknown_schema_is_refused(run: Command, folder: Path) -> None:
    run(*INIT)
    with running_witness(folder, name="witness.example/w1") as world:
        world.database.write(
            lambda s: s.connection().exec_driver_sql("UPDATE alembic_version SET version_num='9'")
        )
    for command in ("status", "serve"):
        done = run(command)
        assert done.code == 1
        assert "schema version 9" in done.err


def test_help_and_version(run: Command) -> None:
    assert run("--help").code == 0
    assert run("version").out.strip()
    assert set(run("version", "--json").json) == {"version"}
