"""One person more or less changes what a plan adds up by no more than the plan says.

Over random small files, with people who have several rows, missing and odd values: the file is read
by DuckDB with one person in it and without, and the difference is measured.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from party_node.statistics.aggregating import aggregate
from party_node.statistics.columns import encode_people
from protocols.dp.queries.drawing import Exact, scores
from protocols.dp.queries.overlap import overlap
from protocols.dp.queries.plan import Plan
from protocols.sums.layout import plain_sums, read_columns
from tests.support.depth import examples
from tests.support.questions import EVERY_KIND, Row, planned, written

NUMBERS = st.one_of(
    st.none(),
    st.sampled_from([0.0, 10.0, -1e300, 1e300, float("nan"), float("inf")]),
    st.floats(-5, 15),
)
ROWS = st.tuples(
    st.integers(0, 4),
    st.sampled_from(["north", "south", "west", None]),
    st.one_of(st.none(), st.integers(-3, 90).map(float)),
    NUMBERS,
    st.sampled_from(["York", "Bath", "Leeds", None]),
)
FILES = st.lists(ROWS, min_size=1, max_size=14)
BOUNDED = [
    (kind, keys | bounds)
    for kind, keys in EVERY_KIND
    for bounds in ({}, {"rows": 2, "groups": 3})
    if not bounds or (kind in ("histogram", "crosstab", "mean", "quantile") and "by" in keys)
] + [("top_k", {"of": "town", "k": "2", "groups": 2}), ("count", {"rows": 3})]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as path:
        yield Path(path)


def with_and_without(folder: Path, plan: Plan, rows: list[Row]) -> tuple[Exact, Exact]:
    """The cells of a file, and of the same one without its first row's person."""
    gone = rows[0][0]
    left = [row for row in rows if row[0] != gone]
    return (
        aggregate(plan, written(folder, rows, "all.parquet"), 3),
        aggregate(plan, written(folder, left, "left.parquet"), 3),
    )


@pytest.mark.parametrize(("kind", "keys"), BOUNDED)
def test_a_person_changes_no_more_than_the_plan_says(
    folder: Path, kind: str, keys: dict[str, Any]
) -> None:
    plan = planned(kind, **keys)

    @settings(max_examples=examples(4), deadline=None)
    @given(FILES)
    def holds(rows: list[Row]) -> None:
        one, other = with_and_without(folder, plan, rows)
        for part in plan.parts:
            change = (one.cells[part.measure] - other.cells[part.measure]).astype(float)
            assert np.linalg.norm(change) <= part.distance
            assert (change != 0).sum() <= plan.groups
        if one.grid is not None and other.grid is not None:
            assert (one.grid != other.grid).any(axis=1).sum() <= plan.groups
            for choice in plan.choices:
                for mine, theirs in zip(one.grid, other.grid, strict=True):
                    moved = scores(mine, choice.at) - scores(theirs, choice.at)
                    assert np.abs(moved).max() <= choice.sensitivity
        if plan.keys is not None:
            assert one.words is not None
            assert other.words is not None
            words = {*one.words, *other.words}
            moves = [one.words.get(w, 0) - other.words.get(w, 0) for w in words]
            assert all(move in (0, 1) for move in moves)
            assert sum(moves) <= plan.keys.groups

    holds()


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=2, max_size=30),
    st.integers(0, 29),
    st.integers(1, 9999),
)
def test_a_row_moves_a_score_by_at_most_the_larger_part(
    counts: list[int], place: int, at: int
) -> None:
    one = np.array(counts)
    other = one.copy()
    other[place % len(counts)] += 1
    moved = scores(other, at) - scores(one, at)
    assert np.abs(moved).max() <= max(at, 10_000 - at)


@settings(max_examples=examples(4), deadline=None)
@given(FILES, st.lists(st.booleans(), min_size=5, max_size=5))
def test_the_matrix_of_an_aligned_sum_has_the_cells_of_who_is_meant(
    rows: list[Row], meant: list[bool]
) -> None:
    plan = planned("crosstab", by=["region", "age"])
    with TemporaryDirectory() as path:
        beside = written(Path(path), rows)
        over = overlap(plan, 5)
        ((_, data),) = encode_people(over, beside, np.arange(5), 3)
        kept = written(Path(path), [row for row in rows if meant[row[0]]], "kept.parquet")
        expected = aggregate(plan, kept, 3).cells["rows"]
    dense, codes = read_columns(over.layout, data)
    vector = np.array(meant, np.int32)[:, None]
    assert plain_sums(over.layout, vector, dense, codes)[0].tolist() == expected.tolist()
