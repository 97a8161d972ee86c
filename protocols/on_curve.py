"""Which u belong to the curve, and not to its twist, told by multiplying: fast where that is fast.

The points of Curve25519 with a given u have an order that divides 8·L; those of the twist have
one that divides another number, which has no large factor in common with it. Two clamped scalars
that add up to 8·L give a point of the curve opposite points, so the same u. On the twist they give
different ones, but for a chance of 2^-250. That takes two multiplications, with the multi-buffer
library a seventh of what Euler's criterion takes in Python, and they run on all cores.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.ladder import Backend, Points, multiply
from protocols.scalars import L

_ONE = 2**254
_OTHER = 8 * L - _ONE
"""Both are multiples of 8 from 2^254 to 2^255: clamping leaves them as they are."""


def are_on_curve(points: Points, backend: Backend) -> NDArray[np.bool]:
    """Return for each of our own hashed u, shape (n, 32), whether it belongs to the curve.

    Raises: InvalidElement if a point has small order, which no hash brings about.
    """
    one, other = (
        multiply(scalar.to_bytes(32, "little"), points, backend) for scalar in (_ONE, _OTHER)
    )
    same: NDArray[np.bool] = (one == other).all(axis=1)
    return same
