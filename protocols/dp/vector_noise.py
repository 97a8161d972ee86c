"""OpenDP's mechanisms on more than one number: beside `noise.py` the only file that touches it.

    gaussian    discrete Gaussian noise on a vector of int64; neighbours differ in L2
    lowest      the index of the lowest of some scores, after Gumbel noise; only the index comes out
    keys        counts of keys that nobody listed: noise, and only what passes a threshold comes out

As in `noise.py` everything is asked of the library: the price of each draw (`map`) is compared with
what was charged before anything is drawn, and its randomness is its own.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from protocols.dp.noise import NoiseNotProven
from protocols.errors import InvalidParameter

GUMBEL = "noisy-max"
"""Name of the mechanism that picks the best of some candidates (report noisy max)."""
THRESHOLD = "discrete-gaussian-threshold"
"""Name of the mechanism that releases the counts of keys that nobody listed."""

MAX_MAGNITUDE = 2**62
"""No cell may reach this: with noise it then still fits 64 bits, and nothing saturates."""


@functools.lru_cache(maxsize=256)
def gaussian(sigma: float) -> Any:
    """Return OpenDP's measurement: noise of scale `sigma` on each entry of a vector of int64."""
    from opendp.domains import atom_domain, vector_domain
    from opendp.measurements import make_gaussian
    from opendp.metrics import l2_distance
    from opendp.mod import enable_features

    enable_features("contrib")
    return make_gaussian(vector_domain(atom_domain(T="i64")), l2_distance(T="f64"), scale=sigma)


def l2(bound: int, cells: int) -> float:
    """Return `bound` · √`cells` as a float, never below it: an L2 distance."""
    square = bound * bound * cells
    root = math.isqrt(square)
    if root * root == square and float(root) == root:
        return float(root)
    found = math.sqrt(square)
    while Fraction(found) ** 2 < square:
        found = math.nextafter(found, math.inf)
    return found


def gaussian_price(sigma: float, distance: float) -> Fraction:
    """Return the rho, as OpenDP states it, of a vector that one person changes by `distance`."""
    return Fraction(gaussian(sigma).map(distance))


def draw_gaussian(
    cells: Sequence[int], sigma: float, rho: Fraction, distance: float
) -> tuple[int, ...]:
    """Return `cells` plus noise of scale `sigma`, if that costs at most `rho`.

    Raises: NoiseNotProven; InvalidParameter if a cell is too large for noise to fit beside it.
    """
    if gaussian_price(sigma, distance) > rho:
        raise NoiseNotProven("the noise costs more than was charged")
    if any(abs(cell) >= MAX_MAGNITUDE for cell in cells):
        raise InvalidParameter("a cell is 2^62 or more")
    drawn = tuple(gaussian(sigma)(list(cells)))
    if len(drawn) != len(cells) or not all(type(value) is int for value in drawn):
        raise NoiseNotProven("the noise is not a vector of integers")
    return drawn


@functools.lru_cache(maxsize=64)
def _lowest(scale: float) -> Any:
    from opendp.domains import atom_domain, vector_domain
    from opendp.measurements import make_noisy_top_k
    from opendp.measures import zero_concentrated_divergence
    from opendp.metrics import linf_distance
    from opendp.mod import enable_features

    enable_features("contrib")
    return make_noisy_top_k(
        vector_domain(atom_domain(T="i64")),
        linf_distance(T="i64"),
        zero_concentrated_divergence(),
        k=1,
        scale=scale,
        negate=True,
    )


def lowest_price(scale: float, sensitivity: int) -> Fraction:
    """Return the rho of picking the lowest score, each of which a person moves by `sensitivity`."""
    return Fraction(_lowest(scale).map(sensitivity))


def draw_lowest(scores: Sequence[int], scale: float, rho: Fraction, sensitivity: int) -> int:
    """Return the index of the lowest of `scores` after noise, if that costs at most `rho`.

    Raises: NoiseNotProven; InvalidParameter.
    """
    if lowest_price(scale, sensitivity) > rho:
        raise NoiseNotProven("the choice costs more than was charged")
    if not scores or any(abs(score) >= MAX_MAGNITUDE for score in scores):
        raise InvalidParameter("there are no scores, or one is 2^62 or more")
    (found,) = _lowest(scale)(list(scores))
    if type(found) is not int or not 0 <= found < len(scores):
        raise NoiseNotProven("the choice is none of the candidates")
    return found


@functools.lru_cache(maxsize=64)
def _keys(sigma: float, threshold: int) -> Any:
    from opendp.domains import atom_domain, map_domain
    from opendp.measurements import make_gaussian_threshold
    from opendp.metrics import absolute_distance, l02inf_distance
    from opendp.mod import enable_features

    enable_features("contrib")
    domain = map_domain(atom_domain(T="String"), atom_domain(T="i64"))
    metric = l02inf_distance(absolute_distance(T="f64"))
    return make_gaussian_threshold(domain, metric, scale=sigma, threshold=threshold)


def keys_price(sigma: float, threshold: int, keys: int) -> tuple[Fraction, Fraction]:
    """Return rho and delta of counts in which a person adds one to at most `keys` of them."""
    rho, delta = _keys(sigma, threshold).map((keys, l2(1, keys), 1.0))
    return Fraction(rho), Fraction(delta)


def draw_keys(
    counts: Mapping[str, int],
    sigma: float,
    threshold: int,
    rho: Fraction,
    delta: Fraction,
    keys: int,
) -> dict[str, int]:
    """Return the noisy counts that reach the threshold, if that costs at most `rho` and `delta`.

    Raises: NoiseNotProven; InvalidParameter.
    """
    asked_rho, asked_delta = keys_price(sigma, threshold, keys)
    if asked_rho > rho or asked_delta > delta:
        raise NoiseNotProven("the noise costs more than was charged")
    if any(not 0 < count < MAX_MAGNITUDE for count in counts.values()):
        raise InvalidParameter("a key is counted that nobody has, or too often")
    return dict(_keys(sigma, threshold)(dict(counts))) if counts else {}
