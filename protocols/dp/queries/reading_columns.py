"""Reading the columns of a question: `region: {categories: [north, south]}` and its like."""

from collections.abc import Mapping
from types import MappingProxyType

from protocols.dp.queries.scalars import (
    Place,
    Plain,
    mapping,
    read_fixed,
    read_int,
    read_list,
    read_text,
)
from protocols.dp.queries.schema import (
    BinColumn,
    CategoryColumn,
    Column,
    NumberColumn,
    Schema,
    TextColumn,
)

DOMAINS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "categories": ("column", "categories"),
        "bins": ("column", "bins", "decimals"),
        "bounds": ("column", "bounds", "decimals"),
        "text": ("column", "text"),
    }
)
"""What a column may be, each with all keys that it then has."""


def read_columns(plain: Plain) -> Schema:
    """Return the declared columns. Raises: InvalidQuery, InvalidParameter."""
    at = Place("columns")
    found = mapping(plain, at, None)
    return Schema(tuple(_column(name, value, at.under(name)) for name, value in found.items()))


def _column(name: str, plain: Plain, at: Place) -> Column:
    keys = mapping(plain, at, None)
    domains = [domain for domain in DOMAINS if domain in keys]
    if len(domains) != 1:
        raise at.wrong(f"has one of {', '.join(DOMAINS)}")
    (domain,) = domains
    mapping(plain, at, DOMAINS[domain])
    source = read_text(keys.get("column", name), at.under("column"))
    decimals = read_int(keys.get("decimals", "0"), at.under("decimals"))
    if not 0 <= decimals <= 9:
        raise at.under("decimals").wrong("0 to 9 is expected")
    inside = at.under(domain)
    match domain:
        case "categories":
            return CategoryColumn(name, source, tuple(read_list(keys[domain], inside, read_text)))
        case "bins":
            return BinColumn(name, source, decimals, _numbers(keys[domain], inside, decimals))
        case "bounds":
            ends = _numbers(keys[domain], inside, decimals)
            if len(ends) != 2:
                raise inside.wrong("the lower and the upper bound are expected")
            return NumberColumn(name, source, decimals, *ends)
        case _:
            if keys[domain] != "true":
                raise inside.wrong("true is expected")
            return TextColumn(name, source)


def _numbers(plain: Plain, at: Place, decimals: int) -> tuple[int, ...]:
    return tuple(read_list(plain, at, lambda value, place: read_fixed(value, place, decimals)))
