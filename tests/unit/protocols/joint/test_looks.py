"""What a look counts: it follows from the specification, and there is room wherever it is asked."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import InvalidParameter
from protocols.joint.asked import Joint, params_for
from protocols.joint.looks import CELLS, NOTHING, Look, look_of, params_of, tables_for
from protocols.joint.records import TableParams, ToldParams
from protocols.joint.widths import MOST_COLUMNS, TABLES, widths
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.sums.bfv_packing import SECURITY_BITS, packing
from protocols.sums.segments import Segments
from tests.support.joint_nodes import QUESTION
from tests.unit.protocols.joint.test_basis import asked as read

NUMERIC, DATE = FeatureKind.NUMERIC, FeatureKind.DATE
ORDINAL, CATEGORICAL = FeatureKind.ORDINAL, FeatureKind.CATEGORICAL


def names(count: int) -> tuple[str, ...]:
    return tuple(f"c{n}" for n in range(count))


def edges(count: int) -> tuple[int, ...]:
    return tuple(range(0, 1000 * count, 1000))


def spec(*features: Feature) -> FeatureSpecification:
    return FeatureSpecification(features)


def numbers(count: int) -> FeatureSpecification:
    return spec(*(Feature(f"x{n}", NUMERIC) for n in range(count)))


def question(theirs: FeatureSpecification, noise: bool = False, own: int = 1) -> Joint:
    wanted: Segments = read(QUESTION).wanted
    return Joint("a", numbers(own), wanted, "b", theirs, 20_000_000, noise)


@pytest.mark.parametrize(
    ("feature", "fine", "coarse"),
    [
        (Feature("x", NUMERIC), 32, 12),
        (Feature("x", DATE), 32, 12),
        (Feature("x", NUMERIC, edges_milli=edges(1)), 3, 3),
        (Feature("x", NUMERIC, edges_milli=edges(7)), 9, 9),
        (Feature("x", NUMERIC, edges_milli=edges(62)), 64, 12),
        (Feature("x", NUMERIC, edges_milli=edges(63)), 64, 12),
        (Feature("x", NUMERIC, edges_milli=edges(4000)), 64, 12),
        (Feature("x", CATEGORICAL), 64, 12),
        (Feature("x", CATEGORICAL, categories=names(1)), 2, 2),
        (Feature("x", CATEGORICAL, categories=names(5)), 6, 6),
        (Feature("x", CATEGORICAL, categories=names(63)), 64, 12),
        (Feature("x", CATEGORICAL, categories=names(2000)), 64, 12),
        (Feature("x", ORDINAL, categories=names(4)), 5, 5),
    ],
)
def test_a_feature_has_the_bins_that_it_states_or_so_many(feature, fine, coarse):
    assert look_of(spec(feature)) == Look((fine,), (coarse,))


def test_with_many_features_bins_are_fewer_but_six():
    assert look_of(numbers(6)).fine == (32,) * 6
    assert look_of(numbers(12)).fine == (32,) * 12
    assert look_of(numbers(13)).fine == (30,) * 13
    assert look_of(numbers(27)).fine == (14,) * 27
    # Beyond 27 columns there is none for a number's second ramp, nor, of 42 features, for more.
    assert look_of(numbers(42)).fine == (9,) * 42
    of_six = spec(*(Feature(f"x{n}", CATEGORICAL, categories=names(1)) for n in range(41)))
    assert look_of(of_six).fine == (2,) * 41


def test_coarse_bins_are_as_many_as_there_is_room_for():
    """Of n numbers n(n-1)/2·c² cells of pairs are a thousand at most."""
    for count in range(2, 21):
        look = look_of(numbers(count))
        limits = [c for c in range(3, 13) if count * (count - 1) // 2 * c * c <= 1000]
        assert look.coarse == ((max(limits),) * count if limits else ())
    assert look_of(numbers(11)).coarse == (4,) * 11
    assert look_of(numbers(15)).coarse == (3,) * 15
    assert look_of(numbers(16)).coarse == ()


def test_a_feature_with_few_categories_leaves_more_bins_to_others():
    """The limit is one for all; who states fewer has these in pairs too."""
    few = spec(*(Feature(f"x{n}", CATEGORICAL, categories=names(2)) for n in range(9)))
    look = look_of(few)
    assert look.fine == look.coarse == (3,) * 9
    assert sum(look.sizes) == 9 * 3 + 36 * 9


def test_cells_are_those_of_features_and_then_of_pairs_in_order():
    look = Look((4, 5, 6), (2, 3, 3))
    assert look.pairs == ((0, 1), (0, 2), (1, 2))
    assert look.sizes == (4, 5, 6, 6, 6, 9)
    assert look.about == ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
    assert decode(Look, encode(look)) == look


features = st.lists(
    st.one_of(
        st.just((NUMERIC, (), ())),
        st.just((DATE, (), ())),
        st.just((CATEGORICAL, (), ())),
        st.integers(1, 90).map(lambda n: (NUMERIC, edges(n), ())),
        st.integers(1, 90).map(lambda n: (CATEGORICAL, (), names(n))),
        st.integers(2, 90).map(lambda n: (ORDINAL, (), names(n))),
    ),
    min_size=1,
    max_size=45,
).map(
    lambda some: spec(
        *(Feature(f"x{n}", k, edges_milli=e, categories=c) for n, (k, e, c) in enumerate(some))
    )
)


@given(features, st.integers(1, 9))
@settings(deadline=None)
def test_whatever_the_features_there_is_room(theirs, own):
    look, tables = look_of(theirs), tables_for(theirs)
    base = sum(widths(theirs, MOST_COLUMNS - TABLES))
    count = len(theirs.features)
    assert tables == max(0, min(16, 43 - base, count * (count + 1) // 2))
    assert (look == NOTHING) == (tables == 0)
    assert max(sum(look.fine), sum(look.both)) <= CELLS == 1000
    assert all(2 <= size <= 64 for size in look.fine)
    assert all(c <= f for c, f in zip(look.coarse, look.fine, strict=False))
    assert len(look.coarse) in (0, count)
    assert len(look.about) == len(look.sizes)
    if base > MOST_COLUMNS:
        with pytest.raises(InvalidParameter):
            question(theirs)
        return
    asked = question(theirs, own=own)
    wide = sum(widths(theirs, MOST_COLUMNS - tables)) + tables
    assert base + tables <= wide == asked.their_columns <= MOST_COLUMNS
    params = params_for(asked)
    assert params.tables == TableParams(look, tables)
    assert params.second.columns == asked.their_columns
    assert [one.layout.one_hot for one in params.sums[:2]] == [look.fine, look.both]


@pytest.mark.parametrize("rows", [2**18, 2**22])
@pytest.mark.parametrize(
    "look",
    [
        NOTHING, look_of(numbers(1)), look_of(numbers(4)), look_of(numbers(12)),
        look_of(numbers(42)), Look((64,) * 6, (8,) * 6), Look((23,) * 43),
    ],
    ids=lambda look: f"{len(look.fine)}-{sum(look.sizes)}",
)  # fmt: skip
def test_homomorphic_sums_have_room_for_it(look, rows):
    for sums in params_of(look, rows):
        assert packing(sums).security_bits >= SECURITY_BITS


def test_all_sums_of_a_question_have_room_for_as_many_people_as_it_allows():
    for theirs, own in itertools.product((1, 5, 13, 27, 43), (1, 8, 43)):
        params = params_for(question(numbers(theirs), own=own))
        for sums in params.sums:
            assert packing(sums).security_bits >= SECURITY_BITS


def test_with_noise_nothing_is_looked_at():
    for theirs in (numbers(1), numbers(5), spec(Feature("x", CATEGORICAL))):
        quiet, noisy = question(theirs), question(theirs, noise=True)
        assert (noisy.look, noisy.tables) == (NOTHING, 0)
        assert noisy.their_columns == sum(widths(theirs))
        assert params_for(noisy).tables == TableParams(NOTHING, 0)
        # The sum that is left tells how many train, which the brand has tossed itself.
        for sums in params_for(noisy).sums[:2]:
            layout = sums.layout
            assert (layout.dense, layout.one_hot, layout.vectors) == ((1,), (), 2)
        assert quiet.look.fine
        assert quiet.tables


def test_where_no_column_is_left_nothing_is_looked_at():
    full = numbers(43)
    assert sum(widths(full, 27)) == 43
    assert (tables_for(full), look_of(full)) == (0, NOTHING)
    asked = question(full)
    assert (asked.their_columns, asked.tables) == (43, 0)
    assert [one.layout.columns for one in params_for(asked).sums[:2]] == [1, 1]


def test_params_that_do_not_fit_a_look_are_refused():
    look = look_of(numbers(2))
    for wrong in ((look, 0), (NOTHING, 1), (look, 17), (look, -1)):
        with pytest.raises(InvalidParameter):
            TableParams(*wrong)
    whole = params_for(question(numbers(2)))
    told = whole.first.first.first
    with pytest.raises(InvalidParameter):
        ToldParams(told.first, TableParams(look_of(numbers(3)), 3))
