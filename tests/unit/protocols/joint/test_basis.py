"""Features as columns: bounded, monotone, and the same for everybody who is alike."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from party_node.joint.question_file import parse
from protocols.auc import auc
from protocols.codec import decode, encode
from protocols.errors import InvalidParameter, LocalError
from protocols.joint import moments
from protocols.joint.asked import Joint, params_for, room_for
from protocols.joint.basis import Basis, Ramps, Ranks, Steps
from protocols.joint.basis_learning import learn
from protocols.joint.card import About, shares, spans
from protocols.joint.widths import MOST_COLUMNS, UNIT, ramps_of, widths
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification, MisfitColumn
from protocols.lookalike.kept import Array
from protocols.lookalike.leakage import LeakyColumn
from protocols.sums.bfv_packing import packing
from tests.support.joint_nodes import QUESTION

NUMBER = Feature("x", FeatureKind.NUMERIC)


def no_earlier(job, rho):
    raise AssertionError("the question names no earlier job")


def spec(*features: Feature) -> FeatureSpecification:
    return FeatureSpecification(features)


def columns_of(features, table):
    """Columns of the people that they were learnt of; the basis crosses its encoding on the way."""
    return decode(Basis, encode(learn(features, table))).encode(table)


def asked(text: str) -> Joint:
    found = parse(text, no_earlier)
    assert isinstance(found, Joint)
    return found


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


def test_many_features_of_categories_have_fewer_columns_each():
    words = spec(*(Feature(f"w{n}", FeatureKind.CATEGORICAL) for n in range(12)))
    assert widths(words) == (3,) * 12
    stated = Feature("t", FeatureKind.CATEGORICAL, categories=tuple("abcdefgh"))
    assert widths(spec(*words.features, stated)) == (*(2,) * 12, 8)
    mixed = spec(*words.features[:7], *numbers(2).features)
    assert widths(mixed) == (*(5,) * 7, 1, 1)
    table = {f"w{n}": pa.array([f"v{i % 9}" for i in range(400)]) for n in range(12)}
    assert columns_of(words, table).shape[1] == 36
    many = spec(*(Feature(f"w{n}", FeatureKind.CATEGORICAL) for n in range(22)))
    one = asked(QUESTION)
    with pytest.raises(InvalidParameter, match="43"):
        dataclasses.replace(one, theirs=many)


def test_with_one_column_a_number_is_its_rank():
    table = {f"x{n}": pa.array([1.0, None, 5.0, 5.0, 1e300]) for n in range(30)}
    found = columns_of(numbers(30), table)
    assert found[:, 0].tolist() == [4, UNIT // 2, 16, 16, 28]


def test_more_columns_than_there_is_room_for_are_refused():
    one = asked(QUESTION)
    with pytest.raises(InvalidParameter, match="43"):
        Joint(
            one.ours_dataset, one.ours, one.wanted, one.theirs_dataset, numbers(44),
            one.rho_nano, one.noise,
        )  # fmt: skip
    with pytest.raises(InvalidParameter, match="filter"):
        Joint(
            one.ours_dataset, one.ours, type(one.wanted)(one.wanted.schema, "", None),
            one.theirs_dataset, one.theirs, one.rho_nano, one.noise,
        )  # fmt: skip


def test_noise_is_scaled_by_half_of_the_price_in_either_sum():
    quiet, loud = asked(QUESTION), asked(QUESTION + "noise: true\n")
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
    about = About.of(both, MOST_COLUMNS, [(1,), (0, 1)])
    assert spans(about, both, [1, -1] * 6) == {"x": 5.0, "y": 6.0, "x with y": 1.0}
    assert spans(about, both, [1] * 43) == {"x": 5.0, "y": 6.0, "x with y": 1.0}, "the rest is none"


# What comes later, by the basis of before


def by_hand(values, told):
    """Entries of one column of ranks, as the definition says: ties count half."""
    below, same = (told[None] < values[:, None]).sum(1), (told[None] == values[:, None]).sum(1)
    return np.rint(UNIT * (2 * below + same) / (2 * len(told)))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=80))
def test_ranks_are_those_of_the_people_they_were_learnt_of(values):
    table = {f"x{n}": pa.array(values, pa.float64()) for n in range(30)}
    found = columns_of(numbers(30), table)
    assert found[:, 7].tolist() == by_hand(np.array(values), np.array(values)).tolist()


some = st.lists(
    st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=True)), min_size=0, max_size=40
)


@given(numeric, some, st.sampled_from([1, 20, 30]))
def test_whoever_comes_later_is_encoded_as_who_was_there(before, later, features):
    """One at a time or all together, with whomever else: a row says the same, and rises with it."""
    spread = numbers(features)
    basis = learn(spread, {f"x{n}": pa.array(before, pa.float64()) for n in range(features)})
    table = {f"x{n}": pa.array([*before, *later], pa.float64()) for n in range(features)}
    found = basis.encode(table)
    first = basis.encode({name: column[: len(before)] for name, column in table.items()})
    assert (found[: len(before)] == first).all()
    assert found.shape == (len(before) + len(later), sum(widths(spread)))
    assert found.max(initial=0) <= UNIT
    told = [(v, i) for i, v in enumerate([*before, *later]) if v is not None and np.isfinite(v)]
    order = [i for _, i in sorted(told)]
    rising = found[order, : max(ramps_of(spread), 1)].astype(int)
    assert (np.diff(rising, axis=0) >= 0).all()


def test_numbers_as_far_apart_as_there_are_any_have_ramps():
    far = np.concatenate([np.linspace(-1.7e308, -1e308, 50), np.linspace(1e308, 1.7e308, 50)])
    found = columns_of(numbers(20), {f"x{n}": pa.array(far) for n in range(20)})
    assert (np.diff(found[:, 0].astype(int)) >= 0).all()
    assert (found[0, 0], found[-1, 0]) == (0, UNIT)


def test_numbers_beyond_the_ends_are_as_the_ends():
    basis = learn(spec(NUMBER), {"x": pa.array([*np.arange(100.0), None])})
    found = basis.encode({"x": pa.array([-1e300, 0.0, 99.0, 1e300, None])})
    assert (found[0] == found[1]).all()
    assert (found[2] == found[3]).all()
    assert found[4].tolist() == [0, 0, 0, 0, UNIT]


def test_where_nothing_is_missing_the_column_for_it_is_a_ramp_more():
    """Of twenty numbers each has room for one ramp and for what is missing, or for two ramps: a
    label that is about the middle of a number shows in two, and not in one."""
    table = {f"x{n}": pa.array(np.arange(1001.0)) for n in range(20)}
    basis = learn(numbers(20), table)
    found = basis.encode(table)
    assert found[[0, 500, 1000], :2].tolist() == [[0, 0], [UNIT, 0], [UNIT, UNIT]]
    later = basis.encode({name: pa.array([None], pa.float64()) for name in table})
    assert later[0].tolist() == found[500].tolist()


def test_one_ramp_is_not_stretched_by_the_largest_value():
    values = [None, *np.arange(200.0), 1e9]
    found = columns_of(numbers(20), {f"x{n}": pa.array(values) for n in range(20)})
    assert abs(int(found[101, 0]) - UNIT // 2) <= 1
    assert found[0, 1] == UNIT


def test_categories_that_come_later_have_no_column_and_keep_nobody_out():
    basis = learn(
        spec(Feature("t", FeatureKind.CATEGORICAL)), {"t": pa.array(["a"] * 60 + ["b"] * 50)}
    )
    later = basis.encode({"t": pa.array(["new", "b", None, "a", "b", "b"])})
    assert later[:, :2].tolist() == [[0, 0], [0, UNIT], [0, 0], [UNIT, 0], [0, UNIT], [0, UNIT]]
    assert not later[:, 2:].any()


def test_a_basis_holds_no_more_values_than_it_has_columns_for():
    """Of a hundred thousand people a few quantiles are kept, whoever they are."""
    values = np.random.default_rng(3).normal(size=100_000)
    ramps = encode(learn(spec(NUMBER), {"x": pa.array(values)}))
    ranks = encode(learn(numbers(30), {f"x{n}": pa.array(values) for n in range(30)}))
    assert len(ramps) < 300
    assert len(ranks) < 30 * 600


@pytest.mark.parametrize("table", [{}, {"x": pa.array(["a", "b"])}])
def test_a_table_of_later_that_does_not_fit_is_refused(table):
    basis = learn(spec(NUMBER), {"x": pa.array(np.arange(100.0))})
    with pytest.raises(MisfitColumn):
        basis.encode(table)


def test_a_kept_basis_that_does_not_hang_together_is_refused():
    one, two = (Array.of(np.zeros(n)) for n in (1, 2))
    for wrong in (
        lambda: Ramps(NUMBER, 1, Array.of(np.zeros((3, 2)))),
        lambda: Ramps(NUMBER, 4, one),
        lambda: Ranks(NUMBER, one, two),
        lambda: Steps(NUMBER, 1, ("a", "b")),
    ):
        with pytest.raises(LocalError):
            wrong()


@pytest.mark.parametrize(("own", "theirs"), [(43, 43), (30, 30), (1, 43), (43, 1), (43, 22)])
def test_encrypted_sums_have_room_for_as_many_people_as_a_job_says(own, theirs):
    most = room_for(own, theirs)
    for rho in (0, 10_000_000):
        packing(moments.within_params(theirs, most, rho))
        packing(moments.across_params(theirs, own, most, rho))
