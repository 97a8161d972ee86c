"""What is said of a joint model: how good it is, what each feature weighs, what it is not for.

Everything is the receiver's own: labels, scores and weights are there. Nothing of it is told to the
sender but the weights of its own columns, which it has seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.joint.widths import widths
from protocols.lookalike.features import FeatureSpecification


@dataclass(frozen=True, slots=True)
class About(Record):
    """Which of the partner's features each of its columns is about: one, or two together."""

    KIND: ClassVar[str] = "joint-about/1"
    columns: tuple[tuple[int, ...], ...]

    @classmethod
    def of(
        cls, features: FeatureSpecification, most: int, tables: list[tuple[int, ...]]
    ) -> "About":
        """Return this of features that became columns, `most` if that was enough, and tables."""
        each = enumerate(widths(features, most))
        return cls((*((at,) for at, wide in each for _ in range(wide)), *tables))


LIMITS = (
    "It is fitted on the people of both parties: it says little about anybody else.",
    "It is not for decisions with legal or similarly significant effects on a person.",
    "Features can stand in for protected traits: look at the weights before it is used.",
    "Who withdraws is out of later scores, not out of what the sums have taught it.",
)


def shares(
    features: FeatureSpecification, weights: Sequence[int], entries: NDArray[np.uint8]
) -> dict[str, float]:
    """Return how much each feature moves scores, in the scale of weights times entries: by the
    spread among `entries`, shape (people, columns).
    """
    found, at = {}, 0
    for feature, wide in zip(features.features, widths(features), strict=True):
        own = np.array(weights[at : at + wide], np.float64)
        found[feature.column] = float((entries[:, at : at + wide] @ own).std())
        at += wide
    return found


def spans(about: About, features: FeatureSpecification, weights: Sequence[int]) -> dict[str, float]:
    """Return the widest span that each of the partner's features, or two together, can make."""
    found: dict[str, float] = {}
    for each, weight in zip(about.columns, weights, strict=False):
        name = " with ".join(features.features[at].column for at in each)
        found[name] = found.get(name, 0.0) + abs(weight)
    return found
