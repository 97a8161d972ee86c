"""Features as a few columns of small whole numbers, on which a sum of ramps and steps can be built.

A numeric feature becomes ramps between the quantiles of its own party's people: a column goes from
0 to `UNIT` between two of them, so that any curve with bends there is a weighted sum. What is
missing has a column of its own. A feature of categories has a column for each of those that are
stated, or of those that most people have. How many columns there are follows from the
specification; which values they stand for is known to the party that has the feature, and to nobody
else.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.lookalike import encoding
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification, MisfitColumn
from protocols.lookalike.leakage import check_column

UNIT = 32
"""The top of each column."""
RAMPS = 4
"""Of a numeric feature."""
CATEGORIES = 6
"""Of a feature whose categories are not stated."""
MOST_CATEGORIES = 16

Columns = NDArray[np.uint8]


def width(feature: Feature) -> int:
    """Return how many columns a feature becomes."""
    if feature.kind is FeatureKind.NUMERIC:
        return RAMPS + 1
    return min(len(feature.categories) or CATEGORIES, MOST_CATEGORIES)


def widths(features: FeatureSpecification) -> tuple[int, ...]:
    """Return how many columns each feature becomes."""
    return tuple(map(width, features.features))


def columns_of(features: FeatureSpecification, table: Mapping[str, Any]) -> Columns:
    """Return the columns of people, shape (people, columns), entries 0 to `UNIT`.

    `table` has an Arrow array for each feature. A feature that does not vary is columns of zeros.
    Raises: LeakyColumn, MisfitColumn.
    """
    parts = []
    for feature in features.features:
        column = table.get(feature.column)
        if column is None:
            raise MisfitColumn(f"there is no column {feature.column}")
        check_column(feature.column, column)
        made = _ramps if feature.kind is FeatureKind.NUMERIC else _steps
        parts.append(made(feature, column))
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def _ramps(feature: Feature, column: Any) -> Columns:
    values = encoding.clip(feature, encoding.numbers(feature.column, column))
    values = np.where(np.isfinite(values), values, np.nan)
    found = np.zeros((len(values), RAMPS + 1), np.uint8)
    missing = np.isnan(values)
    found[missing, RAMPS] = UNIT
    told = values[~missing]
    for ramp, (low, high) in enumerate(_knots(feature, told)):
        # Divided first: the difference of two huge numbers may be infinite.
        part = (told / 2 - low / 2) / (high / 2 - low / 2)
        found[~missing, ramp] = np.rint(UNIT * np.clip(part, 0, 1)).astype(np.uint8)
    return found


def _knots(feature: Feature, values: NDArray[np.float64]) -> list[tuple[float, float]]:
    """Return where ramps begin and end; fewer where there are few different values."""
    if feature.edges_milli:
        edges = np.array(feature.edges_milli, np.float64) / 1000
        ends = np.quantile(edges, np.linspace(0, 1, RAMPS + 1)) if len(edges) > 1 else edges
    elif len(values):
        ends = np.quantile(values, (0.01, *np.linspace(0, 1, RAMPS + 1)[1:-1], 0.99))
        if ends[-1] <= ends[0]:  # nearly all are alike: a ramp over those who are not
            ends = np.array([values.min(), values.max()])
        else:
            ends = np.append(ends, values.max())
    else:
        return []
    ends = np.unique(ends)
    pairs = list(itertools.pairwise(ends))
    while len(pairs) > RAMPS:  # the two narrowest neighbours become one
        spans = [pairs[i + 1][1] - pairs[i][0] for i in range(len(pairs) - 1)]
        at = int(np.argmin(spans))
        pairs[at : at + 2] = [(pairs[at][0], pairs[at + 1][1])]
    return [(float(low), float(high)) for low, high in pairs if high > low]


def _steps(feature: Feature, column: Any) -> Columns:
    bins = encoding.learn_one(feature, column)
    codes, wide = bins.encode(column), width(feature)
    found = np.zeros((len(codes), wide), np.uint8)
    known = codes < min(wide, len(bins.categories))
    found[np.flatnonzero(known), codes[known]] = UNIT
    return found
