"""How many columns each feature becomes: it follows from the specification, for both parties alike.

Apart from `basis`, which makes the columns out of data and needs a library for tables to do so.
"""

from protocols.lookalike.features import Feature, FeatureSpecification

UNIT = 32
"""The top of each column."""
MOST_RAMPS = 4
"""Of a numeric feature."""
MOST_COLUMNS = 43
"""Of one party, so that all sums have room beside each other. With many features, each has fewer
columns; with one alone, a number becomes its rank, and what is missing the middle one.
"""
CATEGORIES = 6
"""Of a feature whose categories are not stated."""
MOST_CATEGORIES = 16


def ramps_of(features: FeatureSpecification) -> int:
    """Return how many ramps each numeric feature has: as many as there is room for, 1 to 4; 0 where
    it has one column of ranks.
    """
    for ramps in range(MOST_RAMPS, 0, -1):
        if sum(width(feature, ramps) for feature in features.features) <= MOST_COLUMNS:
            return ramps
    return 0


def widths(features: FeatureSpecification) -> tuple[int, ...]:
    """Return how many columns each feature becomes."""
    ramps = ramps_of(features)
    return tuple(width(feature, ramps) for feature in features.features)


def width(feature: Feature, ramps: int) -> int:
    """Return how many columns one feature becomes when numeric ones have so many ramps."""
    if feature.kind.is_measured:
        return ramps + 1
    return min(len(feature.categories) or CATEGORIES, MOST_CATEGORIES)
