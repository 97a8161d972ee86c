"""Where log-odds may differ between people: a sum of parts, whose sizes the noised sum tells.

There is a part for each feature alone, one for features together, and some for the directions in
which people differ most. Each part alone would make the seeds' mean row deviate in its own way from
the population's, by a normal law. The measured deviation is the sum of all parts, of the chance of
which seeds there are and of the noise; so the size of each part can be estimated
(`protocols/variance_components.py`), held near its usual value where the sum says little. A feature
that does not matter is thereby nearly left out. This looks at the released sum and the population
only, and costs nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols import variance_components
from protocols.lookalike import kernel
from protocols.lookalike.encoding import Codes
from protocols.lookalike.features import FeatureKind
from protocols.lookalike.kernel import Floats
from protocols.lookalike.representation import FEW, Representation

ALONE = 0.5
"""Usual variance of log-odds of all features, each alone."""
TOGETHER = 0.5
"""Of features together."""
LEANS = ((1.5, 0.3), (2.0, 0.3))
"""Of the directions in which people differ most: how much they are preferred, and the variance."""
OF_FEW = 0.5
"""Part of the usual variances, but for leanings, below 500 seeds: so few say little of each part,
and what people have in common in the main directions is the safer guess.
"""
_ROUNDS = 20

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parts:
    """What each part of log-odds would make a mean row deviate by, side by side."""

    values: Floats
    """Shape (entries of a row, entries of all parts); the part alone has variance 1 over people."""
    usual: NDArray[np.float64]
    """Usual variance of each part; the first are of the features, each alone."""
    widths: tuple[int, ...]


def explained(
    made: Representation,
    people: Codes,
    moments: Floats,
    shift: NDArray[np.float64],
    unknown: Matrix,
) -> Matrix:
    """Return the covariance of the deviation that log-odds alone would make, without any noise.

    `moments` are centred rows of `people`: first those of `made`, then those of an earlier look, if
    there was one. `shift` is how far the seeds' mean row is from theirs, `unknown` the covariance
    of all that is not known of it. What is returned is of the columns of `made`.
    """
    parts = parts_of(made, people, moments)
    own = parts.values[: made.columns - 1]
    each = np.repeat(variances(parts, shift, unknown), parts.widths)
    weighed = own * np.sqrt(each).astype(np.float32)
    return np.asarray(weighed @ weighed.T, np.float64)


def matters(
    made: Representation,
    people: Codes,
    moments: Floats,
    shift: NDArray[np.float64],
    unknown: Matrix,
) -> NDArray[np.float64]:
    """Return how large the part of each feature alone is, beside its usual size."""
    parts = parts_of(made, people, moments)
    found = variances(parts, shift, unknown) / parts.usual
    return np.asarray(found[: len(made.bins)])


def variances(parts: Parts, shift: NDArray[np.float64], unknown: Matrix) -> NDArray[np.float64]:
    """Return the variance of each part that the deviation speaks for."""
    values, usual = parts.values, parts.usual
    starts = np.concatenate([[0], np.cumsum(parts.widths)[:-1]])
    found = usual
    for _ in range(_ROUNDS):
        each = np.repeat(found, parts.widths).astype(np.float32)
        covariance = (values * each) @ values.T + unknown
        inverse = np.linalg.inv(covariance).astype(np.float32)
        seen = values.T @ (inverse @ shift.astype(np.float32))
        quadratic = np.add.reduceat(np.square(seen, dtype=np.float64), starts)
        trace = np.add.reduceat(((inverse @ values) * values).sum(axis=0, dtype=np.float64), starts)
        found = variance_components.step(found, quadratic, trace, usual)
    return found


def parts_of(made: Representation, people: Codes, moments: Floats) -> Parts:
    """Return the parts, in the order: features alone, features together, leanings."""
    offsets, width = made.embedding.offsets, len(made.embedding.table)
    ones = kernel.one_hot(people, offsets, width)
    meeting = np.asarray(ones.T @ moments).T / len(moments)
    blocks, usual = [], []
    likely = OF_FEW if made.seeds_step < FEW else 1.0
    for at, bins in enumerate(made.bins):
        shares = np.bincount(people[:, at], minlength=bins.size) / len(people)
        mine = meeting[:, offsets[at] : offsets[at] + bins.size]
        if bins.feature.kind is FeatureKind.CATEGORICAL:  # each category is alike to itself alone
            spread = float(shares.sum() - np.square(shares).sum())
        else:
            root = kernel.root(bins, shares)
            spread = float(shares @ np.square(root).sum(axis=1) - np.square(shares @ root).sum())
            mine = mine @ root
        blocks.append(mine / np.sqrt(max(spread, 1e-9)))
        usual.append(likely * ALONE / len(made.bins))
    near = kernel.bell(made.embedding(people), made.landmarks) @ kernel.spanned(made.landmarks)
    near -= near.mean(axis=0)
    spread = float(near.var(axis=0).sum())
    blocks.append(moments.T @ near / len(moments) / np.sqrt(max(spread, 1e-9)))
    usual.append(likely * TOGETHER)
    rows = moments[:, : made.columns - 1]
    covariance = moments.T @ rows / len(rows)
    variance_of = np.square(rows, dtype=np.float64).mean(axis=0)
    for lean, variance in LEANS:
        part = made.spectrum**lean / (made.spectrum**lean).sum()
        blocks.append(covariance * np.sqrt(part / np.maximum(variance_of, 1e-12)))
        usual.append(variance)
    values = np.concatenate(blocks, axis=1).astype(np.float32)
    return Parts(values, np.array(usual), tuple(block.shape[1] for block in blocks))
