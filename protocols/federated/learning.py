"""The model that a partner fits to its own people: ridge logistic regression over one-hot codes.

It is the weights w that make this least, over the partner's people i:

    Σ log(1 + exp(-s_i · x_i·w)) + (λ · size / 2) · |w - start|²        s_i = 1 or -1, the label

x_i has a 1 for the constant and for the code of each feature that the person has. `size` is the
agreed size of the partner, which is public: so λ means the same at every partner, and one person
more or less moves w by at most √(1 + features) / (λ · size) (Chaudhuri, Monteleoni, Sarwate 2011,
for add-or-remove neighbours). That holds at the minimum, so w is computed until it is within
`SLACK` of it, by Newton's method with step halving.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import LocalError
from protocols.federated.errors import TrainingNotSettled
from protocols.federated.fixed_point import Weights
from protocols.federated.terms import FederatedTerms

NONE = 0xFFFF
"""Code of a person who has no value of this feature."""

SLACK = 1e-7
"""How far from the minimum the weights may be, as a distance."""

MOST_STEPS = 100

Codes = NDArray[np.uint16]
Columns = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class People:
    """A partner's people: codes of shape (people, features), and for each a label, 0 or 1.

    One row for each person: what is said of noise is said of rows. Raises: LocalError.
    """

    codes: Codes
    labels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.labels.shape != (len(self.codes),):
            raise LocalError("there is one label for each row of codes")
        if self.labels.size and self.labels.max() > 1:
            raise LocalError("a label is 0 or 1")


def columns_of(terms: FederatedTerms, codes: Codes) -> Columns:
    """Return the columns that are 1 for each person, shape (people, 1 + features).

    The column behind the last stands for no value. Raises: LocalError for an unknown code.
    """
    sizes = np.array(terms.one_hot, np.int64)
    if codes.shape[1] != len(sizes):
        raise LocalError("there is not one code for each feature")
    none = codes == NONE
    if ((codes >= sizes) & ~none).any():
        raise LocalError("a code is not one of its feature's")
    starts = 1 + np.concatenate(([0], np.cumsum(sizes[:-1])))
    found = np.zeros((len(codes), 1 + len(sizes)), np.int64)
    found[:, 1:] = np.where(none, terms.columns, codes.astype(np.int64) + starts)
    return found


def score(terms: FederatedTerms, weights: Weights, codes: Codes) -> Weights:
    """Return the logit of each person."""
    wide = np.append(weights, 0.0)
    found: Weights = wide[columns_of(terms, codes)].sum(axis=1)
    return found


def fit(terms: FederatedTerms, number: int, people: People, start: Weights) -> Weights:
    """Return the weights of partner `number`, from those that the round starts with.

    Raises: TrainingNotSettled; LocalError for codes or labels that are none.
    """
    columns = columns_of(terms, people.codes)
    signs = np.where(people.labels == 1, 1.0, -1.0)
    strength = terms.ridge_milli / 1000 * terms.sizes[number]
    weights = start.copy()
    for _ in range(MOST_STEPS):
        gradient, curvature = _derivatives(
            terms, columns, signs, strength, weights - start, weights
        )
        # The loss is strongly convex: the minimum is within |gradient| / strength.
        if np.linalg.norm(gradient) <= SLACK * strength:
            return weights
        direction: Weights = np.linalg.solve(curvature, gradient).astype(np.float64)
        weights = _halved(columns, signs, strength, start, weights, direction, gradient)
    raise TrainingNotSettled(f"not settled after {MOST_STEPS} steps")


def _derivatives(
    terms: FederatedTerms,
    columns: Columns,
    signs: Weights,
    strength: float,
    away: Weights,
    weights: Weights,
) -> tuple[Weights, NDArray[np.float64]]:
    d = terms.columns
    logits = np.append(weights, 0.0)[columns].sum(axis=1)
    wrong = 1 / (1 + np.exp(np.clip(signs * logits, -500, 500)))
    gradient, bend = np.zeros(d + 1), wrong * (1 - wrong)
    curvature = np.zeros((d + 1) * (d + 1))
    for f in range(columns.shape[1]):
        gradient += np.bincount(columns[:, f], -signs * wrong, d + 1)
        for g in range(f, columns.shape[1]):
            cells = columns[:, f] * (d + 1) + columns[:, g]
            curvature += np.bincount(cells, bend, (d + 1) ** 2) * (0.5 if f == g else 1.0)
    square = curvature.reshape(d + 1, d + 1)[:d, :d]
    return gradient[:d] + strength * away, square + square.T + strength * np.eye(d)


def _halved(
    columns: Columns,
    signs: Weights,
    strength: float,
    start: Weights,
    weights: Weights,
    direction: Weights,
    gradient: Weights,
) -> Weights:
    """Take Newton's step, or half of it, … whichever first makes the loss less."""

    def loss(at: Weights) -> float:
        margins = signs * np.append(at, 0.0)[columns].sum(axis=1)
        ridge = strength / 2 * float(((at - start) ** 2).sum())
        return float(np.logaddexp(0.0, -margins).sum()) + ridge

    before, expected, part = loss(weights), float(gradient @ direction), 1.0
    # Close to the minimum the loss no longer shows what a step does: then the whole step is right.
    tolerance = 1e-12 * (1 + abs(before))
    while loss(weights - part * direction) > before - 1e-4 * part * expected + tolerance:
        part /= 2
    return weights - part * direction
