"""Values of the asking party's own people as a few levels, so that a group says a person's value.

Over people in common a row is known to the asker by its group alone. So people are put into groups
by their value: each stands at one of two neighbouring levels, by the toss of a coin that makes the
level right on average. A sum over levels is then right on average, whoever matches, and costs what
counts cost. What the coins add is known (`coins`).

Levels are the asker's secret: its node chooses them from its own values, close together where many
are. No level has fewer people than may be spoken of. Whose values lie so far up or down that too
few others do stand at the outermost level, which is moved so that the total stays (`pooled_percent`
says how much of it that is about); where there are too few people for two levels, all stand at
their mean.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.session import Rng

Values = NDArray[np.int64]
_CELLS = 512
_COIN = 2.0**32


@dataclass(frozen=True, slots=True)
class Levels:
    """What the groups of people of one segment stand for."""

    at: tuple[float, ...]
    """The levels, rising, in units of the column; those that people stand at."""
    coins: float
    """Variance that the coins add for each person, on average, in squared units."""
    pooled: float
    """Mean square of what pooling changes a person's value by."""
    pooled_percent: float
    """How much of the total of the segment's own people is not their own value on average but that
    of their neighbours, in per cent."""


def stand(values: Values, most: int, least: int, rng: Rng) -> tuple[Levels, NDArray[np.int64]]:
    """Return at most `most` levels with at least `least` people each, and each person's level.

    There are at least `least` people.
    """
    coins = np.frombuffer(rng(4 * len(values)), "<u4") / _COIN
    bottom, top = ends(values, least)
    at = _between(np.clip(values, bottom, top), most)
    while len(at) > 1:
        chosen = _tossed(values, at, coins)
        people = np.bincount(chosen, minlength=len(at))
        if people.min() >= least:
            return _told(values, at, people), chosen
        small = int(people.argmin())
        inner = min(max(small, 1), len(at) - 2)
        # An end stays, for what lies beyond it would be pooled: its neighbour leaves it people.
        at = np.delete(at, inner) if len(at) > 2 else np.empty(0)
    mean = float(values.mean())
    pooled = _percent(float(np.abs(values - mean).sum()), values)
    return Levels((mean,), 0.0, float(values.var()), pooled), np.zeros(len(values), np.int64)


def ends(values: Values, least: int) -> tuple[int, int]:
    """Return the widest two levels between which about `2 · least` people would stand at each.

    Both are the same value where there are none.
    """
    ordered = np.sort(values)
    top = _end(ordered, int(ordered[0]), least)
    bottom = -_end(-ordered[::-1], -top, least)
    return min(bottom, top), top


def _end(ordered: Values, start: int, least: int) -> int:
    """Return the highest value that enough people would stand at, the others at `start`."""
    tops = np.unique(ordered)
    tops = tops[tops > start]
    if not len(tops):
        return start
    above = np.clip(ordered.astype(np.float64) - start, 0, None)
    below = np.concatenate([[0.0], np.cumsum(above)])
    n = np.searchsorted(ordered, tops, side="right")
    # The sum of min(value, top) over the span is how many stand at the top, on average.
    there = below[n] / (tops - start) + (len(ordered) - n)
    enough = tops[there >= 2 * least]
    return int(enough[-1]) if len(enough) else start


def _between(values: Values, most: int) -> NDArray[np.float64]:
    """Return levels from the least to the greatest value, closest where most people are.

    What coins add is least where the steps follow the cube root of how many there are.
    """
    low, high = float(values.min()), float(values.max())
    if low == high or most < 2:
        return np.empty(0)
    counts, edges = np.histogram(values, _CELLS, (low, high))
    weight = np.concatenate([[0.0], np.cumsum(np.cbrt(counts))])
    inner = np.interp(np.linspace(0, weight[-1], most)[1:-1], weight, edges)
    return np.unique(np.concatenate([[low], inner, [high]]))


def _tossed(
    values: Values, at: NDArray[np.float64], coins: NDArray[np.float64]
) -> NDArray[np.int64]:
    below, part = _places(values, at)
    return below + (coins < part)


def _places(
    values: Values, at: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return of each value the level below it, and how far it is from there to the next."""
    cut = np.clip(values.astype(np.float64), at[0], at[-1])
    below = np.clip(np.searchsorted(at, cut, side="right") - 1, 0, len(at) - 2)
    return below, (cut - at[below]) / (at[below + 1] - at[below])


def _told(values: Values, at: NDArray[np.float64], people: NDArray[np.int64]) -> Levels:
    below, part = _places(values, at)
    moved = at.copy()
    moved[0] += np.minimum(values - at[0], 0).sum() / people[0]
    moved[-1] += np.maximum(values - at[-1], 0).sum() / people[-1]
    steps = np.diff(moved)[below]
    off = values - (moved[below] + part * steps)
    coins, pooled = float((steps**2 * part * (1 - part)).mean()), float((off**2).mean())
    percent = _percent(float(np.abs(off).sum()), values)
    return Levels(tuple(moved.tolist()), coins, pooled, percent)


def _percent(part: float, values: Values) -> float:
    total = float(np.abs(values).sum())
    return 100 * part / total if total else 0.0
