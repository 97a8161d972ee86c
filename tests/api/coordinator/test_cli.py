"""The command: what it prints, where it stores, and how it fails."""

import base64
import json
import stat
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest

with warnings.catch_warnings():
    # typer 0.20 imports a name that click 8.5 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    from coordinator import cli
from coordinator.database import Database
from coordinator.jobs import JobState
from tests.support.coordinator import JOB, World, as_bytes, enrolment, party


class Run(NamedTuple):
    code: object
    out: str
    err: str


class Command:
    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: object) -> Run:
        self.monkeypatch.setattr(sys, "argv", ["accord-coordinator", *map(str, arguments)])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Run(ended.value.code, *self.capsys.readouterr())


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Command:
    monkeypatch.setenv("ACCORD_COORDINATOR_HOME", str(tmp_path / "home"))
    return Command(capsys, monkeypatch)


def test_init_makes_a_home_for_its_owner_alone(run: Command, tmp_path: Path) -> None:
    done = run("init", "--name", "hub.example", "--url", "https://hub.example")
    assert done.code == 0, done.err
    assert "witness: hub.example/witness+" in done.out
    home = tmp_path / "home"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    files = {f.name: stat.S_IMODE(f.stat().st_mode) for f in home.iterdir()}
    assert files == dict.fromkeys(["coordinator.json", "coordinator.db", "witness.key"], 0o600)
    assert run("init") == done, "repeating it changes nothing"
    settings = json.loads((home / "coordinator.json").read_text())
    assert settings == {"name": "hub.example", "public_url": "https://hub.example"}


def test_an_invitation_enrols_a_party(run: Command, world: World) -> None:
    run.monkeypatch.setattr(cli, "system_clock", world.clock)
    done = run("invite", "--party", "newcomer", "--home", world.settings.home)
    text = done.out.strip().removeprefix("accord-invite:")
    token = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert (token["party"], token["url"]) == ("newcomer", "http://127.0.0.1:8400")
    newcomer = party("newcomer", world.clock)
    body = as_bytes(enrolment(newcomer, token["secret"]))
    assert world.http.post("/v1/enrolments", content=body).status_code == 201
    found = json.loads(run("parties", "--json", "--home", world.settings.home).out)
    assert [row["party"] for row in found] == ["brand", "newcomer", "outsider", "publisher"]


def test_jobs_are_listed(run: Command, world: World) -> None:
    world.proposed()
    home = world.settings.home
    (row,) = json.loads(run("jobs", "--json", "--home", home).out)
    assert (row["job"], row["state"], row["cause"]) == (JOB, JobState.PROPOSED, "")
    plain = run("jobs", "--home", home).out
    assert plain.startswith(f"{JOB}  proposed")
    assert run("evidence", "--home", home).out == ""


@pytest.mark.parametrize("command", ["serve", "invite --party x", "parties", "jobs", "migrate"])
def test_without_a_home_there_is_an_error_with_a_hint(run: Command, command: str) -> None:
    done = run(*command.split())
    assert done.code == 1
    error, hint = done.err.splitlines()
    assert error.startswith("accord-coordinator: error: ")
    assert error.endswith("was not initialised")
    assert hint.startswith("accord-coordinator: hint: run: accord-coordinator init --home ")
    assert done.out == ""


@pytest.mark.parametrize("arguments", ["frobnicate", "invite", "invite --days x", "jobs --yes"])
def test_usage_errors(run: Command, arguments: str) -> None:
    done = run(*arguments.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[1] == "accord-coordinator: hint: see: accord-coordinator --help"


def test_help_and_version(run: Command) -> None:
    assert run("--help").code == 0
    assert run("version").out.strip()
    assert set(json.loads(run("version", "--json").out)) == {"version"}


def test_a_wrong_party_id_is_refused(run: Command) -> None:
    run("init")
    done = run("invite", "--party", "Not An Id")
    assert (done.code, done.out) == (1, "")
    assert "party id" in done.err


def test_a_database_that_cannot_be_reached_is_not_ready(run: Command, tmp_path: Path) -> None:
    run("init")
    run.monkeypatch.setenv(
        "ACCORD_COORDINATOR_DATABASE_URL", f"postgresql://u:hidden@/x?host={tmp_path}"
    )
    done = run("parties")
    assert done.code == 75
    assert "hidden" not in done.err


def test_an_unknown_schema_is_refused(run: Command, tmp_path: Path) -> None:
    run("init")
    database = Database(f"sqlite:///{tmp_path}/home/coordinator.db")
    with database.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9'")
    database.close()
    for command in ("parties", "migrate", "serve"):
        done = run(command)
        assert done.code == 1
        assert "schema version 9" in done.err


def test_a_key_that_others_can_read_is_refused(run: Command, tmp_path: Path) -> None:
    run("init")
    (tmp_path / "home" / "witness.key").chmod(0o644)
    done = run("invite", "--party", "brand")
    assert done.code == 1
    assert "chmod 600" in done.err


def test_a_broken_key_is_refused(run: Command, tmp_path: Path) -> None:
    run("init")
    (tmp_path / "home" / "witness.key").write_bytes(b"short")
    assert "not a witness key" in run("serve").err


def test_a_home_that_cannot_be_made_is_an_error(run: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("init", "--home", tmp_path / "file" / "home")
    assert done.code == 1
    assert done.err.startswith("accord-coordinator: error: ")


def test_migrate_says_where_it_is(run: Command) -> None:
    run("init")
    assert run("migrate").out == "schema: 0003\n"
