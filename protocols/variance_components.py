"""How large the parts of a model are, estimated from one observation: a step of the estimate.

Each part is normal around 0 with a variance of its own. The majorise-minimise steps of Zhou, Hu,
Zhou and Lange (2019) find the variances that the observation speaks for; here each is held near a
usual one where the observation says little. A part that is no larger than the noise comes to nearly
nothing. Lookalikes (`protocols/lookalike/prior.py`) and common models
(`protocols/federated/shrinkage.py`) take these steps.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

DOUBT = 1.0
"""How firmly variances are held near the usual ones: as if each had been seen twice as often."""

Each = NDArray[np.float64]


def step(found: Each, squares: NDArray[Any], traces: NDArray[Any], usual: Each | float) -> Each:
    """Return the next variance of each part, from those found so far.

    `squares` is how much of each part the observation shows, `traces` how much of it that would be
    on average, both at the variances found so far, for a variance of 1.
    """
    traces = np.maximum(traces, 1e-12)
    pull = traces * (found**2 * squares + 2 * DOUBT * usual)
    stepped: Each = (np.sqrt(DOUBT**2 + pull) - DOUBT) / traces
    return stepped
