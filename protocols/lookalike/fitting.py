"""The logistic curve whose tilt of the population explains a noised sum, and no more than that.

People like the seeds are the population, each weighted by exp(score) where scores are small, and
by less where they are large. A curve thereby says what the seeds' mean row should be. The fit seeks
the weights under which this is near to what was measured, as near as the noise is wide, while
they stay likely under a prior. Both are normal, so this is least squares, and Gauss and Newton's
method takes a few steps.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from protocols.lookalike.kernel import Floats

BASE_RATE = 0.15
"""Part of people like the seeds that the logistic curve is laid out for: robust, not estimated."""
_ROUNDS = 20
_ENOUGH = 1e-3
_SURE_OF_RATE = 1e4
_FREE_BIAS = 1e3

Matrix = NDArray[np.float64]


def fit(
    moments: Floats, shift: NDArray[np.float64], unknown: Matrix, root: Matrix
) -> tuple[float, NDArray[np.float64]]:
    """Return bias and weights for the first `len(root)` columns of centred `moments`.

    `shift` is how far the seeds' mean row is from theirs in all columns: those behind are measured
    too, and have no weights of their own. `unknown` is the covariance of what is not known of it;
    weights are `root` times something whose parts are independent and of variance 1. Each step is
    halved until it goes down.
    """
    told, width = len(shift) + 1, len(root) + 1
    measured = np.concatenate([np.ones((len(moments), 1), np.float32), moments], axis=1)
    design = measured[:, :width]
    target = np.concatenate([[1.0], shift])
    surely, spread = np.zeros((told, told)), np.zeros((width, width))
    surely[0, 0], surely[1:, 1:] = _SURE_OF_RATE, np.linalg.inv(unknown)
    spread[0, 0], spread[1:, 1:] = _FREE_BIAS, root
    at = np.zeros(width)
    at[0] = np.log(BASE_RATE / (1 - BASE_RATE)) / _FREE_BIAS

    def loss(at: NDArray[np.float64]) -> tuple[float, Floats, NDArray[np.float64]]:
        likely: Floats = expit(design @ (spread @ at).astype(np.float32))
        left = target - (measured.T @ likely).astype(np.float64) / len(measured) / BASE_RATE
        return float(left @ surely @ left + at @ at) / 2, likely, left

    now, likely, left = loss(at)
    for _ in range(_ROUNDS):
        bend = (measured * (likely * (1 - likely))[:, None]).T @ design
        moved = bend.astype(np.float64) / len(design) / BASE_RATE @ spread
        slope = at - moved.T @ (surely @ left)
        step = np.linalg.solve(moved.T @ surely @ moved + np.eye(width), slope)
        size = 1.0
        while (then := loss(at - size * step))[0] >= now and size > 1e-3:
            size /= 2
        if then[0] >= now:
            break
        gained, at = now - then[0], at - size * step
        now, likely, left = then
        if gained < _ENOUGH:
            break
    weights = spread @ at
    return float(weights[0]), weights[1:]
