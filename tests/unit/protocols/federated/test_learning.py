"""People as codes and labels, and what weights say of them."""

import numpy as np
import pytest

from protocols.errors import LocalError
from protocols.federated import learning, updates
from protocols.federated.learning import People
from tests.support.federation import terms_of
from tests.support.trained_people import SHAPE, matrix, population


def test_a_score_is_the_constant_and_the_weights_of_what_a_person_has():
    people, terms = population(300, 1), terms_of(2, one_hot=SHAPE)
    weights = np.random.default_rng(2).normal(size=terms.columns)
    found = learning.score(terms, weights, people.codes)
    assert found == pytest.approx(matrix(terms, people.codes) @ weights)


@pytest.mark.parametrize(
    "codes",
    [np.full((2, 4), 6, np.uint16), np.zeros((2, 3), np.uint16), np.zeros((3, 4), np.uint16)],
)
def test_codes_that_do_not_fit_are_refused(codes):
    terms = terms_of(2, one_hot=SHAPE)

    def learn():
        return updates.first(terms, People(codes, np.zeros(2, np.uint8)))

    with pytest.raises(LocalError):
        learn()


def test_labels_other_than_0_and_1_are_refused():
    with pytest.raises(LocalError):
        People(np.zeros((1, 4), np.uint16), np.full(1, 2, np.uint8))
