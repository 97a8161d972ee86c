"""The noise that each partner adds to its own update.

**Each partner adds the whole noise.** The sum then has the noise of all of them, more than its
price asks for. Were the noise split among them, partners could take their own shares of it away
from what is published, and what remains would protect people less than was charged. So the price
holds whoever conspires, and however many drop out.

How much there must be follows from the price and from what one person can change (`updates.py`).
"""

import functools
import math
from fractions import Fraction

import numpy as np

from protocols.dp import vector_noise
from protocols.dp.budget import NANO
from protocols.dp.noise import NoiseNotProven
from protocols.federated import updates
from protocols.federated.fixed_point import Whole
from protocols.federated.terms import FederatedTerms

MECHANISM = "discrete-gaussian-vector"


@functools.lru_cache(maxsize=256)
def sigma(terms: FederatedTerms, turn: int) -> float:
    """Return the scale of the noise of an update of a round, about distance / √(2 rho).

    OpenDP has the last word about the price. Raises: NoiseNotProven.
    """
    rho, reach = Fraction(terms.rho_nano, NANO), updates.distance(terms, turn)
    start = reach / math.sqrt(2 * terms.rho_nano / NANO)
    for part in range(10):
        scale: float = start * (1 + part * 1e-9)
        if vector_noise.gaussian_price(scale, reach) <= rho:
            return scale
    raise NoiseNotProven("no scale near the expected one has this price")


def add(terms: FederatedTerms, turn: int, update: Whole) -> Whole:
    """Return the update with its noise; with terms of price 0, as it is.

    The caller has charged the price, durably, before. Raises: NoiseNotProven.
    """
    if terms.rho_nano == 0:
        return update
    rho = Fraction(terms.rho_nano, NANO)
    scale, reach = sigma(terms, turn), updates.distance(terms, turn)
    return np.array(vector_noise.draw_gaussian(update.tolist(), scale, rho, reach), np.int64)


def variance(terms: FederatedTerms, turn: int, partners: int) -> float:
    """Return the variance of the noise in each number of the sum of so many updates."""
    return partners * sigma(terms, turn) ** 2 if terms.rho_nano else 0.0


def people(terms: FederatedTerms) -> float:
    """Return by how many people a count of the first round is off, if all take part: its noise."""
    return math.sqrt(variance(terms, 0, len(terms.parties))) / updates.SCALE
