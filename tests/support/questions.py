"""Questions and small files to ask them of."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from party_node.row_file import RowFile
from party_node.statistics.aggregating import Beside
from protocols.dp.queries.plan import Plan, plan
from protocols.dp.queries.query import Query
from protocols.dp.queries.reading import read_query

COLUMNS: dict[str, Any] = {
    "region": {"categories": ["north", "south"]},
    "age": {"bins": ["0", "18", "65"]},
    "spend": {"bounds": ["0", "10"], "decimals": "1"},
    "town": {"text": "true"},
}


def question(kind: str, **keys: Any) -> Query:
    """Return a question over `COLUMNS`; `rho` is its price, `rows` and `groups` its bounds."""
    document: dict[str, Any] = {"query": kind, "dataset": "people", "columns": COLUMNS}
    document["price"] = {"rho": keys.pop("rho", "0.005")}
    bounds = {key: str(keys.pop(key)) for key in ("rows", "groups") if key in keys}
    return read_query(document | ({"per_person": bounds} if bounds else {}) | keys)


def planned(kind: str, **keys: Any) -> Plan:
    """Return the plan of a question."""
    return plan(question(kind, **keys))


EVERY_KIND: tuple[tuple[str, dict[str, Any]], ...] = (
    ("count", {}),
    ("histogram", {"by": "region"}),
    ("crosstab", {"by": ["region", "age"]}),
    ("sum", {"of": "spend", "by": ["region"]}),
    ("sum", {"of": "spend", "minimum": "5"}),
    ("mean", {"of": "spend", "by": ["region"]}),
    ("variance", {"of": "spend", "by": ["age"]}),
    ("quantile", {"of": "spend", "at": ["0.25", "0.5"], "steps": "20", "by": ["region"]}),
    ("top_k", {"of": "town", "k": "2"}),
    ("distinct", {"by": ["region"]}),
    ("frequency", {"most": "3"}),
)
"""A question of every kind over `COLUMNS`."""

Row = tuple[int, str | None, float | None, float | None, str | None]
"""A person (negative: not permitted), region, age, spend, town."""


def written(folder: Path, rows: list[Row], name: str = "people.parquet") -> Beside:
    """Write the rows to a file and return it with whom they are about."""
    people, *columns = zip(*rows, strict=True) if rows else ([], [], [], [], [])
    table = pa.table(
        {
            "region": pa.array(columns[0], pa.string()),
            "age": pa.array(columns[1], pa.float64()),
            "spend": pa.array(columns[2], pa.float64()),
            "town": pa.array(columns[3], pa.string()),
        }
    )
    path = folder / name
    pq.write_table(table, path)
    return Beside(RowFile(path), np.array(people, np.int64))
