"""What is said of a joint model: how good it is, what each feature weighs, what it is not for.

Everything is the receiver's own: labels, scores and weights are there. Nothing of it is told to the
sender but the weights of its own columns, which it has seen.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from protocols.joint.widths import widths
from protocols.lookalike.features import FeatureSpecification

LIMITS = (
    "It is fitted on the people of both parties: it says little about anybody else.",
    "It is not for decisions with legal or similarly significant effects on a person.",
    "Features can stand in for protected traits: look at the weights before it is used.",
    "Who withdraws is out of later scores, not out of what the sums have taught it.",
)


def shares(
    features: FeatureSpecification, weights: Sequence[int], entries: NDArray[np.uint8] | None
) -> dict[str, float]:
    """Return how much each feature moves scores, in the scale of weights times entries.

    With `entries`, shape (people, columns), by the spread among these; without, by the widest span
    that the feature can make.
    """
    found, at = {}, 0
    for feature, wide in zip(features.features, widths(features), strict=True):
        own = np.array(weights[at : at + wide], np.float64)
        if entries is None:
            found[feature.column] = float(np.abs(own).sum())
        else:
            found[feature.column] = float((entries[:, at : at + wide] @ own).std())
        at += wide
    return found
