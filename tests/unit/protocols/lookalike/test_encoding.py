"""Codes of columns: bins, bounds, what is missing, and what does not fit."""

import numpy as np
import pyarrow as pa
import pytest

from protocols.errors import InvalidParameter
from protocols.lookalike.encoding import NUMERIC_BINS, encode_rows, learn_bins, suggest
from protocols.lookalike.features import (
    Feature,
    FeatureKind,
    FeatureSpecification,
    MisfitColumn,
    NothingToLearn,
)
from protocols.lookalike.quality import report, report_of
from tests.support.lookalikes import SPEC, population

ROWS = 200


def _one(feature: Feature) -> FeatureSpecification:
    return FeatureSpecification((feature,))


def test_numbers_fall_into_public_bins_and_missing_ones_into_their_own() -> None:
    spec = _one(Feature("x", FeatureKind.NUMERIC, 0, 10_000, (1000, 2500)))
    values = [0.5, 1.0, 1.1, 2.5, 9.0, None, float("nan"), -7.0, 99.0, float("inf")] * 20
    bins = learn_bins(spec, {"x": pa.array(values)})
    codes = encode_rows(bins, {"x": pa.array(values)})[:10, 0]
    assert codes.tolist() == [0, 0, 1, 1, 2, 3, 3, 0, 2, 2]
    assert [bins[0].label(c) for c in range(4)] == ["≤ 1", "≤ 2.5", "> 2.5", "missing"]


def test_bins_of_a_heavy_tail_hold_about_as_many_people() -> None:
    values = np.exp(3 * np.random.default_rng(1).normal(size=100 * NUMERIC_BINS))
    bins = learn_bins(_one(Feature("x", FeatureKind.NUMERIC)), {"x": pa.array(values)})
    counts = np.bincount(encode_rows(bins, {"x": pa.array(values)})[:, 0])
    assert len(counts) == NUMERIC_BINS
    assert counts.min() > 90
    assert counts.max() < 110


def test_a_column_that_is_mostly_zero_has_its_bins_for_what_is_not() -> None:
    values = np.zeros(6400)
    values[:640] = np.exp(np.random.default_rng(2).normal(size=640))
    bins = learn_bins(_one(Feature("x", FeatureKind.NUMERIC)), {"x": pa.array(values)})
    counts = np.bincount(encode_rows(bins, {"x": pa.array(values)})[:, 0])
    assert counts[0] == 5760
    assert len(counts) > 100
    assert counts[1:].max() < 10


def test_many_frequent_values_have_a_bin_each_and_never_too_many() -> None:
    d = np.random.default_rng(3)
    for frequent in (2, 40, NUMERIC_BINS - 1, NUMERIC_BINS, NUMERIC_BINS + 1, 300):
        values = np.concatenate([np.repeat(np.arange(frequent), 100), d.normal(size=500) * 400])
        bins = learn_bins(_one(Feature("x", FeatureKind.NUMERIC)), {"x": pa.array(values)})
        codes = encode_rows(bins, {"x": pa.array(values)})[:, 0]
        assert 2 <= len(np.unique(codes)) <= 2 * NUMERIC_BINS
        assert list(bins[0].edges) == sorted(set(bins[0].edges))


def test_extreme_values_have_bins_and_break_nothing() -> None:
    values = [1e308, -1e308, float("inf"), float("-inf"), 0.0] * 40
    bins = learn_bins(_one(Feature("x", FeatureKind.NUMERIC)), {"x": pa.array(values)})
    assert len(np.unique(encode_rows(bins, {"x": pa.array(values)}))) >= 4


def test_categories_that_are_not_stated_are_other() -> None:
    spec = _one(Feature("x", FeatureKind.ORDINAL, categories=("low", "high")))
    column = pa.array((["low", "high", "wild", None]) * 50)
    bins = learn_bins(spec, {"x": column})
    codes = encode_rows(bins, {"x": column})[:4, 0]
    assert codes.tolist() == [0, 1, 2, 3]
    assert [bins[0].label(c) for c in range(4)] == ["low", "high", "other", "missing"]


def test_rare_categories_share_a_bin() -> None:
    words = [f"often {i % 5}" for i in range(1900)] + [f"rare {i}" for i in range(100)]
    bins = learn_bins(_one(Feature("x", FeatureKind.CATEGORICAL)), {"x": pa.array(words)})
    assert bins[0].size == 65
    assert set(bins[0].categories) >= {f"often {i}" for i in range(5)}


