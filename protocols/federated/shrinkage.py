"""Weights from a noisy linear observation, held to 0 as strongly as noise and data ask.

What is observed is b = H·w + noise, where H says how strongly the likelihood bends. The chance of
which people there are has the covariance H itself; the noise that partners added, and what is not
known of H, have variances that are known, one of each column. Before anything is seen, a weight is
normal around 0, with a variance of its feature's own. So the best weights are a posterior mean; and
as the observation tells how large weights are, so is the variance of each feature estimated
(`protocols/variance_components.py`), held near a usual value where the observation says little. A
feature that weighs no more than the noise is thereby nearly left out.

It looks at nothing but what was released, and costs nothing.
"""

import numpy as np
from numpy.typing import NDArray

from protocols import variance_components
from protocols.federated.fixed_point import Weights

MOST = 0.5
"""The largest variance of a feature's weights: a standard deviation of 0.7 in log-odds."""
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
    feature of each column, -1 for the constant; `usual` the usual variance of a feature's weights;
    `ridge` a precision that every weight has beside.
    """
    code = features >= 0
    count = int(features.max()) + 1
    which = features[code]
    sizes, precision = np.full(count, usual), np.full(len(told), 1 / _CONSTANT + ridge)
    for _ in range(_STEPS):
        precision[code] = 1 / sizes[which] + ridge
        found, spread = _mean(known, told, precision)
        square = (precision * found) ** 2
        trace = precision - precision**2 * spread
        squares = np.bincount(which, square[code], count)
        traces = np.bincount(which, trace[code], count)
        sizes = np.minimum(variance_components.step(sizes, squares, traces, usual), MOST)
    precision[code] = 1 / sizes[which] + ridge
    return _mean(known, told, precision)[0]


def _mean(known: Matrix | Weights, told: Weights, precision: Weights) -> tuple[Weights, Weights]:
    """Return the mean of what may be, and the variance of each weight."""
    if known.ndim == 1:
        spread = 1 / (known + precision)
        return spread * told, spread
    covariance = np.linalg.inv(known + np.diag(precision))
    return covariance @ told, np.diag(covariance)
