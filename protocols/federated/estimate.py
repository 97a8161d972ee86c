"""The common weights from the sums of all rounds so far: a Bayesian regression on sums alone.

The aggregator computes them whenever a sum is open, from what everybody could know of it: the sums,
how much noise is in them (`noise.py`), the terms. That is post-processing, and costs no privacy.

1. The first sum has how many people there are with each code, and how many of them have the label.
   From there the gradient of the log-likelihood follows at weights that say nothing but the share
   of the label; and H, how it bends: from counts of pairs of codes. These are noisy, and so each is
   drawn to what it would be if the two features had nothing to do with each other, as strongly as
   the pairs of these two features suggest. Where there are no pairs that is assumed.
2. Each later sum has the gradient at the weights of the round before, and how it bends now.
3. Gradients of all rounds count, each by how well it is known: it has the noise of its round, and
   is worth the less the further its weights were from those found now, for H is not quite right.
   One that is over fewer partners is scaled up by their sizes.
4. How strongly weights are held to 0 is estimated as well (`shrinkage.py`).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.federated import fixed_point, noise, shrinkage, updates
from protocols.federated.fixed_point import Weights
from protocols.federated.shrinkage import Matrix
from protocols.federated.terms import FederatedTerms

ALONE = 0.5
"""Usual variance of log-odds of all features together."""
LARGEST_USUAL = 0.25
MISFIT = 0.1
"""By how much, of itself, an entry of H for two features may be wrong because H is not constant."""
UNSEEN = 0.1
"""The variance of a pair's count beside that of independent features, where none was counted."""
LEAST_BEND = 0.6
"""H never falls below this part of what it was in the first round: steps would get too long."""
_PASSES = 3
_FLOOR = 0.1
"""No direction bends less than a tenth of a person."""
_LEAST_SHARE = 1e-3


@dataclass(frozen=True, slots=True)
class Summed(Record):
    """The open sum of one round: at which weights, of whom, what."""

    KIND: ClassVar[str] = "federated-summed/1"
    weights: bytes
    numbers: tuple[int, ...]
    values: bytes
    """int64, little endian."""


@dataclass(frozen=True, slots=True)
class _Gradient:
    """The gradient of the log-likelihood of all people, at some weights, with its variance."""

    at: Weights
    values: Weights
    variance: float


@dataclass(frozen=True, slots=True)
class _People:
    """What the first round says of people, label aside, and at which weights its gradient is."""

    counts: Weights
    pairs: Matrix
    """Counts of pairs of codes of different features, those with the constant included."""
    unsure: Matrix
    """Their variances."""
    bend: float
    """p(1-p) at the share of the label."""
    features: NDArray[np.int64]


def weights(terms: FederatedTerms, rounds: Sequence[Summed]) -> bytes:
    """Return the common weights after these rounds, of which there is one at least."""
    people, first = _first(terms, rounds[0])
    gradients, bends = [first], np.full(terms.columns, people.bend)
    everybody = terms.weight_of(rounds[0].numbers)
    for turn, summed in enumerate(rounds[1:], 1):
        share = terms.weight_of(summed.numbers) / everybody
        values = _values(summed) / share
        gradient, bent = values[: terms.columns], values[terms.columns :]
        gradient = np.clip(gradient / updates.UNIT, -people.counts, people.counts)
        known = noise.variance(terms, turn, len(summed.numbers)) / (share * updates.UNIT) ** 2
        at = fixed_point.read_weights(terms, summed.weights)
        gradients.append(_Gradient(at, gradient, known))
        bends = bent / (updates.BENDING * updates.UNIT) / people.counts
        bends = np.clip(bends, LEAST_BEND * people.bend, 0.25)
    bend, wrong = _bending(people, bends)
    usual = min(ALONE / len(terms.one_hot), LARGEST_USUAL)
    ridge = terms.ridge_milli / 1000 * people.counts[0]
    found = gradients[-1].at
    for once in range(_PASSES):
        variances = [
            g.variance + (wrong @ (found - g.at) ** 2 if once else np.zeros(terms.columns))
            for g in gradients
        ]
        each = [1 / np.maximum(v, _FLOOR) for v in variances]
        total = np.add.reduce(each)
        parts = [p * (g.values + bend @ g.at) for p, g in zip(each, gradients, strict=True)]
        seen = np.add.reduce(parts) / total
        found = shrinkage.posterior(bend, seen, 1 / total, people.features, usual, ridge)
        found = np.clip(found, -terms.bound, terms.bound)
    return fixed_point.sent(terms, found)


