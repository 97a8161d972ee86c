"""In which cells rows are: whatever the partner's columns hold, and whoever comes later."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import LocalError
from protocols.joint.cell_chunks import read_cells, write_cells
from protocols.joint.cells import LEAST_OF_A_CATEGORY, CellBins, Cells, learn
from protocols.joint.looks import NOTHING, Look, look_of
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification, MisfitColumn
from protocols.lookalike.kept import Array

NUMBER = Feature("x", FeatureKind.NUMERIC)
DAY = Feature("x", FeatureKind.DATE)
WORD = Feature("x", FeatureKind.CATEGORICAL)


def learnt(feature: Feature, column, size: int) -> CellBins:
    """Bins of one feature; they cross their encoding on the way."""
    found = learn(FeatureSpecification((feature,)), {"x": column}, Look((size,)))
    return decode(Cells, encode(found)).fine[0]


def bins(feature: Feature, values, size: int, kind=None):
    column = pa.array(values, kind)
    return learnt(feature, column, size).encode(column).astype(int)


def counts(codes, size: int) -> list[int]:
    return np.bincount(codes, minlength=size).tolist()


any_number = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
any_numbers = st.lists(any_number, max_size=80)
edges = st.lists(st.integers(-9000, 9000), max_size=40, unique=True).map(sorted).map(tuple)
sizes = st.integers(3, 64)


@given(any_numbers, any_numbers, edges, sizes)
@settings(deadline=None)
def test_any_numbers_have_a_bin_and_so_have_those_who_come_later(values, later, stated, size):
    feature = Feature("x", FeatureKind.NUMERIC, edges_milli=stated)
    found = learnt(feature, pa.array(values, pa.float64()), size)
    for some in (values, later):
        codes = found.encode(pa.array(some, pa.float64()))
        assert (codes < size).all()
        told = sorted((v, c) for v, c in zip(some, codes, strict=True) if _finite(v))
        assert (np.diff([int(code) for _, code in told]) >= 0).all(), "bins follow values"
    missing = [not _finite(v) for v in values]
    codes = found.encode(pa.array(values, pa.float64()))
    assert (codes[missing] == size - 1).all()
    assert (codes[~np.array(missing, bool)] < size - any(missing)).all()


def _finite(value) -> bool:
    return value is not None and bool(np.isfinite(value))


@given(
    st.lists(st.one_of(st.none(), st.sampled_from("abcdefgh")), max_size=120),
    st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=20),
    st.sampled_from([(), ("a",), ("b", "a", "z"), tuple("abcdefghij")]),
    st.integers(2, 64),
)
@settings(deadline=None)
def test_any_words_have_a_bin_and_so_have_new_ones(values, later, stated, size):
    feature = Feature("x", FeatureKind.CATEGORICAL, categories=stated)
    found = learnt(feature, pa.array(values, pa.string()), size)
    assert len(found.categories) < size
    for some in (values, later):
        assert (found.encode(pa.array(some, pa.string())) < size).all()
    for word in found.categories:
        assert values.count(word) >= LEAST_OF_A_CATEGORY
        assert not stated or word in stated
    own = [found.encode(pa.array([word]))[0] for word in found.categories]
    assert own == list(range(len(own))), "one for each"
    rare = {v for v in values if v is not None} - set(found.categories)
    both = {int(found.encode(pa.array([word]))[0]) for word in [*rare, "never seen"]}
    assert len(both) == 1, "all others are counted together"
    assert both.isdisjoint(own)
    assert found.encode(pa.array([None], pa.string()))[0] not in own


def test_a_category_of_nine_people_is_counted_with_others_and_of_ten_alone():
    values = ["a"] * 50 + ["b"] * 10 + ["c"] * 9 + ["d"] * 2
    found = learnt(WORD, pa.array(values), 6)
    assert found.categories == ("a", "b")
    c, d, new = found.encode(pa.array(["c", "d", "e"]))
    assert c == d == new == 2


def test_of_more_categories_than_bins_the_most_frequent_have_one_alone():
    values = [f"w{n}" for n in range(30) for _ in range(10 + n)]
    found = learnt(WORD, pa.array(values), 4)
    assert found.categories == ("w29", "w28", "w27")
    assert found.encode(pa.array(["w29", "w0", None])).tolist() == [0, 3, 3]


def test_an_ordinal_feature_has_a_bin_for_each_that_it_states():
    feature = Feature("x", FeatureKind.ORDINAL, categories=("low", "mid", "high"))
    values = ["mid"] * 30 + ["low"] * 20 + ["high"] * 10 + [None] * 5
    codes = bins(feature, values, 4)
    assert sorted(counts(codes, 4)) == [5, 10, 20, 30]
    assert (codes[60:] == 3).all()


@pytest.mark.parametrize("size", [3, 5, 12, 32])
def test_bins_hold_about_equal_numbers(size):
    d = np.random.default_rng(size)
    held = counts(bins(NUMBER, d.normal(size=5000), size), size)
    assert max(held) < 1.5 * 5000 / size
    assert min(held) > 0.5 * 5000 / size


def test_what_is_missing_takes_the_last_bin_and_nothing_else_does():
    held = counts(bins(NUMBER, [*np.arange(900.0), *[None] * 70], 4), 4)
    assert held[3] == 70
    assert min(held[:3]) > 250


@pytest.mark.parametrize("size", [3, 4, 12])
@pytest.mark.parametrize("missing", [0, 100])
def test_stated_edges_that_are_too_many_still_part_people_evenly(size, missing):
    """Of a hundred edges those stay that leave about equal numbers in all bins."""
    stated = tuple(1000 * n for n in range(1, 100))
    feature = Feature("x", FeatureKind.NUMERIC, edges_milli=stated)
    values = [*(np.arange(5000) / 50), *[None] * missing]
    codes = bins(feature, values, size)
    told = size - bool(missing)
    held = counts(codes, size)[:told]
    assert max(held) < 1.6 * 5000 / told
    assert min(held) > 0.4 * 5000 / told
    found = learnt(feature, pa.array(values), size).edges.read()
    assert set((1000 * found).astype(int)) <= set(stated)


def test_stated_edges_for_which_there_is_room_are_the_bins():
    feature = Feature("x", FeatureKind.NUMERIC, edges_milli=(1000, 2000, 5000))
    codes = bins(feature, [0.0, 1.0, 1.5, 2.0, 5.0, 5.1, 1e300, None], 5)
    assert codes.tolist() == [0, 0, 1, 1, 2, 3, 3, 4]


def test_each_frequent_value_is_alone_in_its_bin():
    d = np.random.default_rng(3)
    values = np.concatenate([np.zeros(600), np.full(300, 7.0), d.uniform(1, 20, 300)])
    codes = bins(NUMBER, values, 12)
    for value in (0.0, 7.0):
        (code,) = set(codes[values == value])
        assert set(values[codes == code]) == {value}
    few = bins(NUMBER, [3.0, 1.0, 2.0, 2.0], 12)
    assert few.tolist() == [2, 0, 1, 1]


@pytest.mark.parametrize(
    "values", [[], [None] * 9, [5.0] * 9, [np.inf] * 9, [1e308, -1e308] * 9, [5e-324, 0.0]]
)
def test_columns_that_say_little_are_no_fault(values):
    found = learnt(NUMBER, pa.array(values, pa.float64()), 8)
    assert (found.encode(pa.array(values, pa.float64())) < 8).all()
    assert len(found.edges.read()) == (len(set(values)) == 2)


def test_a_column_of_nulls_may_have_no_type():
    column = pa.nulls(20)
    for feature in (NUMBER, DAY, WORD):
        assert (learnt(feature, column, 5).encode(column) == 4).sum() >= 20 * (feature is not WORD)


def test_days_are_numbers():
    days = [datetime.date(2026, 1, 1) + datetime.timedelta(n) for n in range(400)]
    codes = bins(DAY, [*days, None], 5)
    assert codes[-1] == 4
    assert (np.diff(codes[:-1]) >= 0).all()
    assert counts(codes[:-1], 4) == [100] * 4


def test_bounds_hold_for_bins():
    feature = Feature("x", FeatureKind.NUMERIC, low_milli=0, high_milli=10_000)
    found = learnt(feature, pa.array(np.arange(-100.0, 100)), 8)
    codes = found.encode(pa.array([-1e9, -1.0, 0.0, 10.0, 11.0, 1e9]))
    assert codes[0] == codes[1] == codes[2]
    assert codes[3] == codes[4] == codes[5]


def test_who_has_none_later_is_in_the_middle_where_all_had_one():
    found = learnt(NUMBER, pa.array(np.arange(1000.0)), 5)
    low, none, high = found.encode(pa.array([-5.0, None, 5000.0]))
    assert (low, none, high) == (0, 2, 4)


def test_numbers_that_are_words_and_columns_that_are_not_there_are_misfits():
    found = learn(FeatureSpecification((NUMBER,)), {"x": pa.array([1.0, 2.0])}, Look((4,)))
    with pytest.raises(MisfitColumn):
        found.encode({"x": pa.array(["a"])})
    with pytest.raises(MisfitColumn):
        found.encode({"y": pa.array([1.0])})


def test_more_bins_than_a_feature_has_are_a_fault_here():
    none = Array.of(np.zeros(0))
    for edges_, categories in (
        (Array.of(np.arange(4.0)), ()),
        (none, ("a", "b", "c", "d")),
        (Array.of(np.zeros((2, 2))), ()),
    ):
        with pytest.raises(LocalError):
            CellBins(NUMBER, 4, edges_, categories)


# All features together


def world(people: int = 500):
    d = np.random.default_rng(5)
    each = (
        Feature("a", FeatureKind.NUMERIC),
        Feature("b", FeatureKind.CATEGORICAL, categories=("p", "q")),
        Feature("c", FeatureKind.NUMERIC),
    )
    table = {
        "a": pa.array(d.normal(size=people)),
        "b": pa.array(d.choice(["p", "q", "r"], people)),
        "c": pa.array(np.where(d.random(people) < 0.2, np.nan, d.normal(size=people))),
    }
    return FeatureSpecification(each), table


def test_cells_of_pairs_are_the_first_bin_times_the_sizes_of_the_second_and_its_bin():
    features, table = world()
    look = look_of(features)
    cells = learn(features, table, look)
    assert cells.look == look
    codes = cells.encode(table)
    assert codes.shape == (500, 6)
    assert (codes < [*look.fine, *look.coarse]).all()
    found = look.cells_of(codes)
    assert (found < look.sizes).all()
    for at, (i, j) in enumerate(look.pairs):
        one, other = codes[:, 3 + i].astype(int), codes[:, 3 + j]
        assert np.array_equal(found[:, 3 + at], one * look.coarse[j] + other)


def test_where_nothing_is_looked_at_nobody_is_in_a_cell():
    features, table = world()
    codes = learn(features, table, NOTHING).encode(table)
    assert codes.shape == (500, 0)
    assert NOTHING.cells_of(codes).shape == (500, 0)


# Chunks


@given(
    st.lists(st.integers(2, 64), min_size=0, max_size=5),
    st.booleans(),
    st.sampled_from([0, 1, 7, 300]),
    st.integers(0, 2**32 - 1),
)
def test_a_chunk_has_what_was_written(fine, pairs, rows, seed):
    look = Look(tuple(fine), tuple(min(size, 12) for size in fine) if pairs else ())
    limits = [*look.fine, *look.coarse]
    d = np.random.default_rng(seed)
    codes = d.integers(0, limits, (rows, len(limits))).astype(np.uint16)
    said, bins_ = read_cells(write_cells(look, codes))
    assert np.array_equal(bins_, codes)
    assert np.array_equal(said.cells_of(bins_), look.cells_of(codes))


def test_more_rows_than_two_bytes_say():
    codes = np.ones((70_000, 1), np.uint16)
    assert len(read_cells(write_cells(Look((2,)), codes))[1]) == 70_000


def test_bytes_that_are_no_chunk_are_a_fault_here():
    look = Look((3, 4), (2, 2))
    good = write_cells(look, np.zeros((5, 4), np.uint16))
    read_cells(good)
    for cut in range(len(good)):
        with pytest.raises(LocalError):
            read_cells(good[:cut])
    for more in (b"\x00", b"\x00\x00", good):
        with pytest.raises(LocalError):
            read_cells(good + more)
    with pytest.raises(LocalError):
        read_cells(np.array([1, 0, 0, 9], "<u2").tobytes())
