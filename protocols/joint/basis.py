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

from protocols.joint.widths import UNIT, ramps_of, width
from protocols.lookalike import encoding
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification, MisfitColumn
from protocols.lookalike.leakage import check_column

Columns = NDArray[np.uint8]


def columns_of(features: FeatureSpecification, table: Mapping[str, Any]) -> Columns:
    """Return the columns of people, shape (people, columns), entries 0 to `UNIT`.

    `table` has an Arrow array for each feature. A feature that does not vary is columns of zeros.
    Raises: LeakyColumn, MisfitColumn.
    """
    parts, ramps = [], ramps_of(features)
    for feature in features.features:
        column = table.get(feature.column)
        if column is None:
            raise MisfitColumn(f"there is no column {feature.column}")
        check_column(feature.column, column)
        numeric = feature.kind is FeatureKind.NUMERIC
        parts.append(_ramps(feature, column, ramps) if numeric else _steps(feature, column))
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def _ramps(feature: Feature, column: Any, ramps: int) -> Columns:
    values = encoding.clip(feature, encoding.numbers(feature.column, column))
    values = np.where(np.isfinite(values), values, np.nan)
    if not ramps:
        return _ranks(values)
    found = np.zeros((len(values), ramps + 1), np.uint8)
    missing = np.isnan(values)
    found[missing, ramps] = UNIT
    told = values[~missing]
    for ramp, (low, high) in enumerate(_knots(feature, told, ramps)):
        # Divided first: the difference of two huge numbers may be infinite.
        part = (np.clip(told, low, high) / 2 - low / 2) / (high / 2 - low / 2)
        found[~missing, ramp] = np.rint(UNIT * part).astype(np.uint8)
    return found


def _knots(feature: Feature, values: NDArray[np.float64], ramps: int) -> list[tuple[float, float]]:
    """Return where ramps begin and end; fewer where there are few different values."""
    if feature.edges_milli:
        edges = np.array(feature.edges_milli, np.float64) / 1000
        ends = _quantiles(edges, np.linspace(0, 1, ramps + 1))
    elif len(values):
        ends = _quantiles(values, np.array([0.01, *np.linspace(0, 1, ramps + 1)[1:-1], 0.99]))
        if ends[-1] <= ends[0]:  # nearly all are alike: a ramp over those who are not
            ends = np.array([values.min(), values.max()])
        else:
            ends = np.append(ends, values.max())
    else:
        return []
    ends = np.unique(ends)
    pairs = list(itertools.pairwise(ends))
    while len(pairs) > ramps:  # the two narrowest neighbours become one
        spans = [pairs[i + 1][1] - pairs[i][0] for i in range(len(pairs) - 1)]
        at = int(np.argmin(spans))
        pairs[at : at + 2] = [(pairs[at][0], pairs[at + 1][1])]
    return [(float(low), float(high)) for low, high in pairs if high / 2 > low / 2]


def _ranks(values: NDArray[np.float64]) -> Columns:
    """Return the part of all people who are below, ties counting half, as one column."""
    missing = np.isnan(values)
    found = np.full((len(values), 1), UNIT // 2, np.uint8)
    told = values[~missing]
    if len(told):
        ordered = np.sort(told)
        below = np.searchsorted(ordered, told, "left") + np.searchsorted(ordered, told, "right")
        found[~missing, 0] = np.rint(UNIT * below / (2 * len(told))).astype(np.uint8)
    return found


def _quantiles(values: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quantiles that are values themselves: between two huge ones nothing overflows."""
    return np.asarray(np.quantile(values, parts, method="inverted_cdf"))


def _steps(feature: Feature, column: Any) -> Columns:
    bins = encoding.learn_one(feature, column)
    codes, wide = bins.encode(column), width(feature, 0)
    found = np.zeros((len(codes), wide), np.uint8)
    known = codes < min(wide, len(bins.categories))
    found[np.flatnonzero(known), codes[known]] = UNIT
    return found
