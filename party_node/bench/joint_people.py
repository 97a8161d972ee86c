"""People of whom a brand has some features and a partner others, as a joint run takes them.

`JointAsked` are made-up ones, the same from their number alone, so that each side's process makes
its own half, and the brand's can check the model.
"""

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from party_node.bench import joint_plain as plain
from protocols.dp.queries.filters import OneOf
from protocols.dp.queries.schema import CategoryColumn, Schema
from protocols.joint import asked, looks, moments
from protocols.joint.asked import Joint
from protocols.joint.basis_learning import learn
from protocols.joint.cells import learn as learn_cells
from protocols.joint.kept import KeptJointModel
from protocols.joint.looks import Look
from protocols.joint.records import JointParams
from protocols.joint.widths import CATEGORIES, MOST_COLUMNS
from protocols.lookalike.encoding import Codes, learn_one, suggest
from protocols.lookalike.features import Feature, FeatureSpecification
from protocols.sums.segments import Segments

CHUNK = moments.CHUNK_ROWS
_LABEL = Segments(Schema((CategoryColumn("it", "it", ("yes",)),)), "", OneOf("it", ("yes",)))
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JointAsked:
    """One measurement: people of both, and how many features either side has of them."""

    people: int
    own: int
    theirs: int
    route: str
    """Registered name."""

    def tables(self) -> tuple[Floats, Floats]:
        """Return the features of the brand's and the partner's side, in the same order."""
        draws = np.random.default_rng(1)
        own, theirs = (draws.normal(size=(self.people, k)) for k in (self.own, self.theirs))
        return own, theirs

    def labels(self) -> NDArray[np.bool_]:
        """Return who has the label: it is about features of both sides."""
        own, theirs = self.tables()
        noise = np.random.default_rng(2).normal(size=self.people)
        return np.asarray(own[:, 0] + theirs[:, 0] - theirs[:, -1] + noise > 0)

    def digests(self) -> list[bytes]:
        """Return what people are matched by."""
        return [hashlib.sha256(b"%d" % n).digest() for n in range(self.people)]


def specification(columns: dict[str, Any]) -> FeatureSpecification:
    """Return features as a careful asker states them: categories by name where they are few."""
    return FeatureSpecification(tuple(_stated(name, c) for name, c in columns.items()))


def _stated(name: str, column: Any) -> Feature:
    feature = suggest(name, column)
    if feature.kind.is_measured:
        return feature
    known = learn_one(feature, column).categories
    return replace(feature, categories=known) if len(known) <= CATEGORIES else feature


def encoded(columns: dict[str, Any]) -> NDArray[np.uint8]:
    """Return the brand's features as the columns that a joint model is fitted to."""
    return learn(specification(columns), columns).encode(columns)


@dataclass(frozen=True, slots=True)
class Partner:
    """The partner's features, as it lays them down."""

    base: NDArray[np.uint8]
    look: Look
    bins: Codes
    most: int
    """How many tables there may be."""

    @property
    def wide(self) -> int:
        """How many columns there are with tables."""
        return int(self.base.shape[1]) + self.most

    def cells(self) -> Codes:
        """Return in which cells each row is."""
        return self.look.cells_of(self.bins)

    def model(self, own: NDArray[np.uint8], labels: NDArray[Any], trains: NDArray[np.intp]
              ) -> tuple[KeptJointModel, NDArray[np.uint8]]:  # fmt: skip
        """Return the model by these people, in the clear, and the partner's columns of all."""
        cells, who = self.cells(), labels[trains].astype(np.uint8)
        found = plain.looked(own[trains], who, self.look, cells[trains], self.most)
        theirs = found.tables.beside(self.base, cells, self.wide)
        held = np.zeros(self.wide)
        held[self.base.shape[1] :][: len(found.held)] = found.held
        return plain.kept_model(own[trains], who, theirs[trains], held), theirs


def partner(columns: dict[str, Any]) -> Partner:
    """Return the features of a partner."""
    features = specification(columns)
    most, look = looks.tables_for(features), looks.look_of(features)
    base = learn(features, columns, MOST_COLUMNS - most).encode(columns)
    return Partner(base, look, learn_cells(features, columns, look).encode(columns), most)


def named(table: Floats) -> dict[str, Any]:
    """Return a table's features as Arrow arrays by name."""
    return {f"x{n}": pa.array(table[:, n]) for n in range(table.shape[1])}


def params_for(own: dict[str, Any], theirs: dict[str, Any]) -> JointParams:
    """Return the parameters by which nodes would run it, for these columns of either side."""
    sides = (specification(side) for side in (own, theirs))
    return asked.params_for(Joint("own", next(sides), _LABEL, "theirs", next(sides), 1, False))
