"""How long a cross-tab of 84 cells over ten million rows takes: adding up and noise.

    python -m benchmarks.statistics [rows]

Makes a Parquet file of made-up people in a folder of its own, nine in ten of them permitted, and
prints wall and CPU seconds, the best of five. Opening the file, its digest and the consent decision
are not in it.
"""

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from party_node.row_file import RowFile
from party_node.statistics.aggregating import Beside, aggregate
from protocols.dp.queries.drawing import draw
from protocols.dp.queries.plan import Plan, plan
from protocols.dp.queries.reading import read_query

ROWS = 10_000_000
REGIONS, PLANS = 10, 5


def crosstab() -> Plan:
    """Return the question: ten regions and five plans, each with `(other)` and `(missing)`."""
    columns = {
        "region": {"categories": [f"region-{n}" for n in range(REGIONS)]},
        "plan": {"categories": [f"plan-{n}" for n in range(PLANS)]},
    }
    document = {
        "query": "crosstab",
        "dataset": "made-up",
        "columns": columns,
        "by": ["region", "plan"],
        "price": {"rho": "0.005"},
    }
    return plan(read_query(document))  # type: ignore[arg-type]


def made_up(folder: Path, rows: int) -> Beside:
    """Write a file of so many people, one row each; return it with whom the rows are about."""
    rng = np.random.default_rng(1)

    def words(name: str, kinds: int) -> pa.Array:
        codes = pa.array(rng.integers(0, kinds, rows).astype(np.int8))
        names = pa.array([f"{name}-{n}" for n in range(kinds)])
        return pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())

    table = pa.table({"region": words("region", REGIONS + 2), "plan": words("plan", PLANS + 2)})
    path = folder / "people.parquet"
    pq.write_table(table, path, compression="zstd")
    people = np.arange(rows)
    people[rng.random(rows) < 0.1] = -1
    return Beside(RowFile(path), people)


def main(rows: int) -> None:
    """Measure, and print one JSON line."""
    asked = crosstab()
    with TemporaryDirectory() as folder:
        beside = made_up(Path(folder), rows)
        best = (float("inf"), float("inf"))
        for _ in range(5):
            wall, cpu = time.perf_counter(), time.process_time()
            exact = aggregate(asked, Beside(beside.file, beside.people), 1)
            draw(asked, exact)
            best = min(best, (time.perf_counter() - wall, time.process_time() - cpu))
    print(json.dumps({"rows": rows, "cells": asked.cells, "wall_s": round(best[0], 3),
                      "cpu_s": round(best[1], 3)}))  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
