"""A partner may hand in what it likes, because nobody sees single updates: what that can do.

The common model is clipped to the agreed bound wherever it is made, and refused beyond it wherever
it is read: so a poisoner moves no weight further than the bound, and a training ends in a model
that can be judged, whatever was handed in.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import MalformedMessage
from protocols.federated import estimate, fixed_point, updates
from protocols.federated import terms as agreed
from protocols.federated.estimate import Summed
from tests.support.federation import terms_of
from tests.support.trained_people import SHAPE, population

TERMS = terms_of(bound=4, one_hot=SHAPE)
LIMIT = TERMS.bound << TERMS.fraction_bits
number = st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**20), 2**20))


def sums(turn: int) -> st.SearchStrategy[np.ndarray]:
    entries = TERMS.entries(turn)
    return st.one_of(
        st.lists(number, min_size=entries, max_size=entries),
        number.map(lambda value: [value] * entries),
    ).map(lambda numbers: np.array(numbers, np.int64))


def model(*totals: np.ndarray) -> np.ndarray:
    weights, rounds = fixed_point.start(TERMS), []
    for total in totals:
        rounds.append(Summed(weights, (0, 1, 2), total.astype("<i8").tobytes()))
        weights = estimate.weights(TERMS, rounds)
    return fixed_point.read_weights(TERMS, weights)


@settings(max_examples=50)
@given(sums(0), sums(1))
def test_no_sum_of_updates_makes_a_model_beyond_the_bound(first, later):
    assert np.abs(model(first, later)).max() <= TERMS.bound


@pytest.mark.parametrize("later", [0, 1, -1, 2**20, 2**63 - 1])
def test_huge_sums_that_round_to_less_than_nothing_end_in_a_model(later):
    """Hypothesis found the first: a sum of squares came out below 0."""
    first = np.full(TERMS.entries(0), 111856884164841)
    found = model(first, np.full(TERMS.entries(1), later))
    assert np.abs(found).max() <= TERMS.bound


@settings(max_examples=10)
@given(st.lists(number, min_size=34, max_size=34))
def test_nor_does_one_without_pairs(numbers):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(agreed, "MOST_PAIRED", 4)
        assert TERMS.entries(0) == 32
        assert np.abs(model(np.array(numbers[:32]), np.array(numbers[2:]))).max() <= TERMS.bound


@settings(max_examples=25)
@given(sums(1))
def test_one_poisoned_update_moves_each_weight_by_twice_the_bound_at_most(poison):
    people = population(900, 1)
    first = updates.first(TERMS, people)
    honest = updates.later(TERMS, people, np.zeros(TERMS.columns, np.int64))
    moved, before = model(first, honest + (poison >> 2)), model(first, honest)
    assert np.abs(moved - before).max() <= 2 * TERMS.bound


@pytest.mark.parametrize("beyond", [LIMIT + 1, -LIMIT - 1, 2**63 - 1])
def test_a_model_beyond_the_bound_is_refused_by_whoever_hears_it(beyond):
    weights = np.zeros(TERMS.columns, "<i8")
    weights[0] = beyond
    with pytest.raises(MalformedMessage):
        fixed_point.read_weights(TERMS, weights.tobytes())


@given(st.integers(0, 1000), st.integers(0, 1))
def test_an_honest_partner_hands_in_no_more_than_its_people_allow(n, turn):
    update = updates.update(TERMS, turn, population(n, n), fixed_point.start(TERMS))
    assert np.abs(update).max() <= n * max(updates.SCALE, updates.UNIT)
