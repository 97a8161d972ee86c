"""The draw: exact cells in, noisy ones out, once, at a price that was charged before.

What goes in never leaves: cells are integers of the plan's parts, grids are rows by group and point
of the grid, words are people by word. Each draw compares OpenDP's own statement of its price with
what was charged for it; the shares of one plan never add up to more than its price.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from protocols.dp import vector_noise
from protocols.dp.budget import NANO
from protocols.dp.noise import NoiseNotProven
from protocols.dp.queries.plan import MAX_PEOPLE, Plan
from protocols.dp.queries.query import MAX_PARTS_OF_WHOLE
from protocols.dp.queries.scales import Choice, Keys
from protocols.errors import InvalidParameter

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Exact:
    """What the data comes to: secret."""

    cells: Mapping[str, Integers] = field(default_factory=dict, repr=False)
    """For each part its cells."""
    grid: Integers | None = field(default=None, repr=False)
    """For a quantile: rows by group and point of the grid."""
    words: Mapping[str, int] | None = field(default=None, repr=False)
    """For top_k: people by word."""


@dataclass(frozen=True, slots=True)
class Noisy:
    """What may be told."""

    cells: Mapping[str, tuple[int, ...]]
    chosen: tuple[tuple[int, ...], ...] = ()
    """For each quantile: the point of the grid, group by group."""
    words: Mapping[str, int] = field(default_factory=dict)
    between: tuple[tuple[tuple[int, int], ...], ...] = ()
    """As `chosen`: between which points the quantile lies with 95 %, where that is known."""


def draw(plan: Plan, exact: Exact) -> Noisy:
    """Draw the noise of a plan. Each call draws anew and must be charged anew.

    Raises: NoiseNotProven, and nothing is drawn; InvalidParameter if the cells are not the plan's.
    """
    _check_price(plan)
    cells = {}
    for part in plan.parts:
        values = exact.cells[part.measure]
        if values.shape != (plan.cells,):
            raise InvalidParameter("the cells are not those of the plan")
        cells[part.measure] = vector_noise.draw_gaussian(
            values.tolist(), part.sigma, Fraction(part.rho_nano, NANO), part.distance
        )
    chosen = tuple(_choose(plan, choice, exact.grid) for choice in plan.choices)
    words = {} if plan.keys is None else _words(plan.keys, exact.words)
    return Noisy(cells, chosen, words)


def scores(counts: Integers, at: int) -> Integers:
    """Return how far each point of a grid is from the quantile: ten thousand times the rows that
    would have to change sides.

    A point is right if the quantile lies between the rows below it and those up to it.
    """
    up_to = np.cumsum(counts)
    total = up_to[-1]
    below = up_to - counts
    too_low = at * total - MAX_PARTS_OF_WHOLE * up_to
    too_high = MAX_PARTS_OF_WHOLE * below - at * total
    found: Integers = np.maximum(np.maximum(too_low, too_high), 0)
    return found


def _choose(plan: Plan, choice: Choice, grid: Integers | None) -> tuple[int, ...]:
    if grid is None or grid.shape[0] != plan.cells or int(grid.sum()) > MAX_PEOPLE * 1000:
        raise InvalidParameter("the grid is not that of the plan")
    rho = Fraction(choice.rho_nano, NANO)
    return tuple(
        vector_noise.draw_lowest(
            scores(counts, choice.at).tolist(), choice.scale, rho, choice.sensitivity
        )
        for counts in grid
    )


def _words(keys: Keys, words: Mapping[str, int] | None) -> dict[str, int]:
    return vector_noise.draw_keys(
        words or {},
        keys.sigma,
        keys.threshold,
        Fraction(keys.rho_nano, NANO),
        Fraction(1, 10**keys.delta_exponent),
        keys.groups,
    )


def _check_price(plan: Plan) -> None:
    spent = sum(part.rho_nano for part in plan.parts)
    spent += plan.groups * sum(choice.rho_nano for choice in plan.choices)
    spent += 0 if plan.keys is None else plan.keys.rho_nano
    if spent > plan.rho_nano:
        raise NoiseNotProven("the parts of the plan cost more than was charged")
