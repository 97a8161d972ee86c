"""A condition of a question in words, for whoever is to say yes to it.

The words of a question are the other party's: one that could be read as several, or that would
move a terminal's cursor, stands in quotation marks and is escaped.
"""

import json
import re

from protocols.dp.queries.filters import All, Any, Between, Filter, Missing, Not, OneOf
from protocols.dp.queries.schema import BinColumn, NumberColumn, Schema, written

_MOST_VALUES = 8
_AMBIGUOUS = re.compile(r"""[,;:()"]|\b(?:or|and|is|not|where)\b|^\s|\s$|^$""")


def word(value: str) -> str:
    """Return a word of a question as it stands, or quoted if it could be taken for more than one.

    Not printable are also marks that turn the direction of writing.
    """
    if value.isprintable() and not _AMBIGUOUS.search(value):
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def condition(schema: Schema, where: Filter, most: int | None = _MOST_VALUES) -> str:
    """Return the condition as one phrase; of a list no more than `most` values are said, and how
    many more there are. None: all of them.
    """
    match where:
        case OneOf(column=name, values=values):
            shown = values[:most]
            more = len(values) - len(shown)
            return f"{name} is {' or '.join(map(word, shown))}" + (
                f" or {more} more" if more > 0 else ""
            )
        case Between(column=name, low=low, high=high):
            column = schema.find(name)
            places = column.decimals if isinstance(column, BinColumn | NumberColumn) else 0
            ends = [f"at least {written(low, places)}"] if low is not None else []
            ends += [f"under {written(high, places)}"] if high is not None else []
            return f"{name} is {' and '.join(ends)}"
        case Missing(column=name):
            return f"{name} is missing"
        case Not(part=part):
            return f"not ({condition(schema, part, most)})"
        case All(parts=parts):
            return " and ".join(f"({condition(schema, part, most)})" for part in parts)
        case Any(parts=parts):
            return " or ".join(f"({condition(schema, part, most)})" for part in parts)
