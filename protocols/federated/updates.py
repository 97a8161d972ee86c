"""What a partner hands in: sums over its people, in whole numbers, and what one person can change.

Each person adds a row of numbers; the rows are added up. x is what a person has: 1 for the
constant and for its code of each feature.

    first round   x or -x, by the label: how many have it and how many do not, for each code
                  x: how many there are
                  1 for each pair of codes of different features (up to 512 columns)
    later rounds  r·x, where r is the label minus what the weights say, the residual
                  p(1-p)·x, where p is what they say: how strongly it bends there

The parts are scaled (`SCALE`, `pair_scale`, `UNIT`, `BENDING`), so that pairs take a third of what
a person may change, and p(1-p) nothing: with r it is never longer than r alone can be.

**One person changes a sum by its own row and by nothing else**: a row depends on that person's
codes and label, and on weights that are public. So what a person changes is as long as the longest
row that there is. In the first round all rows of people with a code of every feature are as long:

    √(2 · (1 + features) · SCALE² + features · (features - 1) / 2 · pair_scale²)

In later rounds p comes from a table with an entry for each 1/256 of log-odds, and there are few
enough entries to look at all of them: √((1 + features) · the largest of (r² + bending²)). Log-odds
are sums of whole numbers, so that the same person adds the same whole numbers on any machine, with
any people beside. No rounding is left that would have to be bounded.
"""

import functools
import itertools
import math

import numpy as np
from numpy.typing import NDArray

from protocols.dp import vector_noise
from protocols.federated import fixed_point
from protocols.federated.fixed_point import Whole
from protocols.federated.learning import NONE, People, columns_of
from protocols.federated.terms import FederatedTerms

SCALE = 2**10
"""One person, in the first round."""
UNIT = 2**16
"""A residual of 1, in later rounds."""
BENDING = 3
"""By how much p(1-p) is multiplied. Up to 3.3 it makes no row longer than the longest residual."""
_STEPS_BITS, _FURTHEST = 8, 16
"""The table: steps of 2^-8, log-odds from -16 to 16."""

Table = NDArray[np.int64]


def pair_scale(terms: FederatedTerms) -> int:
    """Return what a person counts in a pair of codes: all pairs as much as all codes once."""
    if not terms.pairs:
        return 0
    features = len(terms.one_hot)
    return math.isqrt((1 + features) * SCALE**2 // math.comb(features, 2))


def update(terms: FederatedTerms, turn: int, people: People, weights: bytes) -> Whole:
    """Return what a partner's people add up to in a round, without noise.

    Raises: MalformedMessage for weights that are none; LocalError for an unknown code.
    """
    if turn == 0:
        return first(terms, people)
    return later(terms, people, fixed_point.read_whole(terms, weights))


def first(terms: FederatedTerms, people: People) -> Whole:
    """Return the sums of the first round. Raises: LocalError for an unknown code."""
    columns = columns_of(terms, people.codes)
    signs = _added(terms, columns, np.where(people.labels == 1, 1, -1))
    counts = _added(terms, columns, np.ones(len(columns), np.int64))
    pairs = _paired(terms, people) * pair_scale(terms)
    return np.concatenate([signs * SCALE, counts * SCALE, pairs])


def later(terms: FederatedTerms, people: People, weights: Whole) -> Whole:
    """Return the sums of a later round at these weights, which are times 2^fraction_bits.

    Raises: LocalError for an unknown code.
    """
    columns = columns_of(terms, people.codes)
    logits = np.append(weights, 0)[columns].sum(axis=1)
    shift = terms.fraction_bits - _STEPS_BITS
    steps = (logits + (1 << shift >> 1)) >> shift
    furthest = _FURTHEST << _STEPS_BITS
    at = np.clip(steps, -furthest, furthest) + furthest
    yes, no, bending = _table()
    residuals = np.where(people.labels == 1, yes[at], no[at])
    return np.concatenate([_added(terms, columns, part) for part in (residuals, bending[at])])


@functools.lru_cache(maxsize=256)
def distance(terms: FederatedTerms, turn: int) -> float:
    """Return the length of the longest row, which is what one person can change, rounded up."""
    features = len(terms.one_hot)
    if turn == 0:
        pairs = math.comb(features, 2) * pair_scale(terms) ** 2
        return vector_noise.l2(1, 2 * (1 + features) * SCALE**2 + pairs)
    yes, no, bending = _table()
    longest = max(int((part**2 + bending**2).max()) for part in (yes, no))
    return vector_noise.l2(1, (1 + features) * longest)


@functools.cache
def _table() -> tuple[Table, Table, Table]:
    """Return, for each step of log-odds: the residual of a yes, of a no, and the bending."""
    steps = np.arange(-(_FURTHEST << _STEPS_BITS), (_FURTHEST << _STEPS_BITS) + 1)
    chance = np.rint(UNIT / (1 + np.exp(-steps / 2.0**_STEPS_BITS))).astype(np.int64)
    bending = BENDING * chance * (UNIT - chance) // UNIT
    return UNIT - chance, -chance, bending


def _added(terms: FederatedTerms, columns: NDArray[np.int64], each: NDArray[np.int64]) -> Whole:
    """Return, for each column, the sum of what each person who has it adds.

    Sums stay below 2^53, so that adding them up as floats is exact.
    """
    found = np.zeros(terms.columns + 1)
    for at in range(columns.shape[1]):
        found += np.bincount(columns[:, at], each, terms.columns + 1)
    return found[:-1].astype(np.int64)


def _paired(terms: FederatedTerms, people: People) -> Whole:
    """Return how many people have each pair of codes: pair after pair of features, in order."""
    if not terms.pairs:
        return np.zeros(0, np.int64)
    found, has = [], people.codes != NONE
    codes = people.codes.astype(np.int64)
    for f, g in itertools.combinations(range(len(terms.one_hot)), 2):
        both, (wide, high) = has[:, f] & has[:, g], (terms.one_hot[f], terms.one_hot[g])
        cells = codes[both, f] * high + codes[both, g]
        found.append(np.bincount(cells, minlength=wide * high))
    return np.concatenate(found)