def _first(terms: FederatedTerms, summed: Summed) -> tuple[_People, _Gradient]:
    d, variance = terms.columns, noise.variance(terms, 0, len(summed.numbers))
    values = _values(summed)
    variance /= updates.SCALE**2
    least = max(np.sqrt(variance), 1.0)
    counts = np.maximum(values[d : 2 * d] / updates.SCALE, least)
    everybody = counts[0]
    counts = np.minimum(counts, everybody)
    excess = np.clip(values[:d] / updates.SCALE, -counts, counts)
    share = np.clip((1 + excess[0] / everybody) / 2, _LEAST_SHARE, 1 - _LEAST_SHARE)
    at = np.zeros(d)
    at[0] = np.log(share / (1 - share))
    # Yes minus no, halved, is the gradient at weights 0; here it is at the constant alone.
    gradient = excess / 2 + (0.5 - share) * counts
    spread = variance * (0.25 + (0.5 - share) ** 2)
    features = np.repeat(np.arange(len(terms.one_hot)), terms.one_hot)
    features = np.concatenate([[-1], features])
    pairs = np.outer(counts, counts) / everybody
    pairs[features[:, np.newaxis] == features] = 0
    unsure = UNSEEN * pairs**2
    unsure[0] = unsure[:, 0] = 0
    if terms.pairs:
        _counted(terms, values[2 * d :], variance, pairs, unsure)
    made = _People(counts, pairs, unsure, share * (1 - share), features)
    return made, _Gradient(at, gradient, spread)


def _counted(
    terms: FederatedTerms, values: Weights, variance: float, pairs: Matrix, unsure: Matrix
) -> None:
    """Put counted pairs in the place of those that independent features would have."""
    scale = updates.pair_scale(terms)
    found, known, at = values / scale, variance * updates.SCALE**2 / scale**2, 0
    starts = 1 + np.concatenate([[0], np.cumsum(terms.one_hot)])
    for f, g in itertools.combinations(range(len(terms.one_hot)), 2):
        rows, columns = slice(starts[f], starts[f + 1]), slice(starts[g], starts[g + 1])
        expected = pairs[rows, columns]
        end = at + expected.size
        apart = found[at:end].reshape(expected.shape) - expected
        # Clipped, because a partner may hand in what it likes.
        apart, at = np.clip(apart, -expected.sum(), expected.sum()), end
        size = max(float((apart**2 - known).sum()) / float((expected**2).sum()), 0.0)
        usual = size * expected**2
        believed = usual / np.maximum(usual + known, 1e-9)
        pairs[rows, columns] = expected + believed * apart
        pairs[columns, rows] = pairs[rows, columns].T
        unsure[rows, columns] = believed * known
        unsure[columns, rows] = unsure[rows, columns].T


def _bending(people: _People, bends: Weights) -> tuple[Matrix, Matrix]:
    """Return H, and the variance of what is wrong with it, where each column bends so much."""
    factor = np.outer(bends, bends) / bends[0]
    found = people.pairs * factor
    wrong = people.unsure * factor**2 + (MISFIT * found) ** 2
    own = bends * people.counts
    found[0], found[:, 0] = own, own
    np.fill_diagonal(found, own)
    values, vectors = np.linalg.eigh(found)
    least = max(_FLOOR, 1e-9 * float(values[-1]))
    return (vectors * np.maximum(values, least)) @ vectors.T, wrong


def _values(summed: Summed) -> Weights:
    return np.frombuffer(summed.values, "<i8").astype(np.float64)
