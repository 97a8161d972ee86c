"""Campaigns to measure: a question of lift, and its cells."""

from collections.abc import Sequence

from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.plan import ROWS, Plan, plan
from protocols.dp.queries.query import Query
from protocols.dp.queries.reading import read_query
from protocols.dp.queries.scalars import Plain

ARMS = ("test", "control")


def lift_question(rho: str = "0.005", minimum: str = "0", **keys: Plain) -> Query:
    """Return a question of lift over two arms."""
    document: dict[str, Plain] = {
        "query": "lift",
        "dataset": "exposures",
        "columns": {"arm": {"categories": list(ARMS)}},
        "arm": "arm",
        "baseline": "control",
        "converted": ["yes"],
        "price": {"rho": rho},
        "minimum": minimum,
    }
    return read_query(document | keys)


def lift_plan(rho: str = "0.005", minimum: str = "0") -> Plan:
    """Return its plan."""
    return plan(lift_question(rho, minimum))


def cells(*counts: int) -> Noisy:
    """Return one group's cells: of both arms, and nobody elsewhere unless said."""
    padded: Sequence[int] = (*counts, *(0,) * (4 - len(counts)))
    return Noisy({ROWS: tuple(padded)})
