"""The reach curve of a lookalike as a drawing: where lines, bands and marks of its SVG stand.

The template draws it, in the page's own colours. Audiences lie on a logarithmic line, because those
that are bought are small ones: the best 1 %, 2 %, 5 %, 10 %, 20 % and 50 % of people. A table with
the same numbers stands beside it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 400, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 388, 12, 204
_LEAST, _MOST = 0.01, 0.5
_STEPS = 24


@dataclass(frozen=True, slots=True)
class Mark:
    """A recall with its interval."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid, and what it says."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything that the template needs, in units of the drawing."""

    at_training: tuple[Mark, ...]
    now: tuple[Mark, ...]
    line: str
    band: str
    random: str
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    bottom: int = _BOTTOM


def draw(
    curve: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any] | None] = ()
) -> Drawing:
    """Return the drawing of a card's curve; `now` has the recalls by later outcomes, if any."""
    shown = [point for point in curve if _LEAST <= point["reach"] <= _MOST]
    marks = tuple(_mark(point["reach"], point) for point in shown)
    later = tuple(
        _mark(point["reach"], found)
        for point, found in zip(curve, now, strict=False)
        if found is not None and _LEAST <= point["reach"] <= _MOST
    )
    upper, lower = [(m.x, m.high) for m in marks], [(m.x, m.low) for m in reversed(marks)]
    reaches = [_LEAST * (_MOST / _LEAST) ** (step / _STEPS) for step in range(_STEPS + 1)]
    return Drawing(
        at_training=marks,
        now=later,
        line=_path([(m.x, m.y) for m in marks]),
        band=_path([*upper, *lower]),
        random=_path([(_x(reach), _y(reach)) for reach in reaches]),
        across=tuple(Tick(_x(p["reach"]), f"{100 * p['reach']:.0f} %") for p in shown),
        up=tuple(Tick(_y(part / 4), f"{25 * part} %") for part in range(5)),
    )


def _mark(reach: float, found: Mapping[str, Any]) -> Mark:
    return Mark(_x(reach), _y(found["recall"]), _y(found["low"]), _y(found["high"]))


def _x(reach: float) -> float:
    part = math.log(reach / _LEAST) / math.log(_MOST / _LEAST)
    return round(_LEFT + 10 + part * (_RIGHT - _LEFT - 20), 1)


def _y(part: float) -> float:
    return round(_BOTTOM - min(max(part, 0.0), 1.0) * (_BOTTOM - _TOP), 1)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
