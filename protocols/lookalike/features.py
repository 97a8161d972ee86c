"""What the features of a lookalike are: named columns with a kind, as the collaboration states it.

The partner encodes its own columns by it. Nothing here depends on who is a seed.
"""

import enum
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter, LocalError

MAX_FEATURES = 1024
MAX_CATEGORIES = 4096
MAX_NAME = 64
_MILLI_LIMIT = 2**53
_USUAL_BINS = 130
"""Codes of a feature whose bins or categories are not stated, about."""
MOST_ORDERED = 1024
"""Bins of one feature that have an order, as they are stated: what is made of them grows with the
third power.
"""
MOST_ALIKE = 2**25
"""Pairs of neighbouring bins, of all features together."""
MOST_CODES = 150_000
"""Codes of all features together."""


class NothingToLearn(LocalError):
    """Nothing in the data tells people apart: no column varies, or nearly everybody is a seed."""

    code = "nothing-to-learn"


class MisfitColumn(LocalError):
    """A column cannot be read as the feature that the specification says it is."""

    code = "misfit-column"


class FeatureKind(enum.StrEnum):
    """How the values of a column relate to each other."""

    NUMERIC = "numeric"
    """Numbers: neighbouring bins are alike."""
    DATE = "date"
    """Days, or moments: numbers that count days since the start of 1970, of any fraction."""
    ORDINAL = "ordinal"
    """Named categories in a stated order: neighbours are alike."""
    CATEGORICAL = "categorical"
    """Named categories without an order."""

    @property
    def is_measured(self) -> bool:
        """Whether values are numbers, with bounds and edges, and not named."""
        return self in (FeatureKind.NUMERIC, FeatureKind.DATE)


@dataclass(frozen=True, slots=True)
class Feature(Record):
    """One column. What is missing has a bin of its own in every kind.

    Raises: InvalidParameter.
    """

    KIND: ClassVar[str] = "lookalike-feature/1"
    column: str
    kind: FeatureKind
    low_milli: int | None = None
    """Numbers below are taken as this one; thousandths, of days for a date. None: no bound."""
    high_milli: int | None = None
    edges_milli: tuple[int, ...] = ()
    """Public upper edges of bins of numbers or dates, rising, in thousandths; the last bin is open.
    Empty: bins of about equal numbers of the partner's people."""
    categories: tuple[str, ...] = ()
    """Of an ordinal column all, in order. Of a categorical one those with a bin of their own;
    empty: those that most of the partner's people have. Whatever else comes is `other`."""

    def __post_init__(self) -> None:
        if not (1 <= len(self.column) <= MAX_NAME and self.column.isprintable()):
            raise InvalidParameter(f"a column has a name of 1 to {MAX_NAME} printable characters")
        measured = self.kind.is_measured
        bounds = [b for b in (self.low_milli, self.high_milli) if b is not None]
        if not measured and (bounds or self.edges_milli):
            raise InvalidParameter("only a column of numbers or dates has bounds and edges")
        if measured and self.categories:
            raise InvalidParameter("a column of numbers or dates has no categories")
        if any(abs(value) >= _MILLI_LIMIT for value in (*bounds, *self.edges_milli)):
            raise InvalidParameter("a bound or an edge is below 2^53 thousandths")
        if len(bounds) == 2 and bounds[0] >= bounds[1]:
            raise InvalidParameter("the lower bound of a column is below the upper one")
        if any(a >= b for a, b in zip(self.edges_milli, self.edges_milli[1:], strict=False)):
            raise InvalidParameter("the edges of bins rise")
        if len(self.edges_milli) > MAX_CATEGORIES or len(self.categories) > MAX_CATEGORIES:
            raise InvalidParameter(f"a column has at most {MAX_CATEGORIES} bins")
        if len(set(self.categories)) != len(self.categories):
            raise InvalidParameter("a category stands there twice")
        if self.kind is FeatureKind.ORDINAL and len(self.categories) < 2:
            raise InvalidParameter("an ordinal column states its categories, in order")


@dataclass(frozen=True, slots=True)
class FeatureSpecification(Record):
    """All features of a model. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "lookalike-features/1"
    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.features) <= MAX_FEATURES:
            raise InvalidParameter(f"a model has 1 to {MAX_FEATURES} features")
        if len({f.column for f in self.features}) != len(self.features):
            raise InvalidParameter("a column stands there twice")


def check_work(spec: FeatureSpecification) -> None:
    """Return if a model can be made by these features without wearing a node out: who asks states
    bins, and another party computes with them. Raises: InvalidParameter.
    """
    sizes = [
        (f.kind, len(f.edges_milli) or len(f.categories) or _USUAL_BINS) for f in spec.features
    ]
    ordered = [size for kind, size in sizes if kind is not FeatureKind.CATEGORICAL]
    if max(ordered, default=0) > MOST_ORDERED:
        raise InvalidParameter(f"a feature with an order has at most {MOST_ORDERED:,} stated bins")
    if sum(size**2 for size in ordered) > MOST_ALIKE:
        raise InvalidParameter("features with an order have too many stated bins together")
    if sum(size for _, size in sizes) > MOST_CODES:
        raise InvalidParameter(f"features have at most {MOST_CODES:,} bins and categories together")
