"""What a partner's columns are like, before they are used: coarse, so that it may be shown.

Rates are in steps of whole hundredths, counts on the ladder of `disclosure.py`. The report is about
the partner's own population and stays with it unless it shows it.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from protocols.codec import Record
from protocols.disclosure import step_down
from protocols.lookalike import encoding
from protocols.lookalike.features import Feature, FeatureSpecification, MisfitColumn
from protocols.lookalike.leakage import LeakyColumn, check_column


@dataclass(frozen=True, slots=True)
class ColumnQuality(Record):
    """One column of a population."""

    KIND: ClassVar[str] = "lookalike-column/1"
    column: str
    refused: str | None
    """Code of the error with which it is refused, or None."""
    missing_percent: int
    out_of_bounds_percent: int
    """Numbers outside the stated bounds, or categories that are not among those stated."""
    codes: int
    """How many bins have somebody in them."""
    constant: bool
    """All people are in one bin: it cannot be a feature, and is left out."""


@dataclass(frozen=True, slots=True)
class QualityReport(Record):
    """All columns of a population."""

    KIND: ClassVar[str] = "lookalike-quality/1"
    people: int
    """A step of the ladder 100, 200, 500, 1000, … at or below the number of rows."""
    columns: tuple[ColumnQuality, ...]

    @property
    def usable(self) -> int:
        """How many columns can be features."""
        return sum(c.refused is None and not c.constant for c in self.columns)


def report(spec: FeatureSpecification, columns: encoding.Columns) -> QualityReport:
    """Return what each column of the specification is like; nothing is raised for a bad one."""
    found = tuple(_column(feature, columns.get(feature.column)) for feature in spec.features)
    rows = max((len(columns[f.column]) for f in spec.features if f.column in columns), default=0)
    return QualityReport(step_down(rows), found)


def report_of(
    spec: FeatureSpecification,
    columns: encoding.Columns,
    bins: tuple[encoding.Bins, ...],
    codes: encoding.Codes,
) -> QualityReport:
    """Return the same of columns that are bins and codes already: what no bins were made of is
    constant. Raises: MisfitColumn.
    """
    at = {one.feature.column: place for place, one in enumerate(bins)}
    found = []
    for feature in spec.features:
        column = columns[feature.column]
        if feature.column in at:
            place = at[feature.column]
            found.append(_coded(feature, column, bins[place], codes[:, place]))
        else:
            missing = _percent(column.null_count, len(column))
            found.append(ColumnQuality(feature.column, None, missing, 0, 1, constant=True))
    return QualityReport(step_down(len(codes)), tuple(found))


def _column(feature: Feature, column: Any) -> ColumnQuality:
    try:
        if column is None:
            raise MisfitColumn(f"there is no column {feature.column}")
        check_column(feature.column, column)
        if not len(column):
            return ColumnQuality(feature.column, None, 0, 0, 0, constant=True)
        bins = encoding.learn_one(feature, column)
        return _coded(feature, column, bins, bins.encode(column))
    except (LeakyColumn, MisfitColumn) as e:
        return ColumnQuality(feature.column, e.code, 0, 0, 0, constant=False)


def _coded(
    feature: Feature, column: Any, bins: encoding.Bins, codes: encoding.Codes
) -> ColumnQuality:
    outside = _outside(feature, column, codes)
    counts = np.bincount(codes, minlength=bins.size)
    there = int((counts > 0).sum())
    missing = _percent(int(counts[-1]), len(codes))
    return ColumnQuality(feature.column, None, missing, outside, there, constant=there < 2)


def _outside(feature: Feature, column: Any, codes: encoding.Codes) -> int:
    if feature.kind.is_measured:
        values = encoding.numbers(feature.column, column)
        values = values[~np.isnan(values)]
        return _percent(int((encoding.clip(feature, values) != values).sum()), len(codes))
    if not feature.categories:
        return 0
    return _percent(int((codes == len(feature.categories)).sum()), len(codes))


def _percent(part: int, whole: int) -> int:
    return round(100 * part / max(whole, 1))