def test_constant_and_empty_columns_are_left_out() -> None:
    columns, _ = population(ROWS)
    columns |= {"spend": pa.array([1.0] * ROWS), "region": pa.array([None] * ROWS, pa.string())}
    bins = learn_bins(SPEC, columns)
    assert [b.feature.column for b in bins] == ["age", "tier", "noise"]
    found = {c.column: c for c in report(SPEC, columns).columns}
    assert found["spend"].constant
    assert found["region"].constant
    assert found["region"].missing_percent == 100
    assert report(SPEC, columns).usable == 3
    assert report_of(SPEC, columns, bins, encode_rows(bins, columns)).usable == 3


def test_a_population_in_which_nothing_varies_teaches_nothing() -> None:
    column = pa.array([None] * ROWS, pa.float64())
    with pytest.raises(NothingToLearn):
        learn_bins(_one(Feature("x", FeatureKind.NUMERIC)), {"x": column})


def test_columns_that_do_not_fit_are_refused_without_their_values() -> None:
    words = {"x": pa.array(["secret"] * ROWS)}
    with pytest.raises(MisfitColumn) as caught:
        learn_bins(_one(Feature("x", FeatureKind.NUMERIC)), words)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(MisfitColumn):
        learn_bins(SPEC, words)
    bins = learn_bins(_one(suggest("x", pa.array(range(9)))), {"x": pa.array([1, 2] * ROWS)})
    with pytest.raises(MisfitColumn):
        encode_rows(bins, words | {"y": words["x"]})
    with pytest.raises(InvalidParameter):
        learn_bins(_one(Feature("x", FeatureKind.NUMERIC)), {"x": pa.array([1.0, 2.0])})


def test_a_report_tells_what_is_refused_and_what_is_outside() -> None:
    columns, _ = population(ROWS)
    columns["age"] = pa.array([500.0] * 50 + [40.0] * 100 + [None] * 50)
    columns["noise"] = pa.array([f"p{i}@mail.example" for i in range(ROWS)])
    del columns["region"]
    made = report(SPEC, columns)
    found = {c.column: c for c in made.columns}
    assert made.people == 200
    assert (found["age"].out_of_bounds_percent, found["age"].missing_percent) == (25, 25)
    assert found["noise"].refused == "leaky-column"
    assert found["region"].refused == "misfit-column"
    assert found["tier"].refused is None


def test_quality_is_the_same_of_columns_that_are_codes_already() -> None:
    columns, _ = population(ROWS)
    columns["age"] = pa.array([500.0] * 50 + [40.0] * 100 + [None] * 50)
    bins = learn_bins(SPEC, columns)
    assert report_of(SPEC, columns, bins, encode_rows(bins, columns)) == report(SPEC, columns)


def test_times_are_numbers_by_themselves_and_far_ones_apart() -> None:
    days = pa.array(np.arange(4 * ROWS, dtype=np.int32), pa.date32())
    feature = suggest("since", days)
    assert feature.kind is FeatureKind.DATE
    bins = learn_bins(_one(feature), {"since": days})
    assert bins[0].label(0).startswith("≤ 1970-01-")
    codes = encode_rows(bins, {"since": pa.concat_arrays([days, pa.nulls(1, pa.date32())])})[:, 0]
    assert (np.diff(codes.astype(int)) >= 0).all()
    assert codes[-1] == bins[0].size - 1
    assert NUMERIC_BINS - 2 < bins[0].size <= NUMERIC_BINS + 2


def test_dates_fall_into_stated_bins_that_say_when_they_end() -> None:
    feature = Feature("since", FeatureKind.DATE, 0, 20_000_000, (1_000, 365_000))
    days = pa.array(np.tile([0, 1, 2, 365, 400], ROWS).astype(np.int32), pa.date32())
    bins = learn_bins(_one(feature), {"since": days})
    assert encode_rows(bins, {"since": days})[:5, 0].tolist() == [0, 0, 1, 1, 2]
    ends = ["≤ 1970-01-02", "≤ 1971-01-01", "> 1971-01-01", "missing"]
    assert [bins[0].label(code) for code in range(4)] == ends
    numeric = learn_bins(
        _one(Feature("since", FeatureKind.NUMERIC, edges_milli=(1_000,))), {"since": days}
    )
    assert numeric[0].label(0) == "≤ 1", "days are numbers too, where they are asked as such"


def test_numbers_are_no_dates() -> None:
    feature = Feature("since", FeatureKind.DATE)
    with pytest.raises(MisfitColumn, match="holds no dates"):
        learn_bins(_one(feature), {"since": pa.array([1, 2] * ROWS)})
    with pytest.raises(NothingToLearn):
        learn_bins(_one(feature), {"since": pa.nulls(ROWS)})
