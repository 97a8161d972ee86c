"""Columns that would single people out are no features: identifiers and free text are refused.

A model that has learnt an identifier has learnt who the seeds are. Three signs, each enough alone:
the type of the column (bytes, nested values), how many different values it has (unless they are
like amounts), and what its values look like. It is a check against mistakes, not against somebody
who hides an identifier on purpose.
"""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from protocols.errors import LocalError

SAMPLE = 20_000
"""Rows that are looked at, evenly spread over the column."""
LEAST_ROWS = 200
"""Below, the share of different values says little."""
DISTINCT_NUMBERS = 0.95
DISTINCT_WORDS = 0.5
LONG_TEXT = 40
"""Characters on average: longer values are text."""
MANY_WORDS = 5
LOOKS_LIKE = 0.05
"""Share of values of an identifier's look from which on a column is refused."""

TOLD_APART = 2_000
"""Below so many rows chance may make record numbers look like amounts."""
THIN_OUT = 1.7
"""Numbers whose upper half reaches so much further than the lower one thin out as amounts do."""
GAP = 0.1
"""Part of the range that no amount of many lies in: record numbers that come in blocks have gaps.
"""

_PATTERNS = (
    ("an e-mail address", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("a telephone number", re.compile(r"\+?[0-9][0-9 ()./-]{7,18}[0-9]")),
    (
        "a device or record id",
        re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE),
    ),
    ("a hash", re.compile(r"(?=.*[0-9])[0-9a-f]{24,128}", re.IGNORECASE)),
    ("an internet address", re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")),
    ("a card or account number", re.compile(r"[A-Z]{0,2}[0-9]{11,30}")),
)
_DATE = re.compile(r"[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}([ T].*)?")


class LeakyColumn(LocalError):
    """A column names people, or is free text: it must not be a feature."""

    code = "leaky-column"


def check_column(name: str, column: Any) -> None:
    """Return if an Arrow column may be a feature, as far as this check can tell.

    Raises: LeakyColumn, with the column's name and the sign, never a value.
    """
    kind = column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind):
        raise LeakyColumn(f"column {name} holds bytes or nested values")
    there = column.drop_null()
    if not len(there):
        return
    sample = there.take(np.unique(np.linspace(0, len(there) - 1, SAMPLE).astype(np.int64)))
    if pa.types.is_dictionary(kind):
        sample = sample.cast(kind.value_type)
    if pa.types.is_string(sample.type) or pa.types.is_large_string(sample.type):
        _check_words(name, sample)
    elif pa.types.is_integer(sample.type):
        if not _amounts(sample.to_numpy(zero_copy_only=False).astype(np.float64)):
            _check_share(name, sample, DISTINCT_NUMBERS)
        _check_looks(name, pc.cast(sample, pa.string()).to_pylist(), _PATTERNS[-1:])


def _check_words(name: str, sample: Any) -> None:
    words = sample.to_pylist()
    _check_looks(name, [w.strip() for w in words if not _DATE.fullmatch(w.strip())], _PATTERNS)
    if float(np.mean([len(w) for w in words])) > LONG_TEXT:
        raise LeakyColumn(f"column {name} is free text: its values are long")
    if float(np.mean([len(w.split()) for w in words])) > MANY_WORDS:
        raise LeakyColumn(f"column {name} is free text: its values have many words")
    if not _numbers(words):
        _check_share(name, sample, DISTINCT_WORDS)


def _check_share(name: str, sample: Any, most: float) -> None:
    if len(sample) >= LEAST_ROWS and pc.count_distinct(sample).as_py() > most * len(sample):
        raise LeakyColumn(f"column {name} has nearly as many values as people")


def _amounts(values: NDArray[np.float64]) -> bool:
    """Return whether these whole numbers are like amounts, which may all differ.

    There are fewer and fewer large ones, and no gap. Record numbers lie evenly, or in blocks.
    """
    if len(values) < TOLD_APART:
        return False
    lowest, low, middle, high, highest = np.quantile(values, [0.01, 0.1, 0.5, 0.9, 0.99])
    inner = np.sort(values[(values >= lowest) & (values <= highest)])
    thin_out = high - middle > THIN_OUT * (middle - low)
    return bool(thin_out and np.diff(inner).max() < GAP * (highest - lowest))


def _check_looks(name: str, values: list[str], patterns: Any) -> None:
    for what, pattern in patterns:
        found = sum(pattern.fullmatch(value) is not None for value in values)
        if found > LOOKS_LIKE * max(len(values), 20):
            raise LeakyColumn(f"column {name} has values that look like {what}")


def _numbers(words: list[str]) -> bool:
    """Return whether these are decimals written as text."""
    decimal = re.compile(r"-?[0-9]+[.,][0-9]+")
    return all(decimal.fullmatch(word.strip()) for word in words[:200])
