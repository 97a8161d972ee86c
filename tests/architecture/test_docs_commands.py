"""Every command that a page or a hint tells somebody to type exists, with its options."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "party_node").rglob("*.py"),
        *(ROOT / "coordinator").rglob("*.py"),
    ]
)
pytestmark = pytest.mark.filterwarnings(
    # typer 0.20 asks click 8.5 for a name that click 9 will not have.
    "ignore:.*will be removed in Click 9:DeprecationWarning"
)
INLINE = re.compile(r"`((?:\.venv/bin/)?accord(?:-coordinator|-verify|-witness)? [^`\n]+)`")
LINE = re.compile(
    r"^(?:\$ | {4,}|> )?((?:\.venv/bin/)?accord(?:-coordinator|-verify|-witness)? .+)$",
    re.MULTILINE,
)
PIECE = re.compile(r"\||;|&&|\$\(|\bdo\b")
PLACEHOLDER = re.compile(r"…|\.\.\.|\[|[A-Z_]+$|<|\{")


@cache
def commands() -> dict[str, Any]:
    """Return the commands of the distribution by name, as click sees them."""
    import typer.main

    import coordinator.cli
    import coordinator.witness_node.cli
    import party_node.cli.main
    import party_node.evidence.verifier

    return {
        "accord": typer.main.get_command(party_node.cli.main.app),
        "accord-coordinator": typer.main.get_command(coordinator.cli.app),
        "accord-witness": typer.main.get_command(coordinator.witness_node.cli.app),
        "accord-verify": typer.main.get_command(party_node.evidence.verifier.app),
    }


def typed(text: str, *, page: bool) -> Iterator[str]:
    """Return the commands that a text tells somebody to type."""
    yield from INLINE.findall(text)
    if page:
        for line in text.splitlines():
            for piece in PIECE.split(line.removeprefix("$ ")):
                yield from LINE.findall(piece.strip())


def wrong(command: str) -> str:
    """Return what does not exist in a command, or nothing."""
    name, *words = command.split()
    found = commands()[name.removeprefix(".venv/bin/")]
    for word in words:
        below = getattr(found, "commands", None)
        if below is not None and not word.startswith("-"):
            if PLACEHOLDER.match(word):
                return ""
            if word.rstrip(".,") not in below:
                return f"{command}: no {word}"
            found = below[word.rstrip(".,")]
        elif word.startswith("--") and word.partition("=")[0] not in options_of(found):
            return f"{command}: no {word}"
    return ""


def options_of(command: Any) -> set[str]:
    return {"--help", *(o for p in command.params for o in (*p.opts, *p.secondary_opts))}


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_named_exists(text: Path) -> None:
    named = typed(text.read_text(encoding="utf-8"), page=text.suffix == ".md")
    assert [found for command in named if (found := wrong(command))] == []


def test_commands_are_found_where_they_stand() -> None:
    tour = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    found = set(typed(tour, page=True))
    assert "accord node enrol - --home brand" in found
    assert "accord-verify evidence.zip" in found
    assert wrong("accord dataset nothing") == "accord dataset nothing: no nothing"
    assert wrong("accord job list --loud") == "accord job list --loud: no --loud"
