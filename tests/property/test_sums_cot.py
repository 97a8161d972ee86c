"""For any matrix, any vectors and any parameters, the sums are those in the clear."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.sums.cot import NARROW, SUMS
from protocols.sums.layout import SumLayout
from protocols.sums.records import Sums, SumsGiven
from tests.support import aligned

bounds = st.one_of(
    st.just(1), st.integers(1, 300), st.integers(1, 2**20), st.integers(2**30, 2**31 - 1)
)
layouts = st.builds(
    SumLayout,
    vectors=st.integers(1, 3),
    vector_bound=st.sampled_from([1, 2, 3, 20, 1000]),
    dense=st.lists(bounds, max_size=7).map(tuple),
    one_hot=st.lists(st.integers(1, 40), min_size=1, max_size=4).map(tuple),
    max_rows=st.just(2000),
    chunk_rows=st.sampled_from([1, 5, 64, 500, 1024, 2**17]),
)


def check(own: aligned.Given, to_holder: bool) -> None:
    """Run both protocols, and compare with the sums in the clear."""
    rows, vectors = len(own.vector), own.layout.vectors
    params = aligned.params_of(own.layout, to_holder=to_holder)
    for protocol in (SUMS, NARROW):
        played = aligned.run_sums(own, params, protocol)
        outputs = played.receiver.output, played.sender.output
        sums, other = outputs if to_holder else outputs[::-1]
        assert sums == Sums(rows, vectors, own.sums())
        assert other == SumsGiven(rows)


@settings(max_examples=10, deadline=None)
@given(layouts, st.integers(0, 40), st.integers(0, 1000), st.booleans())
def test_few_rows(layout, rows, seed, to_holder):
    check(aligned.drawn(layout, rows, seed), to_holder)


@settings(max_examples=6, deadline=None)
@given(layouts.filter(lambda x: x.chunk_rows >= 500), st.integers(0, 1500), st.booleans())
def test_more_rows(layout, rows, to_holder):
    check(aligned.drawn(layout, rows), to_holder)


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 600), st.sampled_from([1, 255, 2**31 - 1]), st.booleans(), st.booleans())
def test_all_entries_at_one_end_of_their_bounds(rows, bound, negative, to_holder):
    layout = SumLayout(1, 3, (bound,), (2,), 600, 600)
    entry = -bound if negative else bound
    own = aligned.Given(
        layout,
        np.full((rows, 1), 3, np.int32),
        np.full((rows, 1), entry, np.int32),
        np.ones((rows, 1), np.uint16),
    )
    check(own, to_holder)


@pytest.mark.slow
@pytest.mark.parametrize("to_holder", [True, False])
@pytest.mark.parametrize(
    ("layout", "rows"),
    [
        (SumLayout(1, 1, (255,) * 20, (50, 30), 2**20), 100_000),
        (SumLayout(2, 100, (2**20,) * 3, (300,), 2**20, 2**12), 5_000),
        (SumLayout(20, 1, (), (100,), 2**20), 10_000),
    ],
)
def test_many_rows(layout, rows, to_holder):
    check(aligned.drawn(layout, rows), to_holder)
