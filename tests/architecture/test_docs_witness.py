"""Whatever an operator of a witness can meet is in its docs: settings, commands, answers."""

import re
import warnings
from pathlib import Path

from coordinator.api import witness as calls
from coordinator.errors import AlreadyServed, NotReady
from coordinator.witness import FORK, MOST_EVIDENCE, UNPROVEN
from coordinator.witness_node.app import ROUTERS
from coordinator.witness_node.settings import PREFIX, WitnessSettings
from party_node.ledger.asking import ALARMS, Said
from party_node.ledger.gathering import Patience
from party_node.ledger.trust_policy import MOST_WITNESSES

with warnings.catch_warnings():
    # typer 0.20 imports a name that click 8.5 calls deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import typer

    from coordinator.witness_node import cli

ROOT = Path(__file__).resolve().parents[2]
OPERATE = (ROOT / "docs/operate/witness.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs/reference/witness-cli.md").read_text(encoding="utf-8")


def rows(text: str, heading: str, table: int = 0) -> list[list[str]]:
    """Return the cells of a table under a heading, without its head."""
    section = text.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    lines = tables[table].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cells: list[list[str]]) -> list[str]:
    return [row[0].strip("`") for row in cells]


def test_every_setting_is_in_the_table_with_its_default() -> None:
    found = {row[0].strip("`"): row[1].strip("`") for row in rows(OPERATE, "## Settings")}
    assert list(found) == list(WitnessSettings.model_fields)
    assert f"`{PREFIX}`" in OPERATE
    for name in ("key_type", "listen_host", "listen_port", "log_format", "log_level"):
        assert found[name] == str(WitnessSettings.model_fields[name].default)


def test_every_command_with_its_arguments_and_options_is_in_the_table() -> None:
    group = typer.main.get_command(cli.app)
    commands = group.commands  # type: ignore[attr-defined]
    found = {row[0].strip("`"): row[1:3] for row in rows(COMMANDS, "## Commands")}
    assert set(found) == set(commands)
    for name, command in commands.items():
        arguments = [p.name.upper() for p in command.params if p.param_type_name == "argument"]
        options = {
            option
            for p in command.params
            if p.param_type_name == "option"
            for option in p.opts
            if option != "--help"
        }
        assert re.findall(r"`(\w+)`", found[name][0]) == arguments, name
        assert set(re.findall(r"--[a-z-]+", found[name][1])) == options, name


def test_every_route_is_in_the_table() -> None:
    routes = {f"{m} {r.path}" for router in ROUTERS for r in router.routes for m in r.methods}  # type: ignore[attr-defined]
    stated = set(re.findall(r"`((?:GET|POST) [^`]+)`", "\n".join(names_of_routes())))
    assert stated == routes


def names_of_routes() -> list[str]:
    return [row[0] for row in rows(COMMANDS, "## HTTP")]


def test_every_event_of_the_log_is_in_the_table() -> None:
    package = ROOT / "coordinator"
    files = [*package.glob("*.py"), *package.glob("witness_node/*.py"), package / "api/witness.py"]
    served = {"server.py", "observability.py", "witness.py"}
    source = "\n".join(
        path.read_text()
        for path in files
        if path.name in served or path.parent.name == "witness_node"
    )
    direct = re.findall(r"\blog\.\w+\(\s*\"([a-z-]+)\"", source)
    errors = re.findall(r"_error\(\"([a-z-]+)\"", source)
    assert set(names(rows(OPERATE, "## Health and logs", 1))) == {*direct, *errors}


def test_every_answer_of_a_witness_is_in_the_table() -> None:
    stated = rows(OPERATE, "### What witnesses say")
    assert set(names(stated)) == {said.value for said in Said}
    alarms = {row[0].strip("`") for row in stated if row[2].startswith("**alarm**")}
    assert alarms == {said.value for said in ALARMS}


def test_every_kind_of_conflict_is_in_the_table() -> None:
    assert names(rows(OPERATE, "## When a ledger lies")) == [FORK, UNPROVEN]
    assert f"the first {MOST_EVIDENCE} of a ledger" in OPERATE


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    assert f"At most {MOST_WITNESSES} witnesses" in OPERATE
    patience = Patience()
    assert (patience.answer_seconds, patience.grace_seconds) == (10.0, 0.5)
    assert "ten\nseconds" in OPERATE
    assert "half a second" in OPERATE
    assert calls.MAX_NOTE_BYTES == 1_000_000
    assert "413 above 1 MB" in COMMANDS


def test_every_exit_code_has_a_row() -> None:
    assert names(rows(COMMANDS, "## Errors")) == ["0", "1", "2", "75"]
    assert {AlreadyServed.exit_code, NotReady.exit_code} == {75}
