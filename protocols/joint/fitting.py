"""A joint model from moments: least squares on the label, each weight held back a little.

The direction is that of Fisher's linear discriminant, and ranks people nearly as the logistic model
on the same columns does. Where moments have noise, what the noise drowns is cut off: the matrix is
made one that people could have (no negative spectrum) before it is solved.

The partner is told the weights of its columns, exactly. A column of its own making that one person
has would by its weight tell whether that person matches, and with which label. So a column in which
fewer than ten people of both differ from the others weighs nothing. It does not hold against a
partner that makes two columns which differ in one person: `docs/concepts/joint-score.md`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import DisclosureError
from protocols.joint.widths import UNIT
from protocols.lookalike.features import NothingToLearn

LEAST_MATCHES = 100
"""Fewer people of both are no ground for a model."""
LEAST_OF_A_LABEL = 10
LEAST_APART = 10
"""So many people make a column vary, or it weighs nothing."""
_HELD = 2e-4
"""Part of its variance by which each column is held back."""

Floats = NDArray[np.float64]


class TooFewMatches(DisclosureError):
    """Too few people of both have a label: a model of so few would be about each of them."""

    code = "too-few-matches"


@dataclass(frozen=True, slots=True)
class JointModel:
    """Weights on columns in parts of `UNIT`; the score of a person is the share of the label that
    people like it have, if a straight line says it.
    """

    constant: float
    own: Floats
    theirs: Floats


def check_people(labels: NDArray[np.uint8]) -> None:
    """Return if so many people of both, with such labels, can be learnt from.

    Raises: TooFewMatches; NothingToLearn if nearly all have one label.
    """
    if len(labels) < LEAST_MATCHES:
        raise TooFewMatches(f"at least {LEAST_MATCHES} people of both are needed")
    if not LEAST_OF_A_LABEL <= int(labels.sum()) <= len(labels) - LEAST_OF_A_LABEL:
        raise NothingToLearn("nearly everybody has the same label")


def fit(
    second: Floats, own: int, sigma: float = 0.0, held_more: Floats | None = None
) -> JointModel:
    """Return the model of moments as `second_moments` returns them, with `own` columns of the
    brand's; `sigma` is the scale of the noise of entries, in people, and `held_more` by how many
    people more each of the partner's columns is held back.
    """
    people = second[0, 0]
    means = second[0] / people
    centred = second / people - np.outer(means, means)
    spread, target = centred[1:-1, 1:-1], centred[1:-1, -1]
    told = np.diag(spread) >= _of_few(people) / people
    weights = np.zeros(len(told))
    spread, target = spread[np.ix_(told, told)], target[told]
    spread = (spread + spread.T) / 2
    values, vectors = np.linalg.eigh(spread)
    # A random symmetric matrix has a spectrum as wide as this.
    noise = 2 * sigma / people * np.sqrt(len(spread))
    values = np.maximum(values, noise)
    spread = (vectors * values) @ vectors.T
    held = _HELD * np.maximum(np.diag(spread), 1e-6) + 1e-9 + noise
    if held_more is not None:
        held = held + np.concatenate([np.zeros(own), held_more])[told] / people
    weights[told] = np.linalg.solve(spread + np.diag(held), target)
    constant = float(means[-1] - means[1:-1] @ weights)
    return JointModel(constant, weights[:own], weights[own:])


def left_of(own: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Floats:
    """Return what the brand's columns leave of each label, from -1 to 1 nearly always."""
    whole = np.concatenate([np.ones((len(own), 1)), own / UNIT, labels[:, None]], axis=1)
    model = fit(whole.T @ whole, own.shape[1])
    return np.asarray(labels - model.constant - own / UNIT @ model.own)


def _of_few(people: float) -> float:
    """Return how much a column varies, in all, that `LEAST_APART` people have and the others not.

    Nobody adds more than a whole one, so of fewer people it is less.
    """
    return 0.999 * LEAST_APART * (1 - LEAST_APART / people)
