"""Which quantiles and categories the columns of a joint model stand for: learnt from one's own
people, without looking at a label.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from protocols.joint.basis import Basis, Numbers, Ramps, Ranks, Steps, read_numbers
from protocols.joint.widths import MOST_COLUMNS, MOST_RAMPS, UNIT, ramps_of, widths
from protocols.lookalike import encoding
from protocols.lookalike.features import Feature, FeatureSpecification, MisfitColumn
from protocols.lookalike.kept import Array
from protocols.lookalike.leakage import check_column


def learn(
    features: FeatureSpecification, table: Mapping[str, Any], most: int = MOST_COLUMNS
) -> Basis:
    """Return what the columns of these features stand for, `most` or as few as can be, over the
    people of a table.

    `table` has an Arrow array for each feature. A feature that does not vary is columns of zeros.
    Raises: LeakyColumn, MisfitColumn.
    """
    parts: list[Ramps | Ranks | Steps] = []
    ramps = ramps_of(features, most)
    for feature, wide in zip(features.features, widths(features, most), strict=True):
        column = table.get(feature.column)
        if column is None:
            raise MisfitColumn(f"there is no column {feature.column}")
        check_column(feature.column, column)
        if not feature.kind.is_measured:
            parts.append(_steps(feature, column, wide))
            continue
        values = read_numbers(feature, column)
        told = values[~np.isnan(values)]
        some = len(told) < len(values)
        parts.append(_ramps(feature, told, ramps, some) if ramps else _ranks(feature, told))
    return Basis(tuple(parts))


def _ramps(feature: Feature, told: Numbers, ramps: int, missing: bool) -> Ramps:
    """Return ramps; where nobody's value is missing, one of them in the column for that."""
    knots = _knots(feature, told, ramps if missing else ramps + 1)
    return Ramps(feature, ramps, Array.of(np.array(knots, np.float64).reshape(-1, 2)))


def _knots(feature: Feature, values: Numbers, ramps: int) -> list[tuple[float, float]]:
    """Return where ramps begin and end; fewer where there are few different values.

    Of five the last is for the hundredth that is furthest out. Fewer end before it: a ramp that
    went on to the largest value of all would tell nobody else apart.
    """
    if feature.edges_milli:
        edges = np.array(feature.edges_milli, np.float64) / 1000
        ends = _quantiles(edges, np.linspace(0, 1, ramps + 1))
    elif len(values):
        tail = ramps > MOST_RAMPS
        inner = np.linspace(0, 1, ramps + (not tail))[1:-1]
        ends = np.unique(_quantiles(values, np.array([0.01, *inner, 0.99])))
        if len(ends) == 1:  # nearly all are alike: a ramp over those who are not
            ends = np.array([values.min(), values.max()])
        elif len(ends) <= ramps:
            ends = np.append(ends, values.max())
    else:
        return []
    pairs = itertools.pairwise(np.unique(ends))
    # Halves: the difference of two huge numbers may be infinite.
    return [(float(low), float(high)) for low, high in pairs if high / 2 > low / 2]


def _quantiles(values: Numbers, parts: Numbers) -> Numbers:
    """Return quantiles that are values themselves: between two huge ones nothing overflows."""
    return np.asarray(np.quantile(values, parts, method="inverted_cdf"))


def _ranks(feature: Feature, told: Numbers) -> Ranks:
    """Return where the part of people who are below, ties counting half, comes to another entry."""
    values, counts = np.unique(told, return_counts=True)
    middles = 2 * np.cumsum(counts) - counts
    entries = np.rint(UNIT * middles / (2 * max(len(told), 1))).astype(np.int32)
    begins = np.diff(entries, prepend=-1) > 0
    return Ranks(feature, Array.of(values[begins]), Array.of(entries[begins]))


def _steps(feature: Feature, column: Any, wide: int) -> Steps:
    return Steps(feature, wide, encoding.learn_one(feature, column).categories[:wide])
