"""The common weights from the sums of all rounds so far: a Bayesian regression on sums alone.

The aggregator computes them whenever a sum is open, from what everybody could know: the sums, how
much noise is in them (`noise.py`), the terms. That is post-processing, and costs no privacy.

1. The first sum has counts of people, of those with the label and of pairs of codes (`moments.py`).
   From there follow the gradient of the log-likelihood, first where weights say nothing but the
   share of the label, then at the weights found so (`foretold.py`), and H, how it bends
   (`bending.py`).
2. Each later sum has the gradient at the weights of the round before, and how it bends there.
3. Gradients of all rounds count, each by how well it is known: it has the noise of its round, and
   is worth the less the further its weights were from those found now, for H is not quite right.
   One that is over fewer partners is scaled up by their sizes.
4. How strongly weights are held to 0 is estimated as well (`shrinkage.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from protocols.codec import Record
from protocols.federated import bending, fixed_point, foretold, moments, noise, shrinkage, updates
from protocols.federated.fixed_point import Weights
from protocols.federated.moments import Moments
from protocols.federated.terms import FederatedTerms

ALONE = 0.5
"""Usual variance of log-odds of all features together."""
LARGEST_USUAL = 0.25
LEAST_BEND = 0.6
"""H never falls below this part of what it is at weights 0: steps would get too long."""
_MOVES = 2
_PASSES = 3
_FLOOR = 0.1
"""No gradient is known better than with this variance, in people."""


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
    """The gradient of everybody's log-likelihood at some weights, and its variance."""

    at: Weights
    values: Weights
    variance: float


def weights(terms: FederatedTerms, rounds: Sequence[Summed]) -> bytes:
    """Return the common weights after these rounds, of which there is one at least."""
    people = moments.read(terms, _values(rounds[0]), len(rounds[0].numbers))
    usual = people.share * (1 - people.share)
    at, bends = np.zeros(terms.columns), np.full(terms.columns, usual)
    at[0] = np.log(people.share / (1 - people.share))
    # The label's excess at weights 0, and what there are more or fewer of at this share.
    variance = people.variance * (0.25 + (0.5 - people.share) ** 2)
    seen = [_Gradient(at, people.positive - people.share * people.counts, variance)]
    for _ in range(_MOVES if people.pairs.size else 0):
        at = _solve(terms, people, seen, bends, at)
        gradient, bends = foretold.gradient_at(people, at)
        bends = np.clip(bends, LEAST_BEND * usual, 0.25)
        seen = [_Gradient(at, gradient, variance)]
    everybody = terms.weight_of(rounds[0].numbers)
    for turn, summed in enumerate(rounds[1:], 1):
        share = terms.weight_of(summed.numbers) / everybody
        gradient, bent = np.split(_values(summed) / (share * updates.UNIT), 2)
        variance = noise.variance(terms, turn, len(summed.numbers)) / (share * updates.UNIT) ** 2
        at = fixed_point.read_weights(terms, summed.weights)
        # Clipped, as the bends, because a partner may hand in what it likes.
        gradient = np.clip(gradient, -people.counts, people.counts)
        seen.append(_Gradient(at, gradient, variance))
        bends = np.clip(bent / updates.BENDING / people.counts, LEAST_BEND * usual, 0.25)
    return fixed_point.sent(terms, _solve(terms, people, seen, bends, at))


def _solve(
    terms: FederatedTerms,
    people: Moments,
    seen: Sequence[_Gradient],
    bends: Weights,
    start: Weights,
) -> Weights:
    """Return the weights that these gradients lead to, where each column bends so much."""
    bend = bending.of(people, bends)
    usual = min(ALONE / len(terms.one_hot), LARGEST_USUAL)
    ridge = terms.ridge_milli / 1000 * float(people.counts[0])
    found = start
    for once in range(_PASSES):
        parts, total = np.zeros(terms.columns), np.zeros(terms.columns)
        for one in seen:
            far = bend.doubt(found - one.at) if once else 0.0
            weight = 1 / np.maximum(one.variance + far, _FLOOR)
            parts += weight * (bend.gradient(one.values) + bend.applied(one.at))
            total += weight
        known, told = bend.known(parts / total, 1 / total)
        found = shrinkage.posterior(known, told, people.features, usual, ridge)
        found = np.clip(found, -terms.bound, terms.bound)
    return found


def _values(summed: Summed) -> Weights:
    return np.frombuffer(summed.values, "<i8").astype(np.float64)
