"""Where log-odds may differ between people: a sum of parts, whose sizes the noised sum tells.

There is a part for each feature alone, one for features together, and some for the directions in
which people differ most. Each part alone would make the seeds' mean row deviate in its own way from
the population's, by a normal law. The measured deviation is the sum of all parts, of the chance of
which seeds there are and of the noise; so the size of each part can be estimated (variance
components, by the majorise-minimise steps of Zhou, Hu, Zhou and Lange 2019), held near its usual
value where the sum says little. A feature that does not matter is thereby nearly left out. This
looks at the released sum and the population only, and costs nothing.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.lookalike import kernel
from protocols.lookalike.encoding import Codes
from protocols.lookalike.kernel import Floats
from protocols.lookalike.representation import Representation

ALONE = 0.5
"""Usual variance of log-odds of all features, each alone."""
TOGETHER = 0.5
"""Of features together."""
LEANS = ((1.5, 0.3), (2.0, 0.3))
"""Of the directions in which people differ most: how much they are preferred, and the variance."""
DOUBT = 1.0
"""How firmly sizes are held near the usual ones: as if each had been seen twice as often."""
_ROUNDS = 20

Matrix = NDArray[np.float64]


def explained(
    made: Representation,
    people: Codes,
    rows: Floats,
    shift: NDArray[np.float64],
    unknown: Matrix,
) -> Matrix:
    """Return the covariance of the deviation that log-odds alone would make, without any noise.

    `rows` are the centred rows of `people`; `unknown` is the covariance of all that is not known of
    `shift`.
    """
    parts, usual, sizes = _parts(made, people, rows)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    found = np.array(usual)
    for _ in range(_ROUNDS):
        each = np.repeat(found, sizes).astype(np.float32)
        covariance = (parts * each) @ parts.T + unknown
        inverse = np.linalg.inv(covariance).astype(np.float32)
        seen = parts.T @ (inverse @ shift.astype(np.float32))
        quadratic = np.add.reduceat(np.square(seen, dtype=np.float64), starts)
        trace = np.add.reduceat(((inverse @ parts) * parts).sum(axis=0, dtype=np.float64), starts)
        trace = np.maximum(trace, 1e-12)
        pull = trace * (found**2 * quadratic + 2 * DOUBT * np.array(usual))
        found = (np.sqrt(DOUBT**2 + pull) - DOUBT) / trace
    weighed = parts * np.sqrt(np.repeat(found, sizes)).astype(np.float32)
    return np.asarray(weighed @ weighed.T, np.float64)


def _parts(
    made: Representation, people: Codes, rows: Floats
) -> tuple[Floats, list[float], list[int]]:
    """Return what each part adds, of variance 1 over people: side by side, sizes, widths."""
    offsets, width = made.embedding.offsets, len(made.embedding.table)
    ones = kernel.one_hot(people, offsets, width)
    meeting = np.asarray(ones.T @ rows).T / len(rows)
    blocks, usual = [], []
    for at, bins in enumerate(made.bins):
        shares = np.bincount(people[:, at], minlength=bins.size) / len(people)
        root = kernel.root(bins, shares)
        spread = float(shares @ np.square(root).sum(axis=1) - np.square(shares @ root).sum())
        mine = slice(offsets[at], offsets[at] + bins.size)
        blocks.append(meeting[:, mine] @ root / np.sqrt(max(spread, 1e-9)))
        usual.append(ALONE / len(made.bins))
    near = kernel.bell(made.embedding(people), made.landmarks) @ kernel.spanned(made.landmarks)
    near -= near.mean(axis=0)
    spread = float(near.var(axis=0).sum())
    blocks.append(rows.T @ near / len(rows) / np.sqrt(max(spread, 1e-9)))
    usual.append(TOGETHER)
    covariance = rows.T @ rows / len(rows)
    for lean, variance in LEANS:
        part = made.spectrum**lean / (made.spectrum**lean).sum()
        blocks.append(covariance * np.sqrt(part / np.maximum(np.diag(covariance), 1e-12)))
        usual.append(variance)
    parts = np.concatenate(blocks, axis=1).astype(np.float32)
    return parts, usual, [block.shape[1] for block in blocks]
