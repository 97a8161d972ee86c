"""The same plan over people in common: its cells as an aligned sum (`protocols/sums/`).

One side holds, row by row, whether a person is meant (a vector, or one for each of its segments);
the other holds what each of its people adds to each cell. `Xᵀy` is then the cells. Where a person
is in one cell once, the cell is a one-hot code, two bytes a row; else each cell of a part is a
dense column. A quantile is read off a tree of counts (`tree.py`), one one-hot feature a level.

Scales are those of the plan, widened by what the vectors allow: a person's row may be multiplied by
`vector_bound`, in each of the vectors that it may be in.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from protocols.dp.queries.answering import Z95
from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.plan import ROWS, Plan
from protocols.dp.queries.query import MAX_PARTS_OF_WHOLE, Quantile, TopK
from protocols.dp.queries.scales import Part, scale_milli
from protocols.dp.queries.tree import Tree, best_tree, leaves
from protocols.dp.vector_noise import l2
from protocols.errors import InvalidParameter
from protocols.sums.layout import MAX_CHUNK_ROWS, SumLayout
from protocols.sums.records import Sums


@dataclass(frozen=True, slots=True)
class Overlap:
    """How the cells of a plan lie in an aligned sum."""

    plan: Plan
    layout: SumLayout
    sigma_milli: tuple[int, ...]
    """Scale of the noise of each column, in thousandths."""
    dense: tuple[Part, ...]
    """Parts whose cells are dense columns, in order."""
    coded: tuple[Part, ...]
    """Parts that are a one-hot feature, in order."""
    tree: Tree | None
    """For a quantile: its levels are the one-hot features."""
    level_sigma: float = 0.0


def overlap(
    plan: Plan, max_rows: int, vectors: int = 1, vector_bound: int = 1, in_vectors: int = 0
) -> Overlap:
    """Return the layout of a plan for at most `max_rows` rows.

    `in_vectors` is in how many of the vectors a row is other than zero, at most; 0 for all.
    Raises: InvalidParameter for what an aligned sum cannot answer, or not in 64 bits.
    """
    meant = in_vectors or vectors
    if isinstance(plan.query.ask, TopK):
        raise InvalidParameter("top_k is of one party alone: its words are not known before")
    if isinstance(plan.query.ask, Quantile):
        return _of_quantile(plan, plan.query.ask, max_rows, vectors, vector_bound, meant)
    once = plan.query.bounds.rows == 1 and plan.groups == 1
    coded = tuple(p for p in plan.parts if once and p.measure == ROWS)
    dense = tuple(p for p in plan.parts if p not in coded)
    rows = plan.query.bounds.rows
    layout = SumLayout(
        vectors=vectors,
        vector_bound=vector_bound,
        dense=tuple(p.bound * rows for p in dense for _ in range(plan.cells)),
        one_hot=(plan.cells,) * len(coded),
        max_rows=max_rows,
        chunk_rows=_chunk_rows(max_rows),
    )
    scales = tuple(
        scale
        for p in (*dense, *coded)
        for scale in _alike(p, rows * vector_bound, plan.groups * meant, plan.cells)
    )
    return Overlap(plan, layout, scales, dense, coded, None)


def _alike(part: Part, times: int, cells_changed: int, cells: int) -> tuple[int, ...]:
    """Return the scale of a part's cells, all of them the same, as one person changes them."""
    return (scale_milli(part.rho_nano, l2(part.bound * times, cells_changed)),) * cells


def cells_of(over: Overlap, sums: Sums) -> tuple[Noisy, ...]:
    """Return the noisy cells, vector by vector: what `answering.answer` takes.

    Raises: InvalidParameter if these are not sums of this layout.
    """
    if len(sums.values) != sums.vectors * over.layout.columns:
        raise InvalidParameter("these sums are not of the plan's layout")
    table = np.array(sums.values, np.int64).reshape(sums.vectors, over.layout.columns)
    return tuple(_noisy(over, row) for row in table)


def _noisy(over: Overlap, row: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Noisy:
    if over.tree is not None:
        return _from_tree(over, over.tree, row)
    cells, wide = {}, over.plan.cells
    for n, part in enumerate((*over.dense, *over.coded)):
        cells[part.measure] = tuple(row[n * wide : (n + 1) * wide].tolist())
    return Noisy(cells)


def _of_quantile(
    plan: Plan, ask: Quantile, max_rows: int, vectors: int, vector_bound: int, meant: int
) -> Overlap:
    if plan.query.bounds.rows != 1 or plan.groups != 1:
        raise InvalidParameter("a quantile over people in common counts each person once")
    tree = best_tree(ask.steps + 1)
    layout = SumLayout(
        vectors=vectors,
        vector_bound=vector_bound,
        dense=(),
        one_hot=tuple(plan.cells * size for size in tree.sizes),
        max_rows=max_rows,
        chunk_rows=_chunk_rows(max_rows),
    )
    milli = scale_milli(plan.rho_nano // tree.depth, l2(vector_bound, meant))
    return Overlap(plan, layout, (milli,) * layout.columns, (), (), tree, milli / 1000)


def _from_tree(
    over: Overlap, tree: Tree, row: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> Noisy:
    plan, ask = over.plan, over.plan.query.ask
    assert isinstance(ask, Quantile)
    grids, at = [], 0
    for size in tree.sizes:
        grids.append(row[at : at + plan.cells * size].reshape(plan.cells, size).astype(float))
        at += plan.cells * size
    reach = Z95 * tree.rank_sigma(over.level_sigma)
    totals, found = [], []
    for cell in range(plan.cells):
        up_to = np.cumsum(leaves(tree, [grid[cell] for grid in grids]))
        totals.append(round(float(up_to[-1])))
        found.append([_points(up_to, a, reach, ask.steps) for a in ask.at])
    chosen = tuple(tuple(by_cell[n][0] for by_cell in found) for n in range(len(ask.at)))
    between = tuple(tuple(by_cell[n][1] for by_cell in found) for n in range(len(ask.at)))
    return Noisy({ROWS: tuple(totals)}, chosen, between=between)


def _points(
    up_to: "np.ndarray[tuple[int], np.dtype[np.float64]]", at: int, reach: float, last: int
) -> tuple[int, tuple[int, int]]:
    """Return the point at a quantile, and those that it lies between with 95 %."""
    rank = float(up_to[-1] * Fraction(at, MAX_PARTS_OF_WHOLE))
    rising = np.maximum.accumulate(up_to)

    def point(wanted: float) -> int:
        return min(last, int(np.searchsorted(rising, wanted, side="left")))

    falling = np.minimum.accumulate(up_to[::-1])[::-1]
    low = min(last, int(np.searchsorted(rising, rank - reach, side="left")))
    high = min(last, int(np.searchsorted(falling, rank + reach, side="left")))
    chosen = point(rank)
    return chosen, (min(low, chosen), max(high, chosen))


def _chunk_rows(max_rows: int) -> int:
    return min(2**15, max(1, max_rows), MAX_CHUNK_ROWS)
