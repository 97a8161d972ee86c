"""A question is read as it was written, or refused with the place of what is wrong."""

from typing import Any

import pytest

from party_node.statistics.question_file import parse
from protocols.codec import decode, encode
from protocols.dp.queries.filters import All, Between, Missing, Not, OneOf
from protocols.dp.queries.filters import Any as AnyOf
from protocols.dp.queries.query import (
    Bounds,
    Count,
    CrossTab,
    Mean,
    Quantile,
    Query,
    RhoPrice,
    TopK,
    WithinPrice,
)
from protocols.dp.queries.reading import read_query
from protocols.dp.queries.scalars import InvalidQuery
from protocols.dp.queries.schema import BinColumn, CategoryColumn, NumberColumn, TextColumn, written
from protocols.errors import InvalidParameter
from tests.support.questions import EVERY_KIND, question

WHOLE = """\
query: mean
dataset: customers
columns:
  region: {categories: [north, "no", "null"]}
  band: {column: age, bins: [-1, 18, 65.5], decimals: 1}
  spend: {column: Spend €, bounds: [0, 99.99], decimals: 2}
  town: {text: true}
of: spend
by: [region, band]
where:
  and:
    - eq: {region: "no"}
    - not: {in: {town: [York, Bath]}}
    - or: [{range: {spend: {from: 1, under: 2.5}}}, {is_null: band}, {eq: {spend: 3}}]
per_person: {rows: 3, groups: 2}
price: {rho: 0.1}
minimum: 20
"""


def test_a_whole_question_is_read() -> None:
    query = parse(WHOLE)
    assert query.ask == Mean("spend", ("region", "band"))
    assert query.schema.columns == (
        CategoryColumn("region", "region", ("north", "no", "null")),
        BinColumn("band", "age", 1, (-10, 180, 655)),
        NumberColumn("spend", "Spend €", 2, 0, 9999),
        TextColumn("town", "town"),
    )
    assert query.where == All(
        (
            OneOf("region", ("no",)),
            Not(OneOf("town", ("York", "Bath"))),
            AnyOf((Between("spend", 100, 250), Missing("band"), Between("spend", 300, 301))),
        )
    )
    assert query.bounds == Bounds(3, 2)
    assert query.price == RhoPrice(100_000_000)
    assert query.minimum == 20


def test_json_is_read_as_well_and_defaults_are_the_smallest() -> None:
    query = parse('{"query": "count", "dataset": "d", "price": {"within": 50}}')
    assert query.ask == Count()
    assert (query.bounds, query.price, query.minimum) == (Bounds(1, 1), WithinPrice(50), 0)
    assert query.where is None


def test_a_quantile_and_a_top_k_have_defaults() -> None:
    assert question("quantile", of="spend", at=["0.5", "0.9999"], steps="10").ask == Quantile(
        "spend", (5000, 9999), 10, ()
    )
    assert question("top_k", of="town", k="3").ask == TopK("town", 3, 12)
    assert question("top_k", of="town", k="3", delta="1e-15").ask == TopK("town", 3, 15)
    assert question("crosstab", by=["region", "age"]).ask == CrossTab(("region", "age"))


