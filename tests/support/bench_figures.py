"""The figures that `accord bench lookalike --json` gives, and those that its page says it gives."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from party_node.bench.lookalike_parts import Part

PAGE = Path(__file__).parents[2] / "docs/reference/cli.md"
_NAMES = (
    (r"[0-9]+", "N"),
    (r"joint-(bfv|cot)/3", "ROUTE"),
    (r"brand|partner", "PARTY"),
    (r"from_(brand|partner)", "from_PARTY"),
    (r"same_model|logistic|trees", "FIT"),
    (r"bins|codes|columns|second columns|training|scores", "STEP"),
    (r"all_stay|one_drops_out", "CASE"),
    (r"lightgbm|xgboost", "PEER"),
    (r"(lightgbm|xgboost)_as_it_comes", "PEER_as_it_comes"),
)
"""Names that stand for one another in a figure's path."""


def figures(found: dict[str, Any]) -> set[str]:
    """Return the path of each figure, with names that stand for others written so."""
    return set(_paths(found, ()))


def documented(part: Part) -> set[str]:
    """Return the paths that the page has for a part."""
    rows = re.findall(rf"^\| `{part}` \| (.*?) \|", PAGE.read_text(), re.MULTILINE)
    return {path for row in rows for path in re.findall(r"`([^`]+)`", row)}


def _paths(found: Any, at: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(found, dict):
        yield ".".join(at)
        return
    for name, value in found.items():
        yield from _paths(value, (*at, _named(name) if at or isinstance(value, dict) else name))


def _named(name: str) -> str:
    return next((told for way, told in _NAMES if re.fullmatch(way, name)), name)
