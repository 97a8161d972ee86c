"""Columns as codes: each value is in a bin, and a row is one small number for each feature.

Bins come from the specification, or from the partner's own population, which is free to use: no
label is looked at. What is missing has the last code of each feature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from protocols.errors import InvalidParameter
from protocols.lookalike import days
from protocols.lookalike.features import (
    Feature,
    FeatureKind,
    FeatureSpecification,
    MisfitColumn,
    NothingToLearn,
)
from protocols.lookalike.leakage import check_column

NUMERIC_BINS = 128
"""Of a numeric column without public bins, about."""
CATEGORIES = 63
"""With a bin of their own, where the specification names none."""
LEAST_PEOPLE = 100
_SAMPLE = 200_000
_MOMENT, _DAY = pa.timestamp("us"), 86_400_000_000.0
"""Microseconds."""

Codes = NDArray[np.uint16]
Columns = Mapping[str, Any]
"""Arrow arrays by name, all of one length."""


@dataclass(frozen=True, slots=True)
class Bins:
    """How one feature is encoded. `size` counts all codes; the last one is for what is missing."""

    feature: Feature
    edges: NDArray[np.float64] | None = None
    """Upper edges, of a numeric one."""
    categories: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many codes there are: bins (or categories and `other`), and missing."""
        return (len(self.categories) if self.edges is None else len(self.edges)) + 2

    def encode(self, column: Any) -> Codes:
        """Return the code of each row. Raises: MisfitColumn."""
        if self.edges is None:
            return _encode_words(self, column)
        values = measured(self.feature, column)
        codes = np.searchsorted(self.edges, values, side="left").astype(np.uint16)
        codes[np.isnan(values)] = self.size - 1
        return codes

    def label(self, code: int) -> str:
        """Return what a code stands for, for people."""
        if code == self.size - 1:
            return "missing"
        if self.edges is None:
            return self.categories[code] if code < len(self.categories) else "other"
        if code == len(self.edges):
            return f"> {self._edge(-1)}" if code else "any"
        return f"≤ {self._edge(code)}"

    def _edge(self, at: int) -> str:
        assert self.edges is not None
        edge = float(self.edges[at])
        return days.written(edge) if self.feature.kind is FeatureKind.DATE else f"{edge:g}"


def learn_bins(spec: FeatureSpecification, columns: Columns) -> tuple[Bins, ...]:
    """Return the bins of each feature that varies over the population, in the order given.

    Raises: LeakyColumn; MisfitColumn, also where a column is not there; NothingToLearn if no
    feature varies; InvalidParameter for fewer than 100 people.
    """
    found = []
    for feature in spec.features:
        column = columns.get(feature.column)
        if column is None:
            raise MisfitColumn(f"there is no column {feature.column}")
        if len(column) < LEAST_PEOPLE:
            raise InvalidParameter(f"a population has at least {LEAST_PEOPLE} people")
        check_column(feature.column, column)
        bins = learn_one(feature, column)
        if len(np.unique(bins.encode(column))) > 1:
            found.append(bins)
    if not found:
        raise NothingToLearn
    return tuple(found)


def encode_rows(bins: tuple[Bins, ...], columns: Columns) -> Codes:
    """Return the codes of all rows, shape (rows, features), feature by feature in memory.

    Raises: MisfitColumn.
    """
    missing = next((b.feature.column for b in bins if b.feature.column not in columns), None)
    if missing is not None:
        raise MisfitColumn(f"there is no column {missing}")
    rows = len(columns[bins[0].feature.column])
    codes = np.empty((rows, len(bins)), np.uint16, order="F")
    for at, one in enumerate(bins):
        codes[:, at] = one.encode(columns[one.feature.column])
    return codes


def measured(feature: Feature, column: Any) -> NDArray[np.float64]:
    """Return a column of numbers or dates as floats within the feature's bounds, NaN where it is
    missing.

    Raises: MisfitColumn.
    """
    kind = column.type
    if feature.kind is FeatureKind.DATE and not (is_time(kind) or pa.types.is_null(kind)):
        raise MisfitColumn(f"column {feature.column} holds no dates")
    return clip(feature, numbers(feature.column, column))


