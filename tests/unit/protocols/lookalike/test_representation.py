"""Columns of the sum: no row is longer than the sensitivity says, and no label is looked at."""

import dataclasses
import inspect
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dp import noise
from protocols.errors import InvalidParameter, LocalError
from protocols.lookalike import representation
from protocols.lookalike.encoding import encode_rows, learn_bins
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.lookalike.representation import COUNTING, LENGTH, SENSITIVITY, represent, water_fill
from protocols.sums.layout import plain_sums, read_columns, write_columns
from tests.support.lookalikes import RHO, SPEC, prepared
from tests.support.seeded import seeded


def test_one_person_moves_the_sum_by_at_most_the_sensitivity() -> None:
    p = prepared()
    rows = p.made.rows(p.codes).astype(object)
    assert max(sum(v * v for v in row) for row in rows) <= SENSITIVITY**2
    assert SENSITIVITY - 1 < (LENGTH**2 + COUNTING**2) ** 0.5 <= SENSITIVITY
    assert set(p.made.rows(p.codes)[:, -1]) == {COUNTING}


def test_people_unlike_any_in_the_population_are_cut_as_well() -> None:
    p = prepared()
    strange = np.array([[b.size - 1 for b in p.bins], [0 for b in p.bins]], np.uint16)
    rows = p.made.rows(strange).astype(object)
    assert max(sum(v * v for v in row) for row in rows) <= SENSITIVITY**2


def test_a_row_that_is_too_long_is_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    p = prepared(400)
    monkeypatch.setattr(representation, "LENGTH", 2 * LENGTH)
    with pytest.raises(LocalError):
        p.made.rows(p.codes)


def test_the_noise_of_the_sum_is_what_opendp_prices() -> None:
    params = prepared(400).made.sum_params(400)
    sigma = params.sigma_milli[0] / 1000
    assert len(set(params.sigma_milli)) == 1
    assert noise.price(sigma, SENSITIVITY) <= RHO / 10**9
    assert noise.price(sigma * 0.999, SENSITIVITY) > RHO / 10**9
    assert not params.to_holder


def test_the_rows_are_a_matrix_of_an_aligned_sum() -> None:
    p = prepared(400)
    rows, params = p.made.rows(p.codes), p.made.sum_params(400)
    dense, codes = read_columns(params.layout, write_columns(rows, np.zeros((400, 0), np.uint16)))
    marks = (np.arange(400) < 50).astype(np.int32)[:, None]
    sums = plain_sums(params.layout, marks, dense, codes)
    assert np.array_equal(sums[0], rows[:50].sum(axis=0, dtype=np.int64))


def test_the_same_population_and_draws_give_the_same_columns() -> None:
    p, again = prepared(600), prepared(600)
    assert np.array_equal(p.made.rows(p.codes), again.made.rows(again.codes))
    assert p.made.columns == again.made.columns


def test_no_label_can_reach_the_choice_of_columns() -> None:
    given_ = set(inspect.signature(represent).parameters)
    assert given_ == {"bins", "codes", "seeds_step", "rho_nano", "rng", "most", "matters"}
    kept = {f.name for f in dataclasses.fields(representation.Representation)}
    assert not kept & {"labels", "seeds", "wanted"}


def test_more_seeds_or_a_higher_price_buy_more_columns() -> None:
    p = prepared(800)
    counts = [
        represent(p.bins, p.codes, step, rho, seeded("x")).columns
        for step, rho in ((25, RHO), (200, RHO), (5000, RHO), (200, 100 * RHO))
    ]
    assert counts[0] < counts[1] < counts[2] <= representation.MAX_COLUMNS + 1
    assert counts[1] < counts[3]


@pytest.mark.parametrize(("step", "rho"), [(0, RHO), (-1, RHO), (100, 0), (100, 10**11)])
def test_numbers_out_of_range_are_refused(step: int, rho: int) -> None:
    p = prepared(200)
    with pytest.raises(InvalidParameter):
        represent(p.bins, p.codes, step, rho, seeded("x"))


@given(
    st.lists(st.floats(1e-6, 10), min_size=1, max_size=40),
    st.integers(1, 10**6),
    st.integers(10**4, 10**10),
)
def test_water_filling_spends_one_length_on_the_loudest(
    values: list[float], seeds: int, rho: int
) -> None:
    spectrum = np.array(sorted(values, reverse=True))
    loudness = water_fill(spectrum, seeds, rho)
    assert (loudness**2 * spectrum).sum() == pytest.approx(1)
    assert loudness[0] > 0
    kept = loudness > 0
    assert np.all(np.diff(kept.astype(int)) <= 0)
    assert np.all(np.diff(loudness[kept] ** 2 * spectrum[kept]) <= 1e-9)


def test_thousands_of_categories_take_no_room_for_pairs_of_them() -> None:
    names = tuple(map(str, range(4096)))
    features = tuple(Feature(f"c{n}", FeatureKind.CATEGORICAL, categories=names) for n in range(3))
    columns = {f.column: pa.array([str(n % 7) for n in range(500)]) for f in features}
    bins = learn_bins(FeatureSpecification(features), columns)
    codes = encode_rows(bins, columns)
    tracemalloc.start()
    try:
        made = represent(bins, codes, 100, RHO, seeded("many"), 48)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4096**2 * 8, "less than one matrix of all pairs of one feature"
    assert len(made.rows(codes)) == 500


def test_the_specification_has_a_missing_bin_for_each_feature() -> None:
    assert len(prepared(200).bins) == len(SPEC.features)
