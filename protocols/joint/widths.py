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
TABLES = 16
"""Of those of the partner so many are kept for tables, at most (`looks.py`)."""
CATEGORIES, LEAST_CATEGORIES = 6, 2
"""Of a feature whose categories are not stated: fewer where there is no room otherwise."""
MOST_CATEGORIES = 16


def ramps_of(features: FeatureSpecification, most: int = MOST_COLUMNS) -> int:
    """Return how many ramps each numeric feature has: as many as there is room for, 1 to 4; 0 where
    it has one column of ranks.
    """
    for ramps in range(MOST_RAMPS, 0, -1):
        if _columns(features, ramps, CATEGORIES) <= most:
            return ramps
    return 0


def categories_of(features: FeatureSpecification, most: int = MOST_COLUMNS) -> int:
    """Return how many columns a feature has whose categories are not stated: 6, or as many as
    there is room for where numbers have one column each already; 2 at least.
    """
    for categories in range(CATEGORIES, LEAST_CATEGORIES, -1):
        if _columns(features, ramps_of(features, most), categories) <= most:
            return categories
    return LEAST_CATEGORIES


def widths(features: FeatureSpecification, most: int = MOST_COLUMNS) -> tuple[int, ...]:
    """Return how many columns each feature becomes, of `most` if that is enough for all."""
    ramps, categories = ramps_of(features, most), categories_of(features, most)
    return tuple(_width(feature, ramps, categories) for feature in features.features)


def _columns(features: FeatureSpecification, ramps: int, categories: int) -> int:
    return sum(_width(feature, ramps, categories) for feature in features.features)


def _width(feature: Feature, ramps: int, categories: int) -> int:
    if feature.kind.is_measured:
        return ramps + 1
    return min(len(feature.categories) or categories, MOST_CATEGORIES)
