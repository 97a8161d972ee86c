"""Weights from a noisy linear observation, held to 0 as strongly as noise and data ask.

What is observed is b = H·w + noise, where H says how strongly the likelihood bends. The chance of
which people there are has the covariance H itself; the noise that partners added, and what is not
known of H, have variances that are known, one of each column. Before anything is seen, the weights
of a feature are normal around 0, in two parts of which each has a variance of the feature's own:
one of each code alone, and one that changes little from a code to the next, as where codes are bins
of a number (`alike`). So the best weights are a posterior mean; and as the observation tells how
large weights are, so are these variances estimated (`protocols/variance_components.py`), held near
a usual value where the observation says little. A feature that weighs no more than the noise is
thereby nearly left out, and eight bins of a number that says a little say it together.

It looks at nothing but what was released, and costs nothing.
"""

import functools
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols import variance_components
from protocols.federated.fixed_point import Weights

MOST = 0.5
"""The largest variance of either part of a feature's weights: a standard deviation of 0.7 in
log-odds."""
_LEAST = 1e-9
"""The least of the part of each code alone: the other one has no inverse by itself."""
MOST_ALIKE = 64
"""A feature of more codes is one of names, of which none is like the next."""
_LEAST_ALIKE = 3
_REACH = 0.25
"""How far codes are alike, as a part of how many there are."""
_SLOWLY = 0.5
"""How large that part usually is, beside the other one."""
_CONSTANT = 25.0
"""Variance of the constant: nothing is known of it."""
_STEPS = 8

Matrix = NDArray[np.float64]


def posterior(
    known: Matrix | Weights,
    told: Weights,
    features: NDArray[np.int64],
    usual: float,
    ridge: float,
) -> Weights:
    """Return the weights; `known` is H·(H + V)⁻¹·H, `told` is H·(H + V)⁻¹·b.

    V has the variances of the noise; where H is a diagonal, so is `known`. `features` is the
    feature of each column, rising, -1 for the constant; `usual` the usual variance of a
    feature's weights, code by code; `ridge` a precision that every weight has beside.
    """
    bounds = np.searchsorted(features, np.arange(int(features.max()) + 2)).tolist()
    blocks = [slice(a, b) for a, b in itertools.pairwise(bounds)]
    patterns = [alike(block.stop - block.start) for block in blocks]
    constant, slowly = 1 / _CONSTANT + ridge, _SLOWLY * usual
    alone, along = np.full(len(blocks), usual), np.full(len(blocks), slowly)
    for _ in range(_STEPS):
        precisions = _precisions(patterns, alone, along, ridge)
        found, spreads = _mean(known, told, constant, blocks, precisions)
        shown, usually = np.zeros((2, len(blocks))), np.zeros((2, len(blocks)))
        for at, (block, precision) in enumerate(zip(blocks, precisions, strict=True)):
            pull = precision @ found[block]
            left = precision - precision @ spreads[at] @ precision
            shown[:, at] = pull @ pull, pull @ patterns[at] @ pull
            usually[:, at] = np.trace(left), (left * patterns[at]).sum()
        # Sums that somebody has made huge round to less than nothing.
        shown, usually = np.maximum(shown, 0.0), np.maximum(usually, 0.0)
        alone = variance_components.step(alone, shown[0], usually[0], usual)
        along = variance_components.step(along, shown[1], usually[1], slowly)
        alone, along = np.clip(alone, _LEAST, MOST), np.minimum(along, MOST)
    precisions = _precisions(patterns, alone, along, ridge)
    return _mean(known, told, constant, blocks, precisions)[0]


@functools.lru_cache(maxsize=256)
def alike(codes: int) -> Matrix:
    """Return how alike the weights of a feature's codes are in the part that changes slowly.

    The last code is for what is missing, and is like none. What all codes have is the constant's.
    """
    found, told = np.zeros((codes, codes)), codes - 1
    if _LEAST_ALIKE <= told <= MOST_ALIKE:
        at = np.arange(told)
        near = np.exp(-np.square((at[:, np.newaxis] - at) / (_REACH * told)) / 2)
        near = near - near.mean(axis=0) - near.mean(axis=1, keepdims=True) + near.mean()
        found[:told, :told] = near / np.diag(near).mean()
    found.flags.writeable = False
    return found


def _precisions(
    patterns: Sequence[Matrix], alone: Weights, along: Weights, ridge: float
) -> list[Matrix]:
    """Return, of each feature, the inverse of its weights' covariance, and the ridge."""
    found = []
    for pattern, own, shared in zip(patterns, alone, along, strict=True):
        unit = np.eye(len(pattern))
        one = unit / own if not pattern.any() else np.linalg.inv(own * unit + shared * pattern)
        found.append(one + ridge * unit)
    return found


def _mean(
    known: Matrix | Weights,
    told: Weights,
    constant: float,
    blocks: Sequence[slice],
    precisions: Sequence[Matrix],
) -> tuple[Weights, list[Matrix]]:
    """Return the mean of what may be, and the covariance of the weights of each feature."""
    if known.ndim == 1:
        found = np.zeros(len(told))
        found[0] = told[0] / (known[0] + constant)
        spreads: list[Matrix] = []
        for block, precision in zip(blocks, precisions, strict=True):
            spread = np.asarray(np.linalg.inv(np.diag(known[block]) + precision), np.float64)
            spreads.append(spread)
            found[block] = spread @ told[block]
        return found, spreads
    whole = np.array(known)
    whole[0, 0] += constant
    for block, precision in zip(blocks, precisions, strict=True):
        whole[block, block] += precision
    covariance = np.asarray(np.linalg.inv(whole), np.float64)
    return covariance @ told, [covariance[block, block] for block in blocks]
