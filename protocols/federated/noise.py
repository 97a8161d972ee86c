"""The noise that each partner adds to its own update, and what one person can change about it.

**Each partner adds the whole noise.** The sum then has the noise of all of them, more than its
price asks for. Were the noise split among them, partners could take their own shares of it away
from what is published, and what remains would protect people less than was charged. So the price
holds whoever conspires, and however many drop out.

One person moves a partner's minimum by √(1 + features) / (λ · size), and the update is that times
size: √(1 + features) / λ, whatever the size. To this come the slack of the minimum
(`learning.SLACK`, twice, times the size) and the rounding to whole numbers: at most half for the
product and half for the number, of each of the two, so 2 in each column. Clipping moves no two
updates further apart. In whole numbers, all but the rounding times 2^fraction_bits.
"""

import functools
import math
from fractions import Fraction

import numpy as np

from protocols.dp import vector_noise
from protocols.dp.budget import NANO
from protocols.dp.noise import NoiseNotProven
from protocols.federated.fixed_point import Whole
from protocols.federated.learning import SLACK
from protocols.federated.terms import FederatedTerms

MECHANISM = "discrete-gaussian-vector"


def distance(terms: FederatedTerms, number: int) -> float:
    """Return how far one person can move the update of partner `number`, rounded up."""
    reach = math.sqrt(1 + len(terms.one_hot)) * 1000 / terms.ridge_milli
    slack = 2 * SLACK * terms.sizes[number]
    whole = (reach + slack) * 2**terms.fraction_bits + 2 * math.sqrt(terms.columns)
    return float(math.ceil(whole))


@functools.lru_cache(maxsize=256)
def sigma(terms: FederatedTerms, number: int) -> float:
    """Return the scale of the noise of a partner's update, about distance / √(2 rho).

    OpenDP has the last word about the price. Raises: NoiseNotProven.
    """
    rho, reach = Fraction(terms.rho_nano, NANO), distance(terms, number)
    start = reach / math.sqrt(2 * terms.rho_nano / NANO)
    for part in range(10):
        scale: float = start * (1 + part * 1e-9)
        if vector_noise.gaussian_price(scale, reach) <= rho:
            return scale
    raise NoiseNotProven("no scale near the expected one has this price")


def add(terms: FederatedTerms, number: int, update: Whole) -> Whole:
    """Return the update with its noise; with terms of price 0, as it is.

    The caller has charged the price, durably, before. Raises: NoiseNotProven.
    """
    if terms.rho_nano == 0:
        return update
    rho = Fraction(terms.rho_nano, NANO)
    scale, reach = sigma(terms, number), distance(terms, number)
    return np.array(vector_noise.draw_gaussian(update.tolist(), scale, rho, reach), np.int64)


def weight_noise(terms: FederatedTerms) -> float:
    """Return the standard deviation of the noise on each weight of the model, if all take part."""
    if terms.rho_nano == 0:
        return 0.0
    total = math.sqrt(sum(sigma(terms, i) ** 2 for i in range(len(terms.parties))))
    return total / (sum(terms.sizes) * 2.0**terms.fraction_bits)
