"""A partner may hand in what it likes, because nobody sees single updates: what that can do.

The common model is clipped to the agreed bound wherever it is made, and refused beyond it wherever
it is read: so a poisoner moves no weight further than the bound, and a training ends in a model
that can be judged, whatever was handed in.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import MalformedMessage
from protocols.federated import fixed_point
from tests.support.federation import terms_of

TERMS = terms_of(bound=4)
LIMIT = TERMS.bound << TERMS.fraction_bits
anything = st.lists(
    st.integers(-(2**62), 2**62), min_size=TERMS.columns, max_size=TERMS.columns
).map(lambda numbers: np.array(numbers, np.int64))


@given(anything, st.integers(1, 10**9))
def test_no_sum_of_updates_makes_a_model_beyond_the_bound(total, size):
    weights = fixed_point.read_weights(TERMS, fixed_point.average(TERMS, total, size))
    assert np.abs(weights).max() <= TERMS.bound


@given(anything)
def test_one_poisoned_update_moves_each_weight_by_twice_the_bound_at_most(poison):
    honest = sum(
        fixed_point.update_of(TERMS, n, np.full(TERMS.columns, 0.5)).astype(object)
        for n in range(2)
    )
    size = sum(TERMS.sizes)
    alone = fixed_point.average(TERMS, np.array(honest, np.int64), size)
    total = np.array(honest + poison.astype(object) // 2, np.int64)
    moved = fixed_point.read_weights(TERMS, fixed_point.average(TERMS, total, size))
    before = fixed_point.read_weights(TERMS, alone)
    assert np.abs(moved - before).max() <= 2 * TERMS.bound


@pytest.mark.parametrize("beyond", [LIMIT + 1, -LIMIT - 1, 2**63 - 1])
def test_a_model_beyond_the_bound_is_refused_by_whoever_hears_it(beyond):
    weights = np.zeros(TERMS.columns, "<i8")
    weights[0] = beyond
    with pytest.raises(MalformedMessage):
        fixed_point.read_weights(TERMS, weights.tobytes())


@given(st.lists(st.floats(-1e300, 1e300), min_size=TERMS.columns, max_size=TERMS.columns))
def test_an_honest_partner_hands_in_no_more_than_its_size_allows(weights):
    update = fixed_point.update_of(TERMS, 1, np.array(weights))
    assert np.abs(update).max() <= TERMS.sizes[1] * LIMIT
