"""A question about people in common, as people write it: that of `accord release`, and `ours`.

query: histogram
dataset: readers            # the partner's
columns: {tier: {categories: [gold, silver]}}
by: tier
price: {within: 50}
ours:                       # may be left out: all of this party's own people, in one group
  columns: {segment: {categories: [new, loyal]}, spend: {bounds: [0, 500]}}
  by: segment
  value: spend              # may be left out: a column with bounds, which is added up
  levels: 6                 # in how many groups by value; more are more exact and cost more work
"""

from party_node.statistics.question_file import taken_apart
from protocols.dp.queries.reading import read_query
from protocols.dp.queries.reading_columns import read_columns
from protocols.dp.queries.reading_filters import read_filter
from protocols.dp.queries.scalars import (
    Place,
    Plain,
    mapping,
    read_int,
    read_text,
    refused_as_query,
)
from protocols.sums.insight import Insight
from protocols.sums.segments import EVERYBODY, Segments

OURS = "ours"
KEYS = ("columns", "by", "where", "value", "levels")
DEFAULT_LEVELS = 4


def parse(text: str) -> Insight:
    """Return the question. Raises: InvalidQuery."""
    document = dict(mapping(taken_apart(text), Place(""), None))
    ours = document.pop(OURS, None)
    query = read_query(document)
    with refused_as_query():
        return Insight(query, EVERYBODY if ours is None else _segments(ours))


def _segments(plain: Plain) -> Segments:
    at = Place(OURS)
    found = mapping(plain, at, KEYS)
    schema = read_columns(found.get("columns", {}))
    where, value = found.get("where"), ""
    if "value" in found:
        value = read_text(found["value"], at.under("value"))
    levels = read_int(found.get("levels", str(DEFAULT_LEVELS if value else 0)), at.under("levels"))
    return Segments(
        schema,
        read_text(found["by"], at.under("by")) if "by" in found else "",
        None if where is None else read_filter(where, schema, at.under("where")),
        value,
        levels,
    )
