"""How good a model is over people of this party that trained nothing: the area under the curve.

It is exact, about this party's own people, and stays with this party.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.auc import auc
from protocols.codec import Record
from protocols.federated import fixed_point, learning
from protocols.federated.learning import People
from protocols.federated.terms import FederatedTerms

_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Judged(Record):
    """The AUC of a model after a round, and how many people it is of."""

    KIND: ClassVar[str] = "federated-judged/1"
    area_millionths: int | None
    """None where all people have one label, or there are none."""
    with_label: int
    without: int

    @property
    def area(self) -> float | None:
        """The AUC, from 0 to 1."""
        return None if self.area_millionths is None else self.area_millionths / _MILLION


def judge(terms: FederatedTerms, weights: bytes, people: People) -> Judged:
    """Return how well a model tells people with the label from others."""
    scores = learning.score(terms, fixed_point.read_weights(terms, weights), people.codes)
    area = auc(scores, people.labels == 1)
    wanted = int(people.labels.sum())
    millionths = None if area is None else round(area * _MILLION)
    return Judged(millionths, wanted, len(people.labels) - wanted)
