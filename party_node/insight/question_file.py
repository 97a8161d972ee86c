"""A question about people in common, as people write it: that of `accord release`, and `ours`.

query: histogram
dataset: readers            # the partner's
columns: {tier: {categories: [gold, silver]}}
by: tier
price: {within: 50}
ours:                       # may be left out: all of this party's own people, in one group
  columns: {segment: {categories: [new, loyal]}}
  by: segment
"""

from party_node.statistics.question_file import taken_apart
from protocols.dp.queries.reading import read_query
from protocols.dp.queries.reading_columns import read_columns
from protocols.dp.queries.reading_filters import read_filter
from protocols.dp.queries.scalars import InvalidQuery, Place, Plain, mapping, read_text
from protocols.errors import InvalidParameter
from protocols.sums.insight import EVERYBODY, Insight, Segments

OURS = "ours"
KEYS = ("columns", "by", "where")


def parse(text: str) -> Insight:
    """Return the question. Raises: InvalidQuery."""
    document = dict(mapping(taken_apart(text), Place(""), None))
    ours = document.pop(OURS, None)
    query = read_query(document)
    try:
        return Insight(query, EVERYBODY if ours is None else _segments(ours))
    except InvalidQuery:
        raise
    except InvalidParameter as e:
        raise InvalidQuery(str(e)) from None


def _segments(plain: Plain) -> Segments:
    at = Place(OURS)
    found = mapping(plain, at, KEYS)
    schema = read_columns(found.get("columns", {}))
    where = found.get("where")
    return Segments(
        schema,
        read_text(found["by"], at.under("by")) if "by" in found else "",
        None if where is None else read_filter(where, schema, at.under("where")),
    )
