"""The noise of an update: what it costs, where it is, how much there is."""

import math
from fractions import Fraction

import numpy as np
import pytest

from protocols.dp import vector_noise
from protocols.dp.noise import NoiseNotProven
from protocols.federated import noise, updates
from tests.support.federation import terms_of
from tests.support.trained_people import SHAPE

TURNS = (0, 1)


@pytest.mark.parametrize("turn", TURNS)
def test_the_price_of_the_noise_is_what_is_charged(turn):
    terms = terms_of(2, one_hot=SHAPE, rho_nano=5_000_000)
    rho = Fraction(5, 1000)
    price = vector_noise.gaussian_price(noise.sigma(terms, turn), updates.distance(terms, turn))
    assert rho * Fraction(999_999, 10**6) < price <= rho


@pytest.mark.parametrize("turn", TURNS)
def test_noise_is_on_every_number_and_has_its_scale(turn):
    terms = terms_of(2, one_hot=(60, 30), rho_nano=5_000_000)
    nothing = np.zeros(terms.entries(turn), np.int64)
    drawn = noise.add(terms, turn, nothing) / noise.sigma(terms, turn)
    # A number that no noise is on is 0; of 2,000 draws one in forty runs has a 0 by chance.
    assert (drawn == 0).sum() <= 5
    # The mean of n squares has a standard deviation of √(2/n): seven of them, about 3e-12.
    assert abs(float((drawn**2).mean()) - 1) < 7 * math.sqrt(2 / len(drawn))


def test_noise_that_costs_more_than_was_charged_is_not_drawn():
    with pytest.raises(NoiseNotProven):
        vector_noise.draw_gaussian([0, 0], 10.0, Fraction(1, 200), 1.001)


def test_terms_without_a_price_add_no_noise():
    terms, update = terms_of(2), np.arange(6)
    assert (noise.add(terms, 0, update) == update).all()
    assert noise.people(terms) == 0


def test_a_count_is_off_by_the_noise_of_all_partners_together():
    terms = terms_of(2, rho_nano=5_000_000)
    both = math.sqrt(2) * noise.sigma(terms, 0)
    assert noise.people(terms) == pytest.approx(both / updates.SCALE)
    assert noise.variance(terms, 0, 2) == pytest.approx(both**2)
