"""How good a model is over people of this party that trained nothing: the area under the curve.

It is exact, about this party's own people, and stays with this party.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.federated import fixed_point, learning
from protocols.federated.learning import People
from protocols.federated.terms import FederatedTerms


def auc(terms: FederatedTerms, weights: bytes, people: People) -> float | None:
    """Return the AUC of a model; None where all people have one label, or there are none."""
    scores = learning.score(terms, fixed_point.read_weights(terms, weights), people.codes)
    return area(scores, people.labels)


def area(scores: NDArray[np.float64], labels: NDArray[np.uint8]) -> float | None:
    """Return how often a person with label 1 scores above one with 0; ties count half."""
    positive = int(labels.sum())
    negative = len(labels) - positive
    if not positive or not negative:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    ranks = float(middle[inverse][labels == 1].sum())
    return (ranks - positive * (positive + 1) / 2) / (positive * negative)
