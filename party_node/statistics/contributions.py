"""What each permitted person adds to each cell, bounded: the query that everything is added up by.

Where people have one row each, rows are added up as they are: grouped by what stands in them, and
only then put into buckets, because there are few groups and many rows. Else each person's rows are
chosen, by a hash under a secret of the question, over what stands in them: first `rows` in each
cell, then `groups` cells. They are not chosen by their place in the file, because that moves when
somebody else is taken out of it, and then one person would change what others add.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from party_node.statistics.sql import Expressions
from protocols.dp.queries.plan import SQUARES, Plan
from protocols.dp.queries.query import Bounds, Frequency, TopK
from protocols.dp.queries.schema import BinColumn, Grouping

PERSON, USED = "__person", "__used"
"""Columns beside the file's own: whom a row is about, negative where it must not be used; and, in
place of it where nobody has two rows, whether it may be used."""
MAX_WORD = 200
"""Characters of a word that nobody listed; what is longer is cut off there."""


@dataclass(frozen=True, slots=True)
class Bounded:
    """A query with its parameters."""

    sql: str
    parameters: Sequence[object]


def chosen_rows(plan: Plan, types: Mapping[str, str], source: str, secret: int) -> Bounded:
    """Return (person, cell, value): the rows of each person that count."""
    made = Expressions(types)
    sql = _read(plan, made, source, f"{PERSON} >= 0", f"{PERSON} AS person, ")
    sql = f"SELECT person, {_cell(plan, made)} AS cell, value FROM ({sql}) WHERE {_there(plan)}"  # noqa: S608
    if not isinstance(plan.query.ask, Frequency):
        sql = _bounded(sql, plan.query.bounds, secret)
    return Bounded(sql, made.parameters)


def all_rows(plan: Plan, types: Mapping[str, str], source: str) -> Bounded:
    """Return (cell, value, n): how many rows, nobody having two, add this value to this cell.

    Where values are summed `value` is not one of the groups; `total` and `squared` are their sums.
    """
    made, groups = Expressions(types), _groups(plan)
    read = _read(plan, made, source, USED, "")
    keys = [
        f"{made.bucket(column, f'k{n}')} AS k{n}" if isinstance(column, BinColumn) else f"k{n}"
        for n, column in enumerate(groups)
    ] + (["k0"] if isinstance(plan.query.ask, TopK) else [])
    by = [*(f"k{n}" for n in range(len(keys))), *(["value"] if plan.choices else [])]
    sums = f"count(*) AS n, sum(value) AS total, {squares(plan)} AS squared"
    rows = f"SELECT {', '.join([*keys, 'value'])} FROM ({read}) WHERE {_there(plan)}"  # noqa: S608
    grouped = f"SELECT {', '.join([*by, sums])} FROM ({rows})"  # noqa: S608
    grouped += f" GROUP BY {', '.join(by)}" if by else ""
    value = ", value" if plan.choices else ""
    cell = _cell(plan, made, bins_are_buckets=True)
    sql = f"SELECT {cell} AS cell{value}, n, total, squared FROM ({grouped})"  # noqa: S608
    return Bounded(sql, made.parameters)


def squares(plan: Plan) -> str:
    """Return the sum of squares less their centre; 0 where none is asked for: it may not fit."""
    asked = plan.part(SQUARES) is not None
    return f"sum(value * value - {plan.square_centre})" if asked else "0"


def _groups(plan: Plan) -> list[Grouping]:
    return [plan.query.schema.grouping(name) for name in plan.query.by]


def _read(plan: Plan, made: Expressions, source: str, used: str, first: str) -> str:
    """Return the rows that the question is about, with what they are grouped by as k0, k1, …"""
    query, kept = plan.query, used
    if query.where is not None:
        columns = {column.name: column for column in query.schema.columns}
        kept += f" AND {made.condition(query.where, columns)}"
    keys = [made.raw(column) for column in _groups(plan)]
    if isinstance(query.ask, TopK):
        keys = [f"left({made.word(query.schema.find(query.ask.of))}, {MAX_WORD})"]
    named = "".join(f"{key} AS k{n}, " for n, key in enumerate(keys))
    return f"SELECT {first}{named}{made.added(plan)} AS value FROM {source} WHERE {kept}"  # noqa: S608


def _there(plan: Plan) -> str:
    """Rows that have no word or no number add nothing."""
    return "k0 IS NOT NULL" if isinstance(plan.query.ask, TopK) else "value IS NOT NULL"


def _cell(plan: Plan, made: Expressions, *, bins_are_buckets: bool = False) -> str:
    if isinstance(plan.query.ask, TopK):
        return "k0"
    found = "0"
    for n, (column, axis) in enumerate(zip(_groups(plan), plan.axes, strict=False)):
        ready = bins_are_buckets and isinstance(column, BinColumn)
        bucket = f"k{n}" if ready else made.bucket(column, f"k{n}")
        found = f"({found} * {len(axis)} + {bucket})"
    return f"CAST({found} AS INTEGER)"


def _bounded(sql: str, bounds: Bounds, secret: int) -> str:
    """Keep `rows` rows of each person in each cell, and `groups` cells of each person."""
    each = f"hash(person, cell, value, {secret})"
    cells = f"hash(person, cell, {secret})"
    return (
        "SELECT person, cell, value FROM ("  # noqa: S608
        f"SELECT *, dense_rank() OVER (PARTITION BY person ORDER BY {cells}, cell) AS nth_cell "
        f"FROM ({sql}) QUALIFY row_number() OVER (PARTITION BY person, cell ORDER BY {each}, value)"
        f" <= {bounds.rows}) WHERE nth_cell <= {bounds.groups}"
    )
