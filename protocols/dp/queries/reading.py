"""Reading a question as people write it: YAML or JSON, already taken apart into text.

Every scalar is text as it was typed, so that `0.1` is a tenth and not the nearest float. Whatever
is not known is refused, with its place: a misspelt key never means a default.
`docs/reference/queries.md` lists every key, and a test compares it with the tables here.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from protocols.dp.budget import Rho
from protocols.dp.queries.query import (
    MAX_PARTS_OF_WHOLE,
    Ask,
    Bounds,
    Count,
    CrossTab,
    Distinct,
    Frequency,
    Histogram,
    Lift,
    Mean,
    Quantile,
    Query,
    Reach,
    RhoPrice,
    Sum,
    TopK,
    Variance,
    Window,
    WithinPrice,
)
from protocols.dp.queries.reading_columns import read_columns
from protocols.dp.queries.reading_filters import read_filter
from protocols.dp.queries.scalars import (
    InvalidQuery,
    Place,
    Plain,
    mapping,
    read_fixed,
    read_int,
    read_list,
    read_text,
    refused_as_query,
)
from protocols.dp.queries.schema import Schema

Reader: TypeAlias = Callable[["Fields"], Ask]

COMMON = ("query", "dataset", "columns", "where", "per_person", "price", "minimum")
"""Keys of every question."""
COMMON_PEOPLE, EXPOSED = "common", "exposed"
"""Whom the rates of a lift are among."""
DEFAULT_STEPS, DEFAULT_DELTA_EXPONENT = 1000, 12


class Fields:
    """The keys of one question, read by name."""

    def __init__(self, plain: Mapping[str, Plain], schema: Schema) -> None:
        self._plain, self._schema = plain, schema

    def column(self, key: str) -> str:
        """Return the name of a declared column."""
        name = read_text(self._one(key), Place(key))
        self._schema.find(name)
        return name

    def columns(self, key: str) -> tuple[str, ...]:
        """Return names of columns; none where the key is missing."""
        if key not in self._plain:
            return ()
        return tuple(read_list(self._plain[key], Place(key), read_text))

    def word(self, key: str) -> str:
        """Return a word."""
        return read_text(self._one(key), Place(key))

    def one_of(self, key: str, known: tuple[str, ...]) -> str:
        """Return one of the known words; the first of them where the key is missing."""
        word = read_text(self._plain.get(key, known[0]), Place(key))
        if word not in known:
            raise InvalidQuery(f"{key}: is one of {', '.join(known)}")
        return word

    def window(self, key: str) -> Window | None:
        """Return a window of time; None where the key is missing."""
        if key not in self._plain:
            return None
        at = Place(key)
        found = mapping(self._plain[key], at, WINDOW)
        if len(found) != len(WINDOW):
            raise at.wrong("after and under are expected")
        return Window(
            read_text(found["after"], at.under("after")),
            read_int(found["under"], at.under("under")),
        )

    def words(self, key: str) -> tuple[str, ...]:
        """Return words, at least one."""
        return tuple(read_list(self._one(key), Place(key), read_text))

    def whole(self, key: str, default: int | None = None) -> int:
        """Return a whole number."""
        if default is not None and key not in self._plain:
            return default
        return read_int(self._one(key), Place(key))

    def parts(self, key: str) -> tuple[int, ...]:
        """Return parts of a whole, in ten-thousandths."""
        places = len(str(MAX_PARTS_OF_WHOLE)) - 1
        found = read_list(self._one(key), Place(key), lambda v, at: read_fixed(v, at, places))
        return tuple(found)

    def exponent(self, key: str, default: int) -> int:
        """Return n of a number written as 1e-n."""
        if key not in self._plain:
            return default
        text = read_text(self._plain[key], Place(key))
        head, digits = text[:3], text[3:]
        if head != "1e-" or not (digits.isascii() and digits.isdigit() and len(digits) <= 2):
            raise InvalidQuery(f"{key}: a delta is written as 1e-12")
        return int(digits)

    def _one(self, key: str) -> Plain:
        if key not in self._plain:
            raise InvalidQuery(f"{key} is missing")
        return self._plain[key]


def _count(_fields: Fields) -> Ask:
    return Count()


def _histogram(fields: Fields) -> Ask:
    return Histogram(fields.column("by"))


def _cross_tab(fields: Fields) -> Ask:
    return CrossTab(fields.columns("by"))


def _sum(fields: Fields) -> Ask:
    return Sum(fields.column("of"), fields.columns("by"))


def _mean(fields: Fields) -> Ask:
    return Mean(fields.column("of"), fields.columns("by"))


def _variance(fields: Fields) -> Ask:
    return Variance(fields.column("of"), fields.columns("by"))


def _quantile(fields: Fields) -> Ask:
    steps = fields.whole("steps", DEFAULT_STEPS)
    return Quantile(fields.column("of"), fields.parts("at"), steps, fields.columns("by"))


def _top_k(fields: Fields) -> Ask:
    exponent = fields.exponent("delta", DEFAULT_DELTA_EXPONENT)
    return TopK(fields.column("of"), fields.whole("k"), exponent)


def _distinct(fields: Fields) -> Ask:
    return Distinct(fields.columns("by"))


def _frequency(fields: Fields) -> Ask:
    return Frequency(fields.whole("most"))


def _lift(fields: Fields) -> Ask:
    return Lift(
        fields.column("arm"),
        fields.word("baseline"),
        fields.words("converted"),
        fields.one_of("among", (COMMON_PEOPLE, EXPOSED)) == EXPOSED,
        fields.window("window"),
    )


def _reach(fields: Fields) -> Ask:
    return Reach(fields.word("model"))


KINDS: Mapping[str, tuple[tuple[str, ...], Reader]] = MappingProxyType(
    {
        "count": ((), _count),
        "histogram": (("by",), _histogram),
        "crosstab": (("by",), _cross_tab),
        "sum": (("of", "by"), _sum),
        "mean": (("of", "by"), _mean),
        "variance": (("of", "by"), _variance),
        "quantile": (("of", "at", "steps", "by"), _quantile),
        "top_k": (("of", "k", "delta"), _top_k),
        "distinct": (("by",), _distinct),
        "frequency": (("most",), _frequency),
        "lift": (("arm", "baseline", "converted", "among", "window"), _lift),
        "reach": (("model",), _reach),
    }
)
"""Kinds of question, each with the keys that it has besides the common ones."""

WINDOW = ("after", "under")
PER_PERSON = ("rows", "groups")
PRICES = ("rho", "within")


def read_query(plain: Plain) -> Query:
    """Return the question that a document asks.

    Raises: InvalidQuery, naming the key, for whatever is unknown, missing or outside its range.
    """
    document = mapping(plain, Place(""), None)
    kind = read_text(document.get("query", ""), Place("query"))
    if kind not in KINDS:
        raise InvalidQuery(f"query: is one of {', '.join(KINDS)}")
    keys, reader = KINDS[kind]
    mapping(plain, Place(""), (*COMMON, *keys))
    if "dataset" not in document:
        raise InvalidQuery("dataset is missing")
    with refused_as_query():
        schema = read_columns(document.get("columns", {}))
        where = document.get("where")
        return Query(
            dataset=read_text(document["dataset"], Place("dataset")),
            schema=schema,
            ask=reader(Fields(document, schema)),
            where=None if where is None else read_filter(where, schema, Place("where")),
            bounds=_bounds(document.get("per_person", {})),
            price=_price(document.get("price")),
            minimum=read_int(document.get("minimum", "0"), Place("minimum")),
        )


def _bounds(plain: Plain) -> Bounds:
    at = Place("per_person")
    found = mapping(plain, at, PER_PERSON)
    return Bounds(**{key: read_int(value, at.under(key)) for key, value in found.items()})


def _price(plain: "Plain | None") -> RhoPrice | WithinPrice:
    at = Place("price")
    if plain is None:
        raise InvalidQuery("price is missing: as {rho: 0.005} or {within: 50}")
    found = mapping(plain, at, PRICES)
    if len(found) != 1:
        raise InvalidQuery("price: has either rho or within")
    if "rho" in found:
        return RhoPrice(Rho.parse(read_text(found["rho"], at.under("rho"))).nano)
    return WithinPrice(read_int(found["within"], at.under("within")))
