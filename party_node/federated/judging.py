"""How good a model is over people of this party that trained nothing: the area under the curve.

It is exact, about this party's own people, and stays with this party.
"""

from protocols.auc import auc
from protocols.federated import fixed_point, learning
from protocols.federated.learning import People
from protocols.federated.terms import FederatedTerms


def judge(terms: FederatedTerms, weights: bytes, people: People) -> float | None:
    """Return the AUC of a model; None where all people have one label, or there are none."""
    scores = learning.score(terms, fixed_point.read_weights(terms, weights), people.codes)
    return auc(scores, people.labels == 1)
