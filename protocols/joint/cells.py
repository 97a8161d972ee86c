"""In which cells each of the partner's rows is: a bin of each feature, and a coarser one.

Bins hold about equal numbers of the partner's people, each frequent value one alone; a category is
one if ten of them have it. They are learnt without looking at a label. Which values they stand for
is known to the partner alone, which keeps it for scoring by the same tables later.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from protocols.codec import Record
from protocols.errors import LocalError
from protocols.joint.basis import Numbers, read_numbers
from protocols.joint.looks import Codes, Look
from protocols.lookalike import encoding
from protocols.lookalike.features import Feature, FeatureSpecification, MisfitColumn
from protocols.lookalike.kept import Array

LEAST_OF_A_CATEGORY = 10
"""Of fewer people one is counted with all others."""


@dataclass(frozen=True, slots=True)
class CellBins(Record):
    """Bins of one feature. Raises: LocalError."""

    KIND: ClassVar[str] = "joint-cell-bins/1"
    feature: Feature
    size: int
    edges: Array
    """Upper edges of numbers; of as many as there are bins less one, none is for what is missing,
    which is then in the middle."""
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        told = len(self.categories), *self.edges.shape
        if len(told) != 2 or max(told) >= self.size:
            raise LocalError("there are more bins than a feature has")

    def encode(self, column: Any) -> Codes:
        """Return the bin of each row. Raises: MisfitColumn."""
        if not self.feature.kind.is_measured:
            bins = encoding.Bins(self.feature, None, self.categories)
            return np.minimum(bins.encode(column), np.uint16(self.size - 1))
        values, edges = read_numbers(self.feature, column), self.edges.read()
        codes = np.searchsorted(edges, values, side="left").astype(np.uint16)
        whole = len(edges) == self.size - 1
        codes[np.isnan(values)] = len(edges) // 2 if whole else self.size - 1
        return codes


@dataclass(frozen=True, slots=True)
class Cells(Record):
    """Bins of all features, fine and, where two are looked at together, coarse ones."""

    KIND: ClassVar[str] = "joint-cells/1"
    fine: tuple[CellBins, ...]
    coarse: tuple[CellBins, ...]

    @property
    def look(self) -> Look:
        """What is looked at: how many bins there are."""
        fine, coarse = (tuple(bins.size for bins in some) for some in (self.fine, self.coarse))
        return Look(fine, coarse)

    def encode(self, table: Mapping[str, Any]) -> Codes:
        """Return the bins of people, fine ones first; `table` has an Arrow array for each feature.

        Raises: MisfitColumn.
        """
        found = []
        for bins in (*self.fine, *self.coarse):
            name = bins.feature.column
            if name not in table:
                raise MisfitColumn(f"there is no column {name}")
            found.append(bins.encode(table[name]))
        rows = len(next(iter(table.values())))
        return np.stack(found, axis=1) if found else np.zeros((rows, 0), np.uint16)


def learn(features: FeatureSpecification, table: Mapping[str, Any], look: Look) -> Cells:
    """Return bins over the people of a table, which the columns of a basis were learnt of before.

    Raises: MisfitColumn.
    """
    each = features.features
    fine = (_bins(f, table[f.column], size) for f, size in zip(each, look.fine, strict=False))
    coarse = (_bins(f, table[f.column], size) for f, size in zip(each, look.coarse, strict=False))
    return Cells(tuple(fine), tuple(coarse))


def _bins(feature: Feature, column: Any, size: int) -> CellBins:
    if not feature.kind.is_measured:
        return CellBins(feature, size, Array.of(np.zeros(0)), _categories(feature, column, size))
    values = read_numbers(feature, column)
    told = values[~np.isnan(values)]
    most = size - 1 - (len(told) < len(values))
    edges = np.array(feature.edges_milli, np.float64) / 1000
    if not len(edges):
        edges = encoding.edges_of(told, most + 1)
    elif len(edges) > most:
        stated = np.searchsorted(edges, told, side="left").astype(np.float64)
        edges = edges[encoding.edges_of(stated, most + 1).astype(np.intp)]
    return CellBins(feature, size, Array.of(_fewer(edges, told, most)), ())


def _fewer(edges: Numbers, told: Numbers, most: int) -> Numbers:
    """Return so many edges at most: of all others that which parts the fewest people goes."""
    held = np.bincount(np.searchsorted(edges, told, side="left"), minlength=len(edges) + 1)
    while len(edges) > most:
        at = int(np.argmin(held[:-1] + held[1:]))
        held[at + 1] += held[at]
        edges, held = np.delete(edges, at), np.delete(held, at)
    return edges


def _categories(feature: Feature, column: Any, size: int) -> tuple[str, ...]:
    """Return the categories with a bin of their own, the most frequent first."""
    known = encoding.learn_one(feature, column)
    counts = np.bincount(known.encode(column), minlength=known.size)[: len(known.categories)]
    often = [at for at in np.argsort(-counts, kind="stable") if counts[at] >= LEAST_OF_A_CATEGORY]
    return tuple(known.categories[at] for at in often[: size - 1])
