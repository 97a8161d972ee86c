"""Exact cells of a plan from a file: what noise is then drawn on. None of it leaves as it is."""

import functools
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from party_node.row_file import RowFile
from party_node.statistics.contributions import (
    PERSON,
    USED,
    Bounded,
    all_rows,
    chosen_rows,
    squares,
)
from protocols.dp.queries.drawing import Exact
from protocols.dp.queries.plan import ROWS, SQUARES, VALUES, Plan
from protocols.dp.queries.query import Frequency, Quantile, TopK

Integers = NDArray[np.int64]
_SUMS = {ROWS: "n", VALUES: "total", SQUARES: "squared"}


@dataclass(frozen=True)
class Beside:
    """A file, and whom each of its rows is about: negative where it must not be used."""

    file: RowFile
    people: Integers

    @functools.cached_property
    def several_rows(self) -> bool:
        """True if somebody has more than one row."""
        found = np.bincount(self.people + 1) if len(self.people) else self.people
        return len(found) > 1 and int(found[1:].max()) > 1

    @functools.cached_property
    def types(self) -> dict[str, str]:
        """The engine's types of the file's columns."""
        return self.file.types()


def columns_of(plan: Plan) -> list[str]:
    """Return the file's own names of the columns that a question declares."""
    return list(dict.fromkeys(column.source for column in plan.query.schema.columns))


def require(plan: Plan, beside: Beside) -> None:
    """Return if the file has the columns of a question. Raises: MissingColumn."""
    if not set(columns_of(plan)) <= set(beside.types):
        beside.file.require(columns_of(plan))


def aggregate(plan: Plan, beside: Beside, secret: int) -> Exact:
    """Return the exact cells of a plan; `secret` chooses rows where a person has too many.

    Raises: MissingColumn, DatasetUnreadable.
    """
    require(plan, beside)
    if isinstance(plan.query.ask, Frequency):
        return _frequency(plan, beside, secret, plan.query.ask.most)
    found = _added_up(plan, beside, secret)
    cells = found["cell"]
    match plan.query.ask:
        case TopK():
            return Exact(words=dict(zip(cells.to_pylist(), found["n"].to_pylist(), strict=True)))
        case Quantile(steps=steps):
            grid = np.zeros((plan.cells, steps + 1), np.int64)
            grid[cells.to_numpy(), found["value"].to_numpy()] = found["n"].to_numpy()
            return Exact({ROWS: grid.sum(axis=1)}, grid=grid)
        case _:
            return Exact({p.measure: _filled(plan, found, _SUMS[p.measure]) for p in plan.parts})


def ask(beside: Beside, query: Bounded, wrap: str, *, whom: bool) -> pa.Table:
    """Run a query over what rows add; `wrap` has `{}` in its place. `whom`: it needs persons."""
    people = beside.people
    told = {PERSON: pa.array(people)} if whom else {USED: pa.array(people >= 0)}
    return beside.file.ask(wrap.format(query.sql), query.parameters, pa.table(told))


def _added_up(plan: Plan, beside: Beside, secret: int) -> pa.Table:
    """Return for each cell (and, for a grid, each value) that is not empty what it comes to."""
    value = ", value" if plan.choices else ""
    if not beside.several_rows:
        query = all_rows(plan, beside.types, RowFile.BESIDE)
        sums = _totals("sum(n)", "sum(total)", "sum(squared)")
    else:
        query = chosen_rows(plan, beside.types, RowFile.BESIDE, secret)
        sums = _totals("count(*)", "sum(value)", squares(plan))
    wrap = f"SELECT cell{value}, {sums} FROM ({{}}) GROUP BY cell{value} HAVING n > 0"  # noqa: S608
    return ask(beside, query, wrap, whom=beside.several_rows)


def _totals(*sums: str) -> str:
    # Each is below 2^62: the plan has seen to that.
    named = zip(sums, _SUMS.values(), strict=True)
    return ", ".join(f"CAST({total} AS BIGINT) AS {name}" for total, name in named)


def _filled(plan: Plan, found: pa.Table, name: str) -> Integers:
    cells = np.zeros(plan.cells, np.int64)
    cells[found["cell"].to_numpy()] = found[name].to_numpy()
    return cells


def _frequency(plan: Plan, beside: Beside, secret: int, most: int) -> Exact:
    query = chosen_rows(plan, beside.types, RowFile.BESIDE, secret)
    each = f"SELECT least(count(*), {most}) - 1 AS cell FROM ({{}}) GROUP BY person"  # noqa: S608
    wrap = f"SELECT cell, count(*) AS n FROM ({each}) GROUP BY cell"  # noqa: S608
    found = ask(beside, query, wrap, whom=True)
    return Exact({ROWS: _filled(plan, found, "n")})
