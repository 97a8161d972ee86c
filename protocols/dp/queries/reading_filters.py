"""Reading the filter of a question: `and: [{eq: {region: north}}, {is_null: age}]` and its like."""

from protocols.dp.queries.filters import All, Any, Between, Filter, Missing, Not, OneOf
from protocols.dp.queries.scalars import Place, Plain, mapping, read_fixed, read_list, read_text
from protocols.dp.queries.schema import BinColumn, CategoryColumn, NumberColumn, Schema

CONDITIONS = ("eq", "in", "range", "is_null", "not", "and", "or")
RANGE = ("from", "under")
MAX_DEPTH = 16
SHOWN = 8
"""Categories that an error names."""


def read_filter(plain: Plain, schema: Schema, at: Place, depth: int = 0) -> Filter:
    """Return a condition with everything inside it. Raises: InvalidQuery, InvalidParameter."""
    found = mapping(plain, at, CONDITIONS)
    if len(found) != 1 or depth > MAX_DEPTH:
        raise at.wrong(f"has exactly one of {', '.join(CONDITIONS)}, nested at most {MAX_DEPTH}")
    ((word, inside),) = found.items()
    below = at.under(word)
    match word:
        case "eq":
            return _one_of(*_on_column(inside, below), schema, below, several=False)
        case "in":
            return _one_of(*_on_column(inside, below), schema, below, several=True)
        case "range":
            return _range(*_on_column(inside, below), schema, below)
        case "is_null":
            return Missing(read_text(inside, below))
        case "not":
            return Not(read_filter(inside, schema, below, depth + 1))
        case _:
            parts = read_list(
                inside, below, lambda part, place: read_filter(part, schema, place, depth + 1)
            )
            return All(tuple(parts)) if word == "and" else Any(tuple(parts))


def _on_column(plain: Plain, at: Place) -> tuple[str, Plain]:
    found = mapping(plain, at, None)
    if len(found) != 1:
        raise at.wrong("has exactly one column")
    ((name, value),) = found.items()
    return name, value


def _one_of(name: str, plain: Plain, schema: Schema, at: Place, *, several: bool) -> Filter:
    place, column = at.under(name), schema.find(name)
    values = read_list(plain, place, lambda v, _at: v) if several else [plain]
    if isinstance(column, BinColumn | NumberColumn):
        units = [read_fixed(value, place, column.decimals) for value in values]
        equal = tuple(Between(name, unit, unit + 1) for unit in units)
        return equal[0] if len(equal) == 1 else Any(equal)
    words = tuple(read_text(value, place) for value in values)
    if isinstance(column, CategoryColumn) and not set(words) <= set(column.values):
        # A slip of the pen would be about nobody, and be found out when it is paid for.
        known = ", ".join(column.values[:SHOWN]) + (", …" if len(column.values) > SHOWN else "")
        raise place.wrong(f"is one of the column's categories: {known}")
    return OneOf(name, words)


def _range(name: str, plain: Plain, schema: Schema, at: Place) -> Filter:
    place, column = at.under(name), schema.find(name)
    if not isinstance(column, BinColumn | NumberColumn):
        raise place.wrong("a range is of a column of numbers")
    found = mapping(plain, place, RANGE)
    ends = {
        key: read_fixed(value, place.under(key), column.decimals) for key, value in found.items()
    }
    return Between(name, ends.get("from"), ends.get("under"))
