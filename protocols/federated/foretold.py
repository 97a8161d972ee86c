"""What the first sum says at other weights than it was taken at: a round that nobody is asked for.

The gradient of the log-likelihood at weights w needs, for each code, how many of the people with it
have the label, and how many of them w says have it. The first is in the sum. The second follows
from counts of pairs, if log-odds are taken for normal among the people with one code. Their mean is
that of the counts, for pairs say how often each other code is among them. Their variance is that of
all people's log-odds, less what this code's feature explains of it. So the first round is good for
more than one step of Newton's method, which from weights 0 would end where log-odds are linear.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.federated.fixed_point import Weights
from protocols.federated.moments import Moments

_LEAST_LEFT = 0.2
"""At least this part of the variance is left within people with one code."""
_NODES = 15


def gradient_at(people: Moments, weights: Weights) -> tuple[Weights, Weights]:
    """Return the gradient, and for each column how strongly it bends: the mean of p(1-p)."""
    mean, variance = _log_odds(people, weights)
    nodes, parts = np.polynomial.hermite_e.hermegauss(_NODES)
    spread = np.sqrt(variance)[:, np.newaxis] * nodes
    chance = 1 / (1 + np.exp(-np.clip(mean[:, np.newaxis] + spread, -500, 500)))
    parts = parts / parts.sum()
    gradient: Weights = people.positive - people.counts * (chance @ parts)
    return gradient, (chance * (1 - chance)) @ parts


def _log_odds(people: Moments, weights: Weights) -> tuple[Weights, Weights]:
    """Return mean and variance of log-odds among those with each code."""
    shares, codes = people.counts / people.counts[0], weights.copy()
    codes[0] = 0
    member = _membership(people.features)
    means = (people.pairs / people.counts[:, np.newaxis] * codes) @ member
    base = (shares * codes) @ member
    means[0] = base
    columns = np.arange(1, len(codes))
    means[columns, people.features[1:]] = codes[1:]
    mean = weights[0] + means.sum(axis=1)
    together = member.T @ (people.pairs / people.counts[0] * np.outer(codes, codes)) @ member
    np.fill_diagonal(together, (shares * codes**2) @ member)
    together -= np.outer(base, base)
    everybody = max(float(together.sum()), 0.0)
    variance = np.full(len(codes), everybody)
    for f in range(member.shape[1]):
        mine = people.features == f
        rest = max(everybody - 2 * float(together[f].sum()) + float(together[f, f]), 0.0)
        others = mean[mine] - codes[mine]
        weighed = shares[mine] / shares[mine].sum()
        between = float(weighed @ (others - weighed @ others) ** 2)
        variance[mine] = max(rest - between, _LEAST_LEFT * rest)
    return mean, variance


def _membership(features: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a matrix of columns by features: 1 where the column is a code of the feature."""
    found = np.zeros((len(features), int(features.max()) + 1))
    found[np.arange(1, len(features)), features[1:]] = 1
    return found
