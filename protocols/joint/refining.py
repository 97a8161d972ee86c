"""What the brand's columns say together, beside the straight line: fitted at the brand, after all.

When a run is over the brand has of each person of both its own columns, the label, and the sum of
the partner's weighted columns. From these it grows trees for what the straight line has left of the
label: what its columns do together, and what they do together with that sum. Nothing is asked of
the partner for it, and nothing is told: it is what anybody could do who has a score and the data
that it is about.

**Nobody is scored by trees that have seen its label.** Who trains is in one of three parts; the
trees of a part have grown on the other two. Whoever did not train is scored by the mean of all.
Where trees foretell those who train no better than the straight line does, there are none.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.joint.basis import Basis, Columns, Ramps, Steps
from protocols.joint.trees import Coded, Floats, Trees, grow
from protocols.joint.widths import UNIT
from protocols.lookalike.kept import Array

PARTS = 3
LEAST = 500
"""Of fewer who train, what columns do together is not to be told from chance."""
_MOST = 200_000
"""No more people grow trees: further ones change them little."""
_THEIRS = 64
"""Into so many steps the partner's sums are cut."""
_BETTER = 0.002
"""Part of the squared error by which trees have to be better."""

Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Refinement(Record):
    """What is added to straight scores."""

    KIND: ClassVar[str] = "joint-refinement/1"
    edges: Array
    """Of the partner's sums."""
    trees: tuple[Trees, ...]

    def add(self, basis: Basis, own: Columns, theirs: NDArray[np.int64]) -> Floats:
        """Return what people's scores get more, by the brand's columns and the partner's sums."""
        return self.said_of(_coded(basis, own, theirs, self.edges.read()))

    def said_of(self, people: Coded) -> Floats:
        """Return the same of people as codes."""
        found: Floats = np.mean([trees.score(people.codes) for trees in self.trees], axis=0)
        return found


def refine(
    basis: Basis,
    own: Columns,
    theirs: NDArray[np.int64],
    left: Floats,
    trains: Labels,
    draws: np.random.Generator,
) -> tuple[Refinement, Floats] | None:
    """Return what is added to these people's scores, and how to add it to others'; None where it
    makes no better ones.

    `left` is the label less the straight score, and is not looked at of who does not train.
    """
    who = draws.permutation(np.flatnonzero(trains))
    if len(who) < LEAST:
        return None
    cuts = np.quantile(theirs[who], np.arange(1, _THEIRS) / _THEIRS, method="inverted_cdf")
    edges = np.unique(cuts).astype(np.float64)
    coded = _coded(basis, own, theirs, edges)
    parts = np.array_split(who, PARTS)
    found, more = [], np.zeros(len(own))
    for part in parts:
        others = np.concatenate([one for one in parts if one is not part])[:_MOST]
        found.append(grow(coded.only(others), left[others], draws))
        more[part] = found[-1].score(coded.codes[part])
    if np.square(left[who] - more[who]).sum() > (1 - _BETTER) * np.square(left[who]).sum():
        return None
    made = Refinement(Array.of(edges), tuple(found))
    rest = np.flatnonzero(~trains)
    more[rest] = made.said_of(coded.only(rest))
    return made, more


def _coded(basis: Basis, own: Columns, theirs: NDArray[np.int64], edges: Floats) -> Coded:
    """Return people as codes: one for each of the brand's features, and one for the other sum."""
    codes, sizes, unordered, at = [], [], [], 0
    for part in basis.parts:
        wide = part.columns
        columns = own[:, at : at + wide].astype(np.int64)
        at += wide
        if isinstance(part, Steps):
            code = np.where(columns.any(axis=1), columns.argmax(axis=1), wide)
            size = wide + 1
        else:
            ramps = len(part.ends.read()) if isinstance(part, Ramps) else 1
            size = UNIT * ramps + 2
            code = columns[:, :ramps].sum(axis=1)
            code[columns[:, ramps:].any(axis=1)] = size - 1
        codes.append(code)
        sizes.append(size)
        unordered.append(isinstance(part, Steps))
    codes.append(np.searchsorted(edges, theirs, "left"))
    return Coded(
        np.stack(codes, axis=1).astype(np.uint16),
        (*sizes, len(edges) + 1),
        (*unordered, False),
    )
