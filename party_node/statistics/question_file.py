"""A question as a text: YAML or JSON, read strictly, every scalar as it was typed."""

from collections.abc import Mapping

from party_node.capture import strict_yaml
from protocols.dp.budget import Rho
from protocols.dp.queries.query import Query
from protocols.dp.queries.reading import read_query
from protocols.dp.queries.reading_columns import read_columns
from protocols.dp.queries.reading_filters import read_filter
from protocols.dp.queries.scalars import InvalidQuery, Place, Plain, due, mapping, read_text
from protocols.sums.segments import Segments

MAX_DEPTH = 64


def parse(text: str) -> Query:
    """Return the question. Raises: InvalidQuery."""
    return read_query(taken_apart(text))


def taken_apart(text: str) -> Plain:
    """Return what a text says, as texts, lists and mappings. Raises: InvalidQuery."""
    try:
        root = strict_yaml.read(text, max_depth=MAX_DEPTH)
    except strict_yaml.NotStrict as e:
        raise InvalidQuery(str(e)) from None
    return _plain(root)


def read_price(found: Mapping[str, Plain]) -> int:
    """Return the rho of `price: {rho: …}`, times 10^9. Raises: InvalidQuery, InvalidParameter."""
    at = Place("price")
    price = mapping(due(found, "price"), at, ("rho",))
    return Rho.parse(read_text(due(price, "rho", at), at.under("rho"))).nano


def read_chosen(found: Mapping[str, Plain], at: Place) -> Segments:
    """Return whom `columns: …` and `where: …` at a place mean. Raises: InvalidQuery."""
    schema = read_columns(due(found, "columns", at))
    return Segments(schema, "", read_filter(due(found, "where", at), schema, at.under("where")))


def _plain(node: strict_yaml.Node) -> Plain:
    match node.value:
        case str(text):
            return text
        case list(items):
            return [_plain(item) for item in items]
        case fields:
            return {key: _plain(value) for key, value in fields.items()}
