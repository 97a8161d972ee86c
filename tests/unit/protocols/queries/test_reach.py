"""Reach, asked later: what one person changes, and which questions there are."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from protocols.codec import decode, encode
from protocols.dp.queries.plan import plan
from protocols.dp.queries.query import Query
from protocols.dp.queries.reach import GROUPS, LABELS, memberships
from protocols.dp.queries.reading import read_query
from protocols.dp.queries.reading_columns import read_columns
from protocols.dp.queries.scalars import InvalidQuery
from protocols.errors import InvalidParameter
from protocols.lookalike.evaluation import REACHES_PERMILLE, buckets
from protocols.question import columns_of
from protocols.sums.insight import Insight
from protocols.sums.segments import EVERYBODY, Segments

MODEL = "0a" * 16
PLAIN: dict[str, Any] = {
    "query": "reach",
    "dataset": "audience",
    "model": MODEL,
    "price": {"rho": "0.02"},
}


def asked(**changes: Any) -> Query:
    return read_query(PLAIN | changes)


def reached(scores: NDArray[np.float64], has: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many of those who have the outcome are in each audience: the exact answer."""
    found: NDArray[np.int64] = memberships(buckets(scores))[has].sum(axis=0).astype(np.int64)
    return found


def test_an_audience_holds_those_of_the_smaller_ones() -> None:
    found = memberships(buckets(np.arange(1000, 0, -1.0)))
    assert found.sum(axis=0).tolist() == [10, 20, 50, 100, 200, 500, 1000]
    assert (np.diff(found, axis=1) >= 0).all()
    assert len(LABELS) == GROUPS == len(REACHES_PERMILLE)
    assert LABELS[0] == "best 1 %"
    assert LABELS[-1] == "everybody"


@given(st.data())
def test_whoever_is_taken_out_changes_each_answer_by_one_at_most(data: st.DataObject) -> None:
    """Also where others move up for it: this is what the noise is made for."""
    n = data.draw(st.integers(2, 400))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    scores = rng.integers(0, data.draw(st.integers(1, 1000)), n).astype(float)
    has = rng.random(n) < data.draw(st.floats(0, 1))
    out = data.draw(st.integers(0, n - 1))
    stay = np.arange(n) != out
    change = reached(scores, has) - reached(scores[stay], has[stay])
    assert np.abs(change).max() <= 1
    (counts,) = plan(asked()).parts
    assert np.linalg.norm(change) <= counts.distance


def test_the_noise_is_for_a_person_in_all_of_them() -> None:
    (counts,) = plan(asked()).parts
    assert counts.distance == pytest.approx(np.sqrt(7), rel=1e-6)
    over = Insight(asked(), EVERYBODY).over(50)
    assert set(over.sigma_milli) == {counts.sigma_milli}
    assert over.layout.dense == (1,) * GROUPS
    assert over.layout.one_hot == ()


def test_it_names_a_model_and_nothing_else() -> None:
    found = asked()
    assert decode(Query, encode(found)) == found
    assert Insight(found, EVERYBODY).model == MODEL
    assert columns_of(Insight(found, EVERYBODY), receiver=False) == set()
    count = read_query({"query": "count", "dataset": "audience", "price": {"rho": "1"}})
    assert Insight(count, EVERYBODY).model == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "short"},
        {"model": "0A" * 16},
        {"model": MODEL + "\n"},
        {"columns": {"tier": {"categories": ["gold"]}}},
        {"columns": {"tier": {"categories": ["gold"]}}, "where": {"eq": {"tier": "gold"}}},
        {"per_person": {"groups": "2"}},
        {"by": "tier"},
    ],
)
def test_what_a_reach_cannot_be(changes: dict[str, Any]) -> None:
    with pytest.raises((InvalidQuery, InvalidParameter)):
        asked(**changes)


def test_it_is_of_one_group_of_people_without_a_value() -> None:
    schema = read_columns({"kind": {"categories": ["a", "b"]}, "spend": {"bounds": ["0", "9"]}})
    with pytest.raises(InvalidParameter, match="one group"):
        Insight(asked(), Segments(schema, "kind", None))
    with pytest.raises(InvalidParameter, match="value"):
        Insight(asked(), Segments(schema, "", None, "spend", 2))
