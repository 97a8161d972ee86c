"""What a user of a party node can meet stands in the reference: commands, routes, errors …"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from party_node import problems
from party_node.api import health
from party_node.app import ROUTERS
from party_node.errors import NodeError
from party_node.settings import ENVIRONMENT_PREFIX, NodeSettings

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
PACKAGES = ("protocols", "consent", "party_node", "coordinator")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def commands(command: Any, path: tuple[str, ...] = ("accord",)) -> Iterator[tuple[str, Any]]:
    """Every command that is not hidden, with its whole name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield " ".join(path), command
        return
    for name, one in below.items():
        if not one.hidden:
            yield from commands(one, (*path, name))


def test_every_command_has_a_row_with_its_options() -> None:
    import typer.main

    from party_node.cli import main as cli

    rows = {
        line.split("|")[1].strip().strip("`"): line
        for line in page("cli.md").splitlines()
        if line.startswith("| `accord")
    }
    found = dict(commands(typer.main.get_command(cli.app)))
    assert set(rows) == set(found)
    for name, command in found.items():
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.opts[0] not in (
                "--home",
                "--json",
            ):
                assert f"`{parameter.opts[0]}`" in rows[name], name


def test_every_reading_command_offers_json() -> None:
    import typer.main

    from party_node.cli import main as cli

    without = {
        name
        for name, command in commands(typer.main.get_command(cli.app))
        if not any("--json" in p.opts for p in command.params)
    }
    assert without == {"accord node serve", "accord rule remove"}


def test_every_exit_code_has_a_row() -> None:
    from party_node.cli import output as codes

    for code in (
        codes.DONE,
        codes.ERROR,
        codes.USAGE,
        codes.REFUSED,
        codes.PEER_FAILED,
        codes.NOT_READY,
    ):
        assert f"\n| {code} |" in page("cli.md")


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    served = {
        (method, getattr(route, "path", ""))
        for router in (health.router, *ROUTERS)
        for route in router.routes
        for method in getattr(route, "methods", ())
    }
    rows = set(re.findall(r"^\| `([A-Z]+)` \| `([^`]+)` \|", page("node-api.md"), re.MULTILINE))
    assert rows == served


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", page("settings.md"), re.MULTILINE)
    assert dict(rows) == {
        name: ENVIRONMENT_PREFIX + name.upper() for name in NodeSettings.model_fields
    }


@cache
def classes(package: str) -> dict[str, type[Exception]]:
    """Every error class of a package that has a code, by its code."""
    found: dict[str, type[Exception]] = {}
    root = importlib.import_module(package)
    for info in pkgutil.walk_packages(root.__path__, f"{package}."):
        if info.name.endswith((".__main__", ".env")) or ".migrations.versions." in info.name:
            continue
        for kind in vars(importlib.import_module(info.name)).values():
            if (
                inspect.isclass(kind)
                and issubclass(kind, Exception)
                and kind.__module__ == info.name
                and isinstance(getattr(kind, "code", None), str)
            ):
                found.setdefault(kind.code, kind)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_every_error_code_has_a_row_and_every_row_a_code(package: str) -> None:
    section = page("errors.md").split(f": `{package}`\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert {row[0] for row in rows} == set(classes(package))
    assert all(cell.strip() for row in rows for cell in row)


@pytest.mark.parametrize("package", PACKAGES[:3])
def test_every_error_of_the_node_has_a_status(package: str) -> None:
    for kind in classes(package).values():
        assert 400 <= problems.status_of(kind) < 600, kind


def test_hints_of_the_node_are_short_and_have_no_full_stop() -> None:
    hints = [kind.hint for kind in classes("party_node").values() if issubclass(kind, NodeError)]
    assert hints
    assert not [hint for hint in hints if hint.endswith(".") or len(hint) > 140]
