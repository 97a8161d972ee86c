"""The measurement of aligned sums: both parties as processes, and what they cost together.

There is no coordinator: the envelopes are those of a job, carried over one loopback connection.
"""

import dataclasses
from pathlib import Path
from typing import Any

from party_node.bench.direct_run import added_up, run_directly
from party_node.bench.made_rows import SumsAsked
from party_node.surface_errors import BenchRefused
from protocols.errors import InvalidParameter
from protocols.session import Role
from protocols.sums import routes

_MB = 10**6
_ROLES = {"vectors": Role.INITIATOR, "matrix": Role.RESPONDER}
"""The two parties, by what they have."""


def read(rows: int, columns: int, route: str, entries: str, bound: int, receiver: str) -> SumsAsked:
    """Read the words of the command line. Raises: BenchRefused, saying which word is wrong."""
    hint = "see: accord bench sums --help"
    if route not in routes.ROUTES:
        raise BenchRefused(f"{route!r} is no route", hint=f"known are {', '.join(routes.ROUTES)}")
    if entries not in ("one-hot", "dense"):
        raise BenchRefused(f"{entries!r} is no kind of entries", hint="one-hot or dense")
    if receiver not in _ROLES:
        raise BenchRefused(f"{receiver!r} is no side", hint="vectors or matrix")
    if rows < 0 or columns < 1 or bound < 1:
        raise BenchRefused("a size is too small", hint=hint)
    dense = bound if entries == "dense" else 0
    asked = SumsAsked(rows, columns, dense, route, receiver == "vectors")
    try:
        routes.find(route).begin(Role.RESPONDER, asked.params(), bytes(32), asked.aligned(), bytes)
    except InvalidParameter as e:
        raise BenchRefused(str(e), hint=hint) from e
    return asked


def measure(folder: Path, asked: SumsAsked) -> dict[str, Any]:
    """Measure under `folder` and return the figures. Raises: BenchFailed."""
    module = "party_node.bench.sums_party"
    return _added_up(asked, run_directly(folder, module, _ROLES, dataclasses.asdict(asked)))


def _added_up(asked: SumsAsked, sides: dict[str, Any]) -> dict[str, Any]:
    receiver = "vectors" if asked.to_holder else "matrix"
    transcripts = {side["transcript"] for side in sides.values()}
    return {
        "route": asked.route,
        "protocol": routes.find(asked.route).name,
        "rows": asked.rows,
        "columns": asked.columns,
        "entries": "dense" if asked.bound else "one-hot",
        "bound": asked.bound or 1,
        "receiver": receiver,
        **added_up(sides),
        "exact": sides[receiver]["exact"] and len(transcripts) == 1,
    }


def heading(found: dict[str, Any]) -> str:
    """Return what was measured in one line."""
    size = f"{found['rows']:,} rows × {found['columns']:,} {found['entries']} columns"
    return f"{found['protocol']}, {size}, for the side with the {found['receiver']}"


def words(found: dict[str, Any]) -> list[list[str]]:
    """Return the figures for people: name and value."""
    return [
        ["wall seconds", f"{found['wall_seconds']:.2f}"],
        ["CPU-seconds of both parties", f"{found['cpu_seconds_both_parties']:.2f}"],
        *([f"  {party}", f"{used:.2f}"] for party, used in found["cpu_seconds"].items()),
        *([f"peak memory, {party}, MiB", str(mib)] for party, mib in found["peak_mib"].items()),
        ["MB from vectors to matrix", f"{found['bytes']['from_vectors'] / _MB:.2f}"],
        ["MB from matrix to vectors", f"{found['bytes']['from_matrix'] / _MB:.2f}"],
        ["exact", "yes" if found["exact"] else "NO"],
    ]
