"""Reach, asked later: of the people meant, how many are among the other party's best 1 %, 2 %, …

The other party ranks its people by the score of a model that it has, and each one adds 1 to every
answer whose audience the person would be in: the best 1 %, the best 2 %, and so on to everybody.

A rank is not one person's own. Where somebody is taken out of the population, others move up, and
an audience may be one person smaller. But whoever is taken out, each audience then loses one person
at most and takes in one at most, so each answer changes by at most 1, in all by at most √7 in L2.
That is what the noise is made for (`GROUPS`). With buckets that exclude each other the same person
would change their counts by up to √10, and sums of them would be noisier.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.lookalike.evaluation import REACHES_PERMILLE

EVERYBODY = "everybody"
LABELS = tuple(
    EVERYBODY if permille == 1000 else f"best {permille // 10} %" for permille in REACHES_PERMILLE
)
"""What the cells of an answer are called, in order."""
GROUPS = len(REACHES_PERMILLE)
"""Cells that one person changes, by 1 each, at most."""


def memberships(buckets: NDArray[np.uint16]) -> NDArray[np.int32]:
    """Return of each person, from the bucket by rank, the audiences that the person is in: shape
    (people, reaches), 1 or 0.
    """
    return (buckets[:, None] <= np.arange(GROUPS)).astype(np.int32)
