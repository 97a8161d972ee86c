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

from protocols.joint import moments
from protocols.joint.asked import HOLD_OUT_PERCENT, room_for
from protocols.joint.basis_learning import learn
from protocols.joint.records import AcrossParams, JointParams, ScoreParams, WithinParams
from protocols.joint.widths import CATEGORIES
from protocols.lookalike.encoding import learn_one, suggest
from protocols.lookalike.features import Feature, FeatureSpecification
from protocols.psi.params import OtParams
from protocols.sums.alignment_params import LABEL_BYTES

CHUNK = moments.CHUNK_ROWS
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
    """Return features as the columns that a joint model is fitted to."""
    return learn(specification(columns), columns).encode(columns)


def named(table: Floats) -> dict[str, Any]:
    """Return a table's features as Arrow arrays by name."""
    return {f"x{n}": pa.array(table[:, n]) for n in range(table.shape[1])}


def params_for(own: int, theirs: int) -> JointParams:
    """Return the parameters by which nodes would run it, for so many columns of either side."""
    most = room_for(own, theirs)
    first = OtParams(max_items=most, chunk_items=CHUNK, label_bytes=2 * LABEL_BYTES)
    within = WithinParams(first, moments.within_params(theirs, most, 0), HOLD_OUT_PERCENT)
    across = AcrossParams(within, moments.across_params(theirs, own, most, 0))
    return JointParams(across, ScoreParams(theirs, CHUNK))
