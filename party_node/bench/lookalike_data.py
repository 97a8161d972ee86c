"""Data that `accord bench lookalike` measures on: a file of the user's, or made-up people.

The made-up ones have what real ones have: numbers with heavy tails and spikes, categories of which
most are rare, values that are missing for a reason, features that matter only together, and columns
that do not matter at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from party_node.surface_errors import BenchRefused
from protocols.lookalike.leakage import LeakyColumn, check_column

MADE_UP = ("plain", "together", "hard")
_ROWS = 40_000
_POSITIVE = 0.2


@dataclass(frozen=True, slots=True)
class People:
    """Columns by name, and for each row whether it is one of those to be found."""

    name: str
    columns: dict[str, Any]
    wanted: NDArray[np.bool_]


def read(
    path: Path,
    label: str,
    value: str | None,
    without: tuple[str, ...],
    categorical: tuple[str, ...] = (),
) -> People:
    """Read a CSV (comma or semicolon) or Parquet file; `label` equal to `value` is wanted.

    Without a value, numbers above 0, true, and the words yes, true and 1 are. Numbers in columns of
    `categorical` are codes, and read as words. Raises: BenchRefused.
    """
    try:
        table = _table(path)
    except (OSError, pa.ArrowInvalid) as e:
        raise BenchRefused(f"{path} cannot be read", hint="give a CSV or Parquet file") from e
    absent = [c for c in (label, *categorical) if c not in table.column_names]
    if absent:
        raise BenchRefused(f"{path.name} has no column {absent[0]}")
    labels = table.column(label).combine_chunks()
    words = pc.cast(labels, pa.string())
    if value is not None:
        wanted = pc.equal(words, value)
    elif pa.types.is_integer(labels.type) or pa.types.is_floating(labels.type):
        wanted = pc.greater(labels, 0)
    else:
        wanted = pc.is_in(pc.utf8_lower(words), pa.array(["yes", "true", "1"]))
    dropped = {label, *without}
    columns = {c: table.column(c).combine_chunks() for c in table.column_names if c not in dropped}
    # Views of text are what some writers store, and few functions take them.
    views = [c for c, column in columns.items() if pa.types.is_string_view(column.type)]
    columns |= {c: pc.cast(columns[c], pa.string()) for c in (*views, *categorical) if c in columns}
    marked = pc.fill_null(wanted, False).to_numpy(zero_copy_only=False)
    return People(path.name, columns, np.asarray(marked, np.bool_))


def usable(
    people: People, populations: Sequence[NDArray[np.intp]] = ()
) -> tuple[dict[str, Any], list[str]]:
    """Return the columns that may be features, and the names of those that may not.

    `populations` are rows that a run is given: among few of them a larger part of the values differ
    than among all, so that a column may be refused there alone. Raises: BenchRefused if none may.
    """
    refused = []
    for name, column in people.columns.items():
        try:
            check_column(name, column)
            for rows in populations:
                check_column(name, column.take(rows))
        except LeakyColumn:
            refused.append(name)
    left = {name: c for name, c in people.columns.items() if name not in refused}
    if not left:
        raise BenchRefused("no column may be a feature")
    return left, refused


def make_up(kind: str, rows: int = _ROWS, seed: int = 1) -> People:
    """Make people up, the same for the same seed. Raises: BenchRefused."""
    if kind not in MADE_UP:
        raise BenchRefused(f"made-up people are {', '.join(MADE_UP)}")
    draws = np.random.Generator(np.random.PCG64([seed, MADE_UP.index(kind)]))
    hidden = draws.normal(size=(rows, 6))
    columns: dict[str, NDArray[Any]] = {f"number {j}": hidden[:, j] for j in range(6)}
    for j in range(3):
        columns[f"spend {j}"] = np.exp(1.5 * (0.6 * hidden[:, j] + 0.8 * draws.normal(size=rows)))
    rare = [(draws.pareto(0.8, rows) + np.exp(hidden[:, j])).astype(int) for j in range(3)]
    spike = draws.random(rows) < 0.7
    columns["balance"] = np.where(spike, 0, np.abs(hidden[:, 5]) * 100)
    gone = (draws.random(rows) < 0.2) | (hidden[:, 1] > 1.2)
    columns["gap"] = np.where(gone, np.nan, hidden[:, 2] + draws.normal(size=rows))
    for j in range(8):
        columns[f"nothing {j}"] = draws.normal(size=rows)
    alone = (
        0.8 * hidden[:, 0] + 0.5 * np.sin(2 * hidden[:, 1]) + 0.5 * spike + 0.5 * gone
        + 0.6 * (rare[0] == 1) + 0.4 * np.log(columns["spend 0"])
    )  # fmt: skip
    together = (
        hidden[:, 2] * hidden[:, 3]
        + 1.2 * ((hidden[:, 4] > 0) & (rare[1] == 1))
        + 0.7 * hidden[:, 0] * (hidden[:, 5] > 0)
    )
    weight = {"plain": (1.3, 0.0), "together": (0.7, 0.8), "hard": (0.3, 1.3)}[kind]
    logits = weight[0] * alone + weight[1] * together
    threshold = np.quantile(logits, 1 - _POSITIVE)
    wanted = draws.random(rows) < 1 / (1 + np.exp(threshold - logits))
    arrow = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    for j, values in enumerate(rare):
        arrow[f"kind {j}"] = pa.array([f"v{min(v, 300)}" for v in values.tolist()])
    return People(f"made up: {kind}", arrow, wanted)


def _table(path: Path) -> Any:
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path)
    with path.open("rb") as file:
        head = file.readline()
    comma = ";" if head.count(b";") > head.count(b",") else ","
    return pyarrow.csv.read_csv(path, parse_options=pyarrow.csv.ParseOptions(delimiter=comma))