def numbers(name: str, column: Any) -> NDArray[np.float64]:
    """Return a column as floats, NaN where it is missing; times as days since the start of 1970.

    Raises: MisfitColumn.
    """
    try:
        if is_time(column.type):
            column = pc.cast(pc.cast(column, _MOMENT, safe=False), pa.int64())
            return numbers(name, column) / _DAY
        values = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # The library's message would repeat a value.
        raise MisfitColumn(f"column {name} is not numeric") from None
    return np.asarray(values, np.float64)


def is_time(kind: Any) -> bool:
    """Return whether an Arrow type is a date, or a date with a time."""
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def clip(feature: Feature, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values within the stated bounds; NaN stays."""
    low = None if feature.low_milli is None else feature.low_milli / 1000
    high = None if feature.high_milli is None else feature.high_milli / 1000
    if low is None and high is None:
        return values
    return np.asarray(np.clip(values, low, high), np.float64)


def words(name: str, column: Any) -> Any:
    """Return a column dictionary-encoded as text. Raises: MisfitColumn."""
    try:
        if pa.types.is_dictionary(column.type):
            column = pc.cast(column, column.type.value_type)
        encoded = pc.dictionary_encode(pc.cast(column, pa.string()))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise MisfitColumn(f"column {name} is not made of categories") from None
    return encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded


def suggest(name: str, column: Any) -> Feature:
    """Return the plain reading of a column: numbers, dates, and all else categories."""
    if is_time(column.type):
        return Feature(name, FeatureKind.DATE)
    numeric = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    numeric = numeric or pa.types.is_decimal(column.type)
    return Feature(name, FeatureKind.NUMERIC if numeric else FeatureKind.CATEGORICAL)


def learn_one(feature: Feature, column: Any) -> Bins:
    """Return the bins of one feature. Raises: MisfitColumn."""
    if feature.kind.is_measured:
        values = measured(feature, column)
        if feature.edges_milli:
            return Bins(feature, np.array(feature.edges_milli, np.float64) / 1000)
        values = values[:: max(1, len(values) // _SAMPLE)]
        return Bins(feature, edges_of(values[~np.isnan(values)]))
    encoded = words(feature.column, column)
    if feature.categories:
        return Bins(feature, None, feature.categories)
    told = encoded.drop_null().indices.to_numpy(zero_copy_only=False)
    counts = np.bincount(told, minlength=len(encoded.dictionary))
    often = np.argsort(-counts, kind="stable")[:CATEGORIES]
    return Bins(feature, None, tuple(encoded.dictionary.take(often).to_pylist()))


def edges_of(values: NDArray[np.float64], bins: int = NUMERIC_BINS) -> NDArray[np.float64]:
    """Return upper edges of about so many bins: one for each frequent value, the others with about
    equal numbers.

    So a column that is mostly zero has nearly all of its bins for what is not.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= bins:
        return np.asarray(distinct[:-1], np.float64)
    frequent, fair = _frequent(counts, bins)
    filled = np.floor(np.cumsum(np.where(frequent, 0, counts)) / fair)
    ends = frequent[:-1] | frequent[1:] | (filled[:-1] > np.concatenate([[0], filled[:-2]]))
    found = distinct[:-1][ends]
    return np.asarray(found[np.isfinite(found)], np.float64)


def _frequent(counts: NDArray[np.int64], bins: int) -> tuple[NDArray[np.bool_], float]:
    """Return which values fill a bin alone, and how many people each other bin should hold."""
    frequent = np.zeros(len(counts), bool)
    while True:
        fair = counts[~frequent].sum() / max(bins - frequent.sum(), 1)
        more = ~frequent & (counts >= fair)
        if not more.any() or frequent.sum() + more.sum() >= bins - 1:
            return frequent, float(fair)
        frequent |= more


def _encode_words(bins: Bins, column: Any) -> Codes:
    encoded = words(bins.feature.column, column)
    places = {category: at for at, category in enumerate(bins.categories)}
    other = len(bins.categories)
    table = [places.get(word, other) for word in encoded.dictionary.to_pylist()]
    lookup = np.array([*table, bins.size - 1], np.uint16)
    indices = pc.fill_null(encoded.indices, len(table)).to_numpy(zero_copy_only=False)
    return np.asarray(lookup[indices])
