"""A lookalike as people write it, YAML or JSON, read strictly:

population: readers           # the partner's dataset
features:
  - {column: age, kind: numeric, low: 18, high: 90}
  - {column: joined, kind: date, low: 2015-01-01}
  - {column: tier, kind: ordinal, categories: [basic, silver, gold]}
  - {column: region, kind: categorical}
seeds:
  dataset: customers          # the brand's
  expected: 2000              # at least so many of them are among the population
  columns: {segment: {categories: [new, loyal]}}    # may be left out, with `where`
  where: {eq: {segment: loyal}}
price: {rho: 0.01721}         # epsilon 1 at delta 10^-8
audience: 5000                # may be left out
"""

from collections.abc import Mapping

from party_node.statistics.question_file import read_chosen, read_price, taken_apart
from protocols.dp.queries.scalars import (
    Place,
    Plain,
    due,
    mapping,
    read_fixed,
    read_int,
    read_list,
    read_text,
    refused_as_query,
)
from protocols.errors import InvalidParameter
from protocols.lookalike.asked import Lookalike
from protocols.lookalike.days import read_day
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.lookalike.seeds import TooFewSeeds
from protocols.sums.segments import EVERYBODY, Segments

KEYS = ("population", "features", "seeds", "price", "audience")
FEATURE_KEYS = ("column", "kind", "low", "high", "edges", "categories")
SEEDS_KEYS = ("dataset", "expected", "columns", "where")


def parse(text: str) -> Lookalike:
    """Return the question. Raises: InvalidQuery."""
    found = mapping(taken_apart(text), Place(""), KEYS)
    with refused_as_query(TooFewSeeds):
        return _read(found)


def _read(found: Mapping[str, Plain]) -> Lookalike:
    at = Place("seeds")
    seeds = mapping(due(found, "seeds"), at, SEEDS_KEYS)
    features = tuple(read_list(due(found, "features"), Place("features"), read_feature))
    return Lookalike(
        population=read_text(due(found, "population"), Place("population")),
        features=FeatureSpecification(features),
        seeds_dataset=read_text(due(seeds, "dataset", at), at.under("dataset")),
        chosen=_chosen(seeds, at),
        seeds=read_int(due(seeds, "expected", at), at.under("expected")),
        rho_nano=read_price(found),
        audience=read_int(found.get("audience", "0"), Place("audience")),
    )


def _chosen(seeds: Mapping[str, Plain], at: Place) -> Segments:
    if "where" not in seeds:
        return EVERYBODY
    return read_chosen({"columns": {}, **seeds}, at)


def read_feature(plain: Plain, at: Place) -> Feature:
    """Return a feature. Raises: InvalidQuery, InvalidParameter."""
    found = mapping(plain, at, FEATURE_KEYS)
    kind = read_text(found.get("kind", ""), at.under("kind"))
    if kind not in {k.value for k in FeatureKind}:
        raise at.under("kind").wrong(f"one of {', '.join(FeatureKind)} is expected")
    milli = _milli_days if kind == FeatureKind.DATE else _milli
    low, high = (
        milli(found[key], at.under(key)) if key in found else None for key in ("low", "high")
    )
    edges = read_list(found["edges"], at.under("edges"), milli) if "edges" in found else ()
    categories = (
        read_list(found["categories"], at.under("categories"), read_text)
        if "categories" in found
        else ()
    )
    column = read_text(due(found, "column", at), at.under("column"))
    try:
        return Feature(column, FeatureKind(kind), low, high, tuple(edges), tuple(categories))
    except InvalidParameter as e:  # which does not say of which feature
        raise at.wrong(str(e)) from e


def _milli_days(plain: Plain, at: Place) -> int:
    text = read_text(plain, at)
    try:
        return 1000 * read_day(text)
    except ValueError:
        raise at.wrong("a date YYYY-MM-DD is expected") from None


def _milli(plain: Plain, at: Place) -> int:
    return read_fixed(plain, at, 3)
