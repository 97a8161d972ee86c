"""How the log-likelihood bends, as far as the sums say: H, and how wrong it may be.

`Together` is a matrix over all columns, where people were counted by pairs of codes. `Alone` is
where they were not: each code stands for itself, and features have nothing to do with each other.
Then a code's gradient loses what it has from there being more or fewer of all people with the
label, for that is the constant's.
"""

from dataclasses import dataclass

import numpy as np

from protocols.federated.fixed_point import Weights
from protocols.federated.moments import Matrix, Moments

MISFIT = 0.1
"""By how much, as a part of itself, an entry of H for two features may be wrong."""
UNSEEN = 0.3
"""The same where no pairs were counted."""
_FLOOR = 0.1
"""No direction bends less than a tenth of a person."""


@dataclass(frozen=True, slots=True)
class Together:
    """H as a matrix that is positive definite, and the variances of its entries."""

    bend: Matrix
    unsure: Matrix

    def gradient(self, values: Weights) -> Weights:
        """Return a gradient as it is compared with H."""
        return values

    def applied(self, weights: Weights) -> Weights:
        """Return H·w."""
        found: Weights = self.bend @ weights
        return found

    def doubt(self, away: Weights) -> Weights:
        """Return the variance of H·away that comes from H being wrong."""
        found: Weights = self.unsure @ away**2
        return found

    def known(self, seen: Weights, variances: Weights) -> tuple[Matrix, Weights]:
        """Return H·(H + V)⁻¹·H, and the same of `seen` in place of the second H."""
        columns = np.column_stack([self.bend, seen])
        found = self.bend @ np.linalg.solve(self.bend + np.diag(variances), columns)
        square = found[:, :-1]
        return (square + square.T) / 2, found[:, -1]


@dataclass(frozen=True, slots=True)
class Alone:
    """H of each column alone; `shares` are parts of the constant's, which has 1."""

    shares: Weights
    bend: Weights
    people: Moments

    def gradient(self, values: Weights) -> Weights:
        """Return a gradient as it is compared with H."""
        found: Weights = values - self.shares * values[0]
        found[0] = values[0]
        return found

    def applied(self, weights: Weights) -> Weights:
        """Return H·w."""
        return self.bend * weights

    def doubt(self, away: Weights) -> Weights:
        """Return the variance of H·away that comes from H being wrong: from other features."""
        features = self.people.features[1:]
        moved: Weights = (self.shares * away)[1:] ** 2
        of_each = np.bincount(features, moved)
        others: Weights = np.append(0.0, moved.sum() - of_each[features])
        mine: Weights = np.square(UNSEEN * self.bend[0] * self.shares)
        return np.multiply(mine, others, dtype=np.float64)

    def known(self, seen: Weights, variances: Weights) -> tuple[Weights, Weights]:
        """Return the same as `Together.known`, of the diagonal alone."""
        part = self.bend / (self.bend + variances)
        return part * self.bend, part * seen


def of(people: Moments, bends: Weights) -> Together | Alone:
    """Return H where each column bends so much: the mean of p(1-p) over those who have it."""
    own = bends * people.counts
    if not people.pairs.size:
        shares = own / own[0]
        alone = np.maximum(own * (1 - shares), _FLOOR)
        alone[0] = max(own[0], _FLOOR)
        return Alone(shares, alone, people)
    factor = np.outer(bends, bends) / bends[0]
    found = people.pairs * factor
    unsure = people.unsure * factor**2 + (MISFIT * found) ** 2
    found[0] = found[:, 0] = own
    np.fill_diagonal(found, own)
    values, vectors = np.linalg.eigh(found)
    least = max(_FLOOR, 1e-9 * float(values[-1]))
    return Together((vectors * np.maximum(values, least)) @ vectors.T, unsure)
