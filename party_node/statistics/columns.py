"""What each person adds, as the matrix of an aligned sum: one row a person, in a given order.

The rows come in chunks `columns/…` as `protocols/sums/layout.py` says. Nothing of it is noisy: it
is this party's private input to a run, and stays on its side.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from party_node.row_file import RowFile
from party_node.statistics.aggregating import Beside, ask, require
from party_node.statistics.contributions import chosen_rows, squares
from protocols.dp.queries.overlap import Overlap
from protocols.dp.queries.plan import ROWS, SQUARES, VALUES
from protocols.dp.queries.query import Frequency
from protocols.errors import LocalError
from protocols.sums.layout import NONE, columns_chunk, write_columns

Integers = NDArray[np.int64]
_NAMES = {ROWS: "n", VALUES: "total", SQUARES: "squared"}


def encode_people(
    over: Overlap, beside: Beside, order: Integers, secret: int
) -> Iterator[tuple[str, bytes]]:
    """Return the chunks of the matrix, row by row for the people of `order` (dense numbers).

    Who is in `order` and has no row that counts adds nothing; a negative number is a row that is
    nobody's. Raises: LocalError if somebody is in it twice; MissingColumn, DatasetUnreadable.
    """
    require(over.plan, beside)
    found = _added(over, beside, secret)
    place = _places(order, beside.people)
    at = place[found["person"].to_numpy()]
    meant = at >= 0
    sort = np.argsort(at[meant], kind="stable")
    columns = {name: found[name].to_numpy()[meant][sort] for name in found.column_names}
    at = at[meant][sort]
    size = over.layout.chunk_rows
    for chunk, start in enumerate(range(0, len(order), size)):
        rows = min(size, len(order) - start)
        first, last = np.searchsorted(at, [start, start + rows])
        part = {name: values[first:last] for name, values in columns.items()}
        yield columns_chunk(chunk), _chunk(over, at[first:last] - start, part, rows)


def _added(over: Overlap, beside: Beside, secret: int) -> pa.Table:
    """Return (person, cell, n, total, squared); for a quantile (person, cell, value)."""
    query = chosen_rows(over.plan, beside.types, RowFile.BESIDE, secret)
    if over.tree is not None:
        return ask(beside, query, "{}", whom=True)
    squared = f"CAST({squares(over.plan)} AS BIGINT)"
    if isinstance(over.plan.query.ask, Frequency):
        most = over.plan.query.ask.most
        cell, n, by = f"CAST(least(count(*), {most}) - 1 AS INTEGER)", "1", "person"
    else:
        cell, n, by = "cell", "count(*)", "person, cell"
    sums = f"{n} AS n, CAST(sum(value) AS BIGINT) AS total, {squared} AS squared"
    wrap = f"SELECT person, {cell} AS cell, {sums} FROM ({{}}) GROUP BY {by}"  # noqa: S608
    return ask(beside, query, wrap, whom=True)


def _places(order: Integers, people: Integers) -> Integers:
    """Return for each dense number its row in the order, -1 for who is not in it."""
    meant = order[order >= 0]
    size = 1 + max(int(people.max(initial=-1)), int(meant.max(initial=-1)))
    place = np.full(size, -1, np.int64)
    place[meant] = np.flatnonzero(order >= 0)
    if (place >= 0).sum() != len(meant):
        raise LocalError("somebody is in the order twice")
    return place


def _chunk(over: Overlap, at: Integers, found: dict[str, Integers], rows: int) -> bytes:
    cells = over.plan.cells
    dense = np.zeros((rows, len(over.layout.dense)), np.int64)
    codes = np.full((rows, len(over.layout.one_hot)), NONE, np.uint16)
    for n, part in enumerate(over.dense):
        dense[at, n * cells + found["cell"]] = found[_NAMES[part.measure]]
    for n in range(len(over.coded)):
        codes[at, n] = found["cell"]
    if over.tree is not None:
        for level, size in enumerate(over.tree.sizes):
            codes[at, level] = found["cell"] * size + over.tree.node(level, found["value"])
    return write_columns(dense, codes)
