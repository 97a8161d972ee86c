"""Bins of any column, learnt of some people and used for others: each is one that a look has."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import LocalError
from protocols.joint.cell_chunks import read_cells, write_cells
from protocols.joint.cells import LEAST_OF_A_CATEGORY, CellBins, Cells, learn
from protocols.joint.looks import look_of
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.lookalike.kept import Array

NUMBERS = st.lists(
    st.none()
    | st.floats(width=64)
    | st.sampled_from([0.0, 1.0, -1.0, 1e308, -1e308, 5e-324])
    | st.integers(-3, 3).map(float),
    min_size=1,
    max_size=120,
)
WORDS = st.lists(st.none() | st.sampled_from(["", "a", "b", "c", "é"]), min_size=1, max_size=120)
EDGES = st.lists(st.integers(-5000, 5000), max_size=90, unique=True).map(sorted).map(tuple)


def specification(edges: tuple[int, ...], stated: tuple[str, ...]) -> FeatureSpecification:
    return FeatureSpecification(
        (
            Feature("n", FeatureKind.NUMERIC, edges_milli=edges),
            Feature("w", FeatureKind.CATEGORICAL, categories=stated),
        )
    )


def table(numbers: list[Any], words: list[Any]) -> dict[str, Any]:
    rows = min(len(numbers), len(words))
    return {
        "n": pa.array(numbers[:rows], pa.float64()),
        "w": pa.array(words[:rows], pa.string()),
    }


@settings(max_examples=80, deadline=None)
@given(
    EDGES,
    st.sampled_from([(), ("a",), ("a", "b"), tuple(map(str, range(70)))]),
    *(NUMBERS, WORDS, NUMBERS, WORDS),
)
def test_whatever_a_column_holds_each_row_is_in_a_cell_that_is_looked_at(
    edges: tuple[int, ...],
    stated: tuple[str, ...],
    numbers: list[Any],
    words: list[Any],
    later_numbers: list[Any],
    later_words: list[Any],
) -> None:
    features = specification(edges, stated)
    look = look_of(features)
    assert look.fine, "something is looked at"
    cells = decode(Cells, encode(learn(features, table(numbers, words), look)))
    assert cells.look == look
    for rows in (table(numbers, words), table(later_numbers, later_words)):
        bins = cells.encode(rows)
        said, again = read_cells(write_cells(look, bins))
        assert np.array_equal(again, bins)
        each = look.cells_of(bins)
        assert np.array_equal(said.cells_of(again), each)
        assert (each < np.array(look.sizes)).all()


def test_names_that_few_have_are_not_kept() -> None:
    few, many = LEAST_OF_A_CATEGORY - 1, LEAST_OF_A_CATEGORY
    features = specification((), ())
    words = [*["rare"] * few, *["often"] * many]
    cells = learn(features, table([1.0] * len(words), words), look_of(features))
    assert {bins.categories for bins in (*cells.fine, *cells.coarse)} == {(), ("often",)}
    codes = cells.encode(table([1.0] * len(words), words))[:, 1]
    assert set(codes[:few]) != set(codes[few:])


@pytest.mark.parametrize("size", [3, 2])
def test_more_bins_than_a_feature_has_are_no_bins(size: int) -> None:
    feature = Feature("n", FeatureKind.NUMERIC)
    with pytest.raises(LocalError):
        CellBins(feature, size, Array.of(np.arange(3.0)), ())
    with pytest.raises(LocalError):
        CellBins(feature, size, Array.of(np.zeros((1, 1))), ())


@pytest.mark.parametrize("cut", [1, 2, 8, 9])
def test_a_chunk_that_lost_bytes_is_a_fault_here(cut: int) -> None:
    look = look_of(specification((), ()))
    whole = write_cells(look, np.zeros((3, 4), np.uint16))
    for data in (whole[:-cut], whole[:cut], b""):
        with pytest.raises(LocalError):
            read_cells(data)
