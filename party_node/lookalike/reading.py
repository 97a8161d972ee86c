"""Features as a file has them: of each person the first row, every column as what it is said to be.

A CSV file knows texts only. Where numbers are stated, texts are read as numbers; whole ones as
integers, so that a column of record numbers is recognised as such; dates and times of ISO 8601 as
times, also where dates are stated. Blanks around words do not count, and an empty text is missing.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from party_node.datasets import Datasets
from party_node.permission import Permission
from party_node.row_file import RowFile
from protocols.lookalike.features import (
    Feature,
    FeatureKind,
    FeatureSpecification,
    MisfitColumn,
)

Numbers = NDArray[np.int64]
_TIMES = (pa.timestamp("us"), pa.timestamp("us", tz="UTC"))
"""As texts without a time zone are read, and texts with one."""


def read_people(
    datasets: Datasets, permission: Permission, persons: Numbers, features: FeatureSpecification
) -> Mapping[str, Any]:
    """Return the columns of features of the rows under a permission, as `read_features` does.

    Raises: as that; DatasetChanged.
    """

    def work(file: RowFile, people: Numbers) -> Mapping[str, Any]:
        return read_features(file, people, persons, features)

    return datasets.over_rows(permission, work)


def read_features(
    file: RowFile, people: Numbers, persons: Numbers, features: FeatureSpecification
) -> Mapping[str, Any]:
    """Return the columns of features, a row for each of `persons`, which rise.

    `people` has of each row of the file whom it is about; everybody in `persons` has a row.
    Raises: MissingColumn, MisfitColumn, DatasetUnreadable.
    """
    table = file.read([feature.column for feature in features.features], as_text=False)
    whose, first = np.unique(people, return_index=True)
    rows = first[np.searchsorted(whose, persons)]
    return {
        feature.column: typed(feature, table[feature.column].take(rows).combine_chunks())
        for feature in features.features
    }


def typed(feature: Feature, column: Any) -> Any:
    """Return an Arrow column as the feature reads it. Raises: MisfitColumn."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    words = pc.utf8_trim_whitespace(column)
    words = pc.if_else(pc.equal(words, ""), pa.scalar(None, words.type), words)
    if feature.kind is FeatureKind.DATE:
        return _times(feature, words)
    if not feature.kind.is_measured:
        return words
    try:
        numbers = pc.cast(words, pa.float64())
    except pa.ArrowInvalid:
        return _times(feature, words)
    whole = pc.all(pc.equal(numbers, pc.floor(numbers)), min_count=0).as_py()
    large = pc.any(pc.greater(pc.abs(numbers), 2.0**53)).as_py()
    return pc.cast(numbers, pa.int64()) if whole and not large else numbers


def _times(feature: Feature, words: Any) -> Any:
    for kind in _TIMES:
        with contextlib.suppress(pa.ArrowInvalid):
            return pc.cast(words, kind)
    # The library's message would repeat a value.
    what = "no dates" if feature.kind is FeatureKind.DATE else "neither numbers nor dates"
    raise MisfitColumn(f"column {feature.column} holds {what}")
