"""What the sum of the first round says of people: how many have each code, and each pair of codes.

Counts have the noise of all partners. A pair's count is drawn to what it would be if the two
features had nothing to do with each other, as strongly as all pairs of these two features suggest:
where they differ from that by no more than noise does, nothing is left of the difference.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.federated import noise, updates
from protocols.federated.fixed_point import Weights
from protocols.federated.terms import FederatedTerms

LEAST_SHARE = 1e-3
"""No label is taken for rarer than this, nor for more frequent than all but this."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """People by codes, in people; the first column is the constant, which everybody has."""

    counts: Weights
    positive: Weights
    """How many of these have the label."""
    variance: float
    """Of the noise in each of both."""
    pairs: Matrix
    """How many have both codes; 0 for two of one feature. Empty where they were not counted."""
    unsure: Matrix
    """The variance of that."""
    features: NDArray[np.int64]
    """The feature of each column, -1 for the constant."""

    @property
    def share(self) -> float:
        """Which part of all people has the label."""
        found = self.positive[0] / self.counts[0]
        return float(np.clip(found, LEAST_SHARE, 1 - LEAST_SHARE))


def read(terms: FederatedTerms, values: Weights, partners: int) -> Moments:
    """Return what the first sum says, which is of so many partners.

    Whatever is in it, counts are positive and none is larger than that of everybody: a partner may
    hand in what it likes.
    """
    d, variance = terms.columns, noise.variance(terms, 0, partners) / updates.SCALE**2
    counts = np.maximum(values[d : 2 * d] / updates.SCALE, max(np.sqrt(variance), 1.0))
    counts = np.minimum(counts, counts[0])
    excess = np.clip(values[:d] / updates.SCALE, -counts, counts)
    features = np.append(-1, np.repeat(np.arange(len(terms.one_hot)), terms.one_hot))
    pairs = unsure = np.zeros((0, 0))
    if terms.pairs:
        pairs = np.outer(counts, counts) / counts[0]
        pairs[features[:, np.newaxis] == features] = 0
        unsure = np.zeros((d, d))
        scale = updates.pair_scale(terms)
        known = variance * updates.SCALE**2 / scale**2
        _count(terms, values[2 * d :] / scale, known, pairs, unsure)
    return Moments(counts, (counts + excess) / 2, variance, pairs, unsure, features)


def _count(
    terms: FederatedTerms, found: Weights, variance: float, pairs: Matrix, unsure: Matrix
) -> None:
    """Put counted pairs in the place of those that independent features would have."""
    starts, at = 1 + np.append(0, np.cumsum(terms.one_hot)), 0
    for f, g in itertools.combinations(range(len(terms.one_hot)), 2):
        rows, columns = slice(starts[f], starts[f + 1]), slice(starts[g], starts[g + 1])
        expected = pairs[rows, columns]
        end, most = at + expected.size, expected.sum()
        apart = np.clip(found[at:end].reshape(expected.shape) - expected, -most, most)
        size = max(float((apart**2 - variance).sum() / (expected**2).sum()), 0.0)
        usual, at = size * expected**2, end
        believed = usual / np.maximum(usual + variance, 1e-9)
        pairs[rows, columns] = expected + believed * apart
        pairs[columns, rows] = pairs[rows, columns].T
        unsure[rows, columns] = believed * variance
        unsure[columns, rows] = unsure[rows, columns].T
