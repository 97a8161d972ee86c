"""Features as columns: bounded, monotone, and the same for everybody who is alike."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from party_node.joint.question_file import parse
from protocols.auc import auc
from protocols.errors import InvalidParameter
from protocols.joint import moments
from protocols.joint.asked import Joint, params_for, room_for
from protocols.joint.basis import columns_of
from protocols.joint.card import shares
from protocols.joint.widths import MOST_COLUMNS, UNIT, ramps_of, widths
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification, MisfitColumn
from protocols.lookalike.leakage import LeakyColumn
from protocols.sums.bfv_packing import packing
from tests.support.joint_nodes import QUESTION

NUMBER = Feature("x", FeatureKind.NUMERIC)


def spec(*features: Feature) -> FeatureSpecification:
    return FeatureSpecification(features)


def numbers(count: int) -> FeatureSpecification:
    return spec(*(Feature(f"x{n}", FeatureKind.NUMERIC) for n in range(count)))


numeric = st.lists(
    st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=True)), min_size=1, max_size=60
)


@given(numeric)
def test_any_numbers_become_bounded_columns_that_rise_with_them(values):
    found = columns_of(spec(NUMBER), {"x": pa.array(values, pa.float64())})
    assert found.shape == (len(values), 5)
    assert found.max(initial=0) <= UNIT
    told = [(v, i) for i, v in enumerate(values) if v is not None and np.isfinite(v)]
    order = [i for _, i in sorted(told)]
    assert (np.diff(found[order, :4].astype(int), axis=0) >= 0).all()
    missing = [i for i, v in enumerate(values) if v is None]
    assert (found[missing] == [0, 0, 0, 0, UNIT]).all()


def test_ramps_bend_at_quantiles():
    found = columns_of(spec(NUMBER), {"x": pa.array(np.arange(1001.0))})
    assert (found[0, :4] == 0).all()
    assert (found[1000, :4] == UNIT).all()
    assert found[250, 0] == UNIT
    assert found[250, 1] == 0


def test_a_column_that_is_mostly_zero_has_a_ramp_for_the_rest():
    values = np.zeros(1000)
    values[:50] = np.linspace(100, 9000, 50)
    found = columns_of(spec(NUMBER), {"x": pa.array(values)})
    assert len(np.unique(found[:50, :4].sum(axis=1))) > 10
    assert (found[50:, :4] == 0).all()


@pytest.mark.parametrize("values", [[3.0] * 50, [None] * 50])
def test_what_does_not_vary_is_zeros_or_missing(values):
    found = columns_of(spec(NUMBER), {"x": pa.array(values, pa.float64())})
    assert (found[:, :4] == 0).all()


def test_categories_have_a_column_each_and_others_none():
    feature = Feature("t", FeatureKind.CATEGORICAL, categories=("a", "b"))
    found = columns_of(spec(feature), {"t": pa.array(["a", "b", "c", None])})
    assert found.tolist() == [[UNIT, 0], [0, UNIT], [0, 0], [0, 0]]


def test_unstated_categories_are_the_most_frequent():
    feature = Feature("t", FeatureKind.CATEGORICAL)
    words = [f"w{n}" for n in range(9) for _ in range(30 - n)]
    found = columns_of(spec(feature), {"t": pa.array(words)})
    assert found.shape[1] == 6
    assert (found.sum(axis=1) > 0).sum() == sum(30 - n for n in range(6))


def test_many_features_have_fewer_ramps_each():
    assert ramps_of(numbers(8)) == 4
    assert ramps_of(numbers(20)) == 1
    assert sum(widths(numbers(20))) == 40 <= MOST_COLUMNS
    assert ramps_of(numbers(30)) == 0
    assert sum(widths(numbers(30))) == 30


def test_with_one_column_a_number_is_its_rank():
    table = {f"x{n}": pa.array([1.0, None, 5.0, 5.0, 1e300]) for n in range(30)}
    found = columns_of(numbers(30), table)
    assert found[:, 0].tolist() == [4, UNIT // 2, 16, 16, 28]


def test_more_columns_than_there_is_room_for_are_refused():
    asked = parse(QUESTION)
    assert isinstance(asked, Joint)
    with pytest.raises(InvalidParameter, match="43"):
        Joint(
            asked.ours_dataset, asked.ours, asked.wanted, asked.theirs_dataset, numbers(44),
            asked.rho_nano, asked.noise,
        )  # fmt: skip
    with pytest.raises(InvalidParameter, match="filter"):
        Joint(
            asked.ours_dataset, asked.ours, type(asked.wanted)(asked.wanted.schema, "", None),
            asked.theirs_dataset, asked.theirs, asked.rho_nano, asked.noise,
        )  # fmt: skip


def test_noise_is_scaled_by_half_of_the_price_in_either_sum():
    quiet, loud = parse(QUESTION), parse(QUESTION + "noise: true\n")
    assert set(params_for(quiet).first.second.sigma_milli) == {0}
    within, across = params_for(loud).first.first.second, params_for(loud).first.second
    p = loud.their_columns
    products = p * (p + 1) // 2
    longest = np.sqrt((p + products) * UNIT**4)
    wanted = 1000 * np.ceil(longest) / np.sqrt(2 * loud.rho_nano / 2 / 1e9)
    assert within.sigma_milli[0] == pytest.approx(wanted, rel=1e-3)
    own = loud.own_columns
    longest = np.sqrt((1 + own) * UNIT**2 * p * UNIT**2)
    wanted = 1000 * np.ceil(longest) / np.sqrt(2 * loud.rho_nano / 2 / 1e9)
    assert across.sigma_milli[0] == pytest.approx(wanted, rel=1e-3)


def test_identifiers_and_missing_columns_are_refused():
    feature = Feature("t", FeatureKind.CATEGORICAL)
    with pytest.raises(LeakyColumn):
        columns_of(spec(feature), {"t": pa.array([f"a{n}@x.example" for n in range(300)])})
    with pytest.raises(MisfitColumn):
        columns_of(spec(feature), {})
    with pytest.raises(MisfitColumn):
        columns_of(spec(NUMBER), {"x": pa.array(["a", "b"])})


def test_the_area_under_the_curve_counts_ties_half():
    labels = np.array([True, True, False, False])
    assert auc(np.array([3.0, 2.0, 1.0, 0.0]), labels) == 1
    assert auc(np.array([1.0, 1.0, 1.0, 1.0]), labels) == 0.5
    assert auc(np.array([0.0, 2.0, 1.0, 1.0]), labels) == 0.5
    assert auc(np.array([1.0]), np.array([True])) is None


def test_shares_are_by_what_a_feature_moves():
    both = spec(NUMBER, Feature("y", FeatureKind.NUMERIC))
    entries = np.zeros((10, 10), np.uint8)
    entries[:5, 0] = UNIT
    found = shares(both, [1] * 10, entries)
    assert found["x"] > 0
    assert found["y"] == 0
    assert shares(both, [1] * 10, None) == {"x": 5.0, "y": 5.0}


@pytest.mark.parametrize(("own", "theirs"), [(43, 43), (30, 30), (1, 43), (43, 1), (43, 22)])
def test_encrypted_sums_have_room_for_as_many_people_as_a_job_says(own, theirs):
    most = room_for(own, theirs)
    for rho in (0, 10_000_000):
        packing(moments.within_params(theirs, most, rho))
        packing(moments.across_params(theirs, own, most, rho))
