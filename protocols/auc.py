"""How well scores tell two kinds of people apart: the area under the ROC curve."""

import numpy as np
from numpy.typing import NDArray


def auc(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float | None:
    """Return how often a person who is wanted scores above one who is not; ties count half.

    None where all people have one label, or there are none.
    """
    wanted = int(labels.sum())
    if not 0 < wanted < len(labels):
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    others = len(labels) - wanted
    return float((ranks[labels].sum() - wanted * (wanted + 1) / 2) / (wanted * others))