@pytest.mark.parametrize(("kind", "keys"), EVERY_KIND)
def test_every_kind_has_one_encoding(kind: str, keys: dict[str, Any]) -> None:
    query = question(kind, **keys)
    assert decode(Query, encode(query)) == query


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"query": "median"}, "query"),
        ({"quary": "x"}, "quary is not a key"),
        ({"k": "3"}, "k is not a key"),
        ({"by": "nowhere"}, "nowhere is not one of the declared columns"),
        ({"by": "spend"}, "spend is grouped by"),
        ({"by": ["region"]}, "by: a word"),
        ({"price": {}}, "price"),
        ({"price": {"rho": "0.1", "within": "5"}}, "price: has either"),
        ({"price": {"rho": "1e-3"}}, "a rho is written as a decimal"),
        ({"price": {"rho": "0"}}, "more than rho 0"),
        ({"price": {"within": "10001"}}, "within 2 to 10,000"),
        ({"price": {"epsilon": "1"}}, "epsilon is not a key"),
        ({"per_person": {"row": "1"}}, "row is not a key"),
        ({"per_person": {"rows": "0"}}, "1 to 1,000 rows"),
        ({"per_person": {"rows": "x"}}, "per_person.rows: a whole number"),
        ({"minimum": "-1"}, "a minimum"),
        ({"where": {}}, "where: has exactly one"),
        ({"where": {"eq": {"region": "a", "age": "b"}}}, "where.eq: has exactly one column"),
        (
            {"where": {"eq": {"region": "nort"}}},
            "where.eq.region: is one of the column's categories",
        ),
        ({"where": {"like": {"region": "n%"}}}, "like is not a key"),
        ({"where": {"and": []}}, "where.and: a list"),
        ({"where": {"and": [{"eq": {"x": "1"}}]}}, "x is not one of the declared"),
        ({"where": {"range": {"region": {"from": "1"}}}}, "where.range.region: a range is of"),
        ({"where": {"range": {"age": {}}}}, "the range of age is empty"),
        ({"where": {"range": {"age": {"from": "3", "under": "3"}}}}, "the range of age is empty"),
        ({"where": {"range": {"age": {"from": "3.5"}}}}, "at most 0 decimals"),
        ({"columns": {"Region": {"text": "true"}}}, "a column has a name"),
        ({"columns": {"region": {}}}, "columns.region: has one of"),
        ({"columns": {"region": {"text": "true", "bins": ["1", "2"]}}}, "columns.region: has one"),
        ({"columns": {"region": {"categories": ["a", "a"]}}}, "has a category twice"),
        ({"columns": {"region": {"categories": ["a"], "decimals": "1"}}}, "decimals is not a key"),
        ({"columns": {"region": {"categories": ["(other)"]}}}, "a category of region"),
        ({"columns": {"region": {"bins": ["2", "1"]}}}, "the edges of region rise"),
        ({"columns": {"region": {"bounds": ["2", "1"]}}}, "the lower bound of region"),
        ({"columns": {"region": {"bounds": ["1"]}}}, "columns.region.bounds: the lower"),
        ({"columns": {"region": {"bounds": ["0", "9" * 14]}}}, "a bound of region"),
    ],
)
def test_what_is_not_known_is_refused_with_its_place(change: dict[str, Any], place: str) -> None:
    document: dict[str, Any] = {
        "query": "histogram",
        "dataset": "people",
        "columns": {
            "region": {"categories": ["north"]},
            "age": {"bins": ["0", "18"]},
            "spend": {"bounds": ["0", "1"]},
        },
        "by": "region",
        "price": {"rho": "0.1"},
    }
    with pytest.raises(InvalidQuery, match=place.replace("(", r"\(")):
        read_query(document | change)


@pytest.mark.parametrize(
    "text",
    ["", "- 1", "query", "query: &a x", "query: count\nquery: count", "a: !!python/object x", "{",
     "[" * 100 + "]" * 100],
)  # fmt: skip
def test_hostile_texts_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        parse(text)
    assert "python/object" not in str(refused.value)


def test_a_value_is_never_repeated_in_an_error() -> None:
    secret = "jane.doe@example.com"
    for change in ({"minimum": secret}, {"by": [secret, secret]}, {"price": {"rho": secret}}):
        with pytest.raises(InvalidParameter) as refused:
            read_query(
                {"query": "histogram", "dataset": "d", "columns": {}, "price": {"rho": "1"}}
                | change
            )
        assert secret not in str(refused.value)


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"kind": "crosstab", "by": ["region"]}, "two columns or more"),
        ({"kind": "crosstab", "by": ["region", "region"]}, "grouped by twice"),
        ({"kind": "count", "groups": 2}, "without groups"),
        ({"kind": "distinct", "by": ["region"], "rows": 2}, "each once"),
        ({"kind": "frequency", "most": "1"}, "most is 2"),
        ({"kind": "top_k", "of": "region", "k": "1"}, "open column"),
        ({"kind": "top_k", "of": "town", "k": "0"}, "k is 1"),
        ({"kind": "top_k", "of": "town", "k": "1", "delta": "1e-5"}, "delta is"),
        ({"kind": "quantile", "of": "spend", "at": ["0.5", "0.5"], "steps": "9"}, "rise"),
        ({"kind": "quantile", "of": "spend", "at": ["1"], "steps": "9"}, "between 0 and 1"),
        ({"kind": "quantile", "of": "spend", "at": ["0.5"]}, "more steps than units"),
        ({"kind": "sum", "of": "age"}, "needs bounds"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(keys: dict[str, Any], rule: str) -> None:
    with pytest.raises(InvalidQuery, match=rule):
        question(keys.pop("kind"), **keys)


def test_fixed_point_numbers_are_written_without_zeros_at_their_end() -> None:
    told = [written(n, 2) for n in (0, 5, 50, 1250, -1205, 100)]
    assert told == ["0", "0.05", "0.5", "12.5", "-12.05", "1"]
