"""What a look counts: people in cells of the partner's columns. It follows from the specification.

Before a model is fitted, the brand looks: over who trains it learns how many people are in each
cell, and how much of the label its own columns leave there. A cell is a bin of one feature, or a
coarser bin of one with one of another. What it sees decides which tables the partner's columns get
beside them (`tables.py`).

Bins are looked at in one sum and pairs of them in another, as many as there is room for in each.
With many features there are no pairs, and where no column is left for a table, or where sums have
noise, nothing is looked at.
"""

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.joint.moments import CHUNK_ROWS
from protocols.joint.widths import MOST_COLUMNS, TABLES, widths
from protocols.lookalike.features import Feature, FeatureSpecification
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams

CELLS = 1000
"""Of two features, at most: as homomorphic sums have room for, with two vectors."""
LEFT_UNIT = 32
"""What is left of a label, from -1 to 1, is said in steps of its 32nd part, from 0 on."""
_FINE_CELLS = 400
_MOST_FINE, _LEAST_FINE = 64, 6
_NUMERIC = 32
"""Bins of a number, at most: further ones say little more of it, and take cells from pairs."""
_MOST_COARSE, _LEAST_COARSE = 12, 3
_UNSTATED = 64
"""Categories of a feature that states none, at most, and all else."""

Codes = NDArray[np.uint16]
Sums = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Look(Record):
    """How many bins each feature has; none where nothing is looked at. Raises: InvalidParameter."""

    KIND: ClassVar[str] = "joint-look/1"
    fine: tuple[int, ...] = ()
    coarse: tuple[int, ...] = ()
    """In cells of two; empty where there are none."""

    def __post_init__(self) -> None:
        # A few bytes could else name more pairs than there is memory for.
        if len(self.fine) > MOST_COLUMNS or len(self.coarse) not in (0, len(self.fine)):
            raise InvalidParameter(
                f"at most {MOST_COLUMNS} features are looked at, all in pairs or none"
            )
        if not all(0 <= size <= _MOST_FINE for size in (*self.fine, *self.coarse)):
            raise InvalidParameter(f"a feature has at most {_MOST_FINE} bins")

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Which features are looked at together."""
        return tuple(itertools.combinations(range(len(self.coarse)), 2))

    @property
    def both(self) -> tuple[int, ...]:
        """How many cells each pair has."""
        return tuple(self.coarse[one] * self.coarse[other] for one, other in self.pairs)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many cells each feature has, and behind them each pair."""
        return self.fine + self.both

    @property
    def about(self) -> tuple[tuple[int, ...], ...]:
        """The feature, or the two, that each of `sizes` is about."""
        return (*((one,) for one in range(len(self.fine))), *self.pairs)

    def cells_of(self, bins: Codes) -> Codes:
        """Return in which cell of each of `sizes` rows are; `bins` has fine ones, then coarse."""
        fine, coarse = bins[:, : len(self.fine)], bins[:, len(self.fine) :]
        both = [coarse[:, i] * np.uint16(self.coarse[j]) + coarse[:, j] for i, j in self.pairs]
        return np.column_stack([fine, *both]).astype(np.uint16)

    def could_be(self, people: Sums, added: Sums, trained: int) -> bool:
        """Return whether so many people can have made these sums: each is in one cell of each
        feature and pair, and brings what one person can.
        """
        each = (people >= 0) & (people <= trained)
        each &= (added >= 0) & (added <= 2 * LEFT_UNIT * people)
        firsts = np.cumsum([0, *self.sizes[:-1]])
        return bool(each.all() and (np.add.reduceat(people, firsts) == trained).all())


NOTHING = Look()


def tables_for(features: FeatureSpecification) -> int:
    """Return how many tables a partner's columns may get: as many as there is room for."""
    base = sum(widths(features, MOST_COLUMNS - TABLES))
    many = len(features.features)
    return max(0, min(TABLES, MOST_COLUMNS - base, many * (many + 1) // 2))


def look_of(features: FeatureSpecification) -> Look:
    """Return what is looked at of a partner that has these features."""
    if not tables_for(features):
        return NOTHING
    each = features.features
    most = min(_MOST_FINE, max(_LEAST_FINE, _FINE_CELLS // len(each)))
    fine = tuple(_size(feature, most) for feature in each)
    for bins in range(_MOST_COARSE, _LEAST_COARSE - 1, -1):
        look = Look(fine, tuple(_size(feature, bins) for feature in each))
        if sum(look.both) <= CELLS:
            return look
    return Look(fine)


def params_of(look: Look, rows: int) -> tuple[SumParams, SumParams]:
    """Return the sums that look, over bins and over pairs of them: of who trains one vector counts
    people, the other adds up what is left of the label. Where there is nothing to look at, a sum
    counts who trains, which the brand knows.

    Raises: InvalidParameter.
    """
    return _over(look.fine, rows), _over(look.both, rows)


def _over(cells: tuple[int, ...], rows: int) -> SumParams:
    layout = SumLayout(2, 2 * LEFT_UNIT, () if cells else (1,), cells, rows, CHUNK_ROWS)
    return SumParams(layout, to_holder=True, sigma_milli=(0,) * layout.columns)


def _size(feature: Feature, most: int) -> int:
    """Return how many bins a feature has: those that it states, and one for what is missing."""
    if feature.kind.is_measured:
        stated = len(feature.edges_milli) + 2 if feature.edges_milli else _NUMERIC
    else:
        stated = (len(feature.categories) or _UNSTATED) + 1
    return min(stated, most)
