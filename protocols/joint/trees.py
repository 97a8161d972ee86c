"""Trees over codes, boosted: what features say of a label together.

Each tree asks the same few questions of everybody: is this feature's value among the first so many?
The answers are the bits of a leaf's number, and the leaf has a value. Trees are added one by one,
each for what those before it have left of the label. A category's place among the others is by what
those who have it have left, drawn to nothing where they are few.

Codes and label are the same party's, and trees stay there: nothing of them is in a message.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.codec import Record
from protocols.errors import LocalError
from protocols.lookalike.encoding import Codes
from protocols.lookalike.kept import Array

TREES, QUESTIONS = 120, 4
_STEP = 0.1
"""Part of a leaf's value that is taken."""
_HELD = 20.0
"""People who have nothing left that each leaf and category is taken to have beside its own."""
_LOOKED_AT = 20_000
"""People, at most, by whom the questions of a tree are chosen; others each time."""

Floats = NDArray[np.float64]
Whole = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Coded:
    """People as codes."""

    codes: Codes
    """Shape (people, features)."""
    sizes: tuple[int, ...]
    """How many codes each feature has."""
    unordered: tuple[bool, ...]
    """Whether these are categories."""

    def only(self, rows: NDArray[np.intp]) -> "Coded":
        """Return some of them, in this order."""
        return Coded(self.codes[rows], self.sizes, self.unordered)


@dataclass(frozen=True, slots=True)
class Trees(Record):
    """Boosted trees. Raises: LocalError."""

    KIND: ClassVar[str] = "joint-trees/1"
    places: tuple[Array, ...]
    """Of each feature, the place of each code."""
    features: Array
    """Which feature each question is about, shape (trees, questions)."""
    lasts: Array
    """The last place with the answer no, in the same shape."""
    leaves: Array
    """Values, shape (trees, 2 ** questions)."""

    def __post_init__(self) -> None:
        asked = self.features.shape
        if len(asked) != 2 or self.lasts.shape != asked:
            raise LocalError("each question of a tree has a feature and a last place")
        if self.leaves.shape != (asked[0], 2 ** asked[1]):
            raise LocalError("a tree has a leaf for all answers")

    def score(self, codes: Codes) -> Floats:
        """Return what the trees say of rows of codes, shape (rows, features)."""
        placed = _placed(codes, [place.read() for place in self.places])
        found = np.zeros(len(codes))
        features, lasts, leaves = self.features.read(), self.lasts.read(), self.leaves.read()
        for asked, last, values in zip(features, lasts, leaves, strict=True):
            found += values[_leaf(placed, asked, last)]
        return found


def grow(people: Coded, left: Floats, draws: np.random.Generator) -> Trees:
    """Return trees for what is left of people's labels."""
    places = []
    for at, size in enumerate(people.sizes):
        order = np.arange(size)
        if people.unordered[at]:
            codes = people.codes[:, at]
            order = np.argsort(
                np.bincount(codes, left, size) / (np.bincount(codes, minlength=size) + _HELD),
                kind="stable",
            )
        places.append(np.argsort(order, kind="stable").astype(np.int32))
    placed = _placed(people.codes, places)
    features, lasts = (np.zeros((TREES, QUESTIONS), np.int32) for _ in range(2))
    leaves = np.zeros((TREES, 2**QUESTIONS))
    for tree in range(TREES):
        rows = draws.permutation(len(left))[:_LOOKED_AT] if len(left) > _LOOKED_AT else ...
        features[tree], lasts[tree] = _questions(placed[rows], left[rows], people.sizes)
        leaf = _leaf(placed, features[tree], lasts[tree])
        many = np.bincount(leaf, minlength=2**QUESTIONS)
        leaves[tree] = _STEP * np.bincount(leaf, left, 2**QUESTIONS) / (many + _HELD)
        left = left - leaves[tree][leaf]
    return Trees(tuple(map(Array.of, places)), *map(Array.of, (features, lasts, leaves)))


def _questions(placed: Whole, left: Floats, sizes: tuple[int, ...]) -> tuple[Whole, Whole]:
    """Return the features and last places that together tell what is left apart the best."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    whole, feature_of = sum(sizes), np.repeat(np.arange(len(sizes)), sizes)
    cells = (placed + starts).astype(np.int64)
    repeated = np.repeat(left, len(sizes))
    leaf = np.zeros(len(placed), np.int64)
    features, lasts = [], []
    for asked in range(QUESTIONS):
        at, leaves = (cells + leaf[:, np.newaxis] * whole).ravel(), 2**asked
        gain = np.zeros(whole)
        sums = _up_to(np.bincount(at, repeated, leaves * whole), leaves, starts, feature_of)
        many = _up_to(np.bincount(at, minlength=leaves * whole), leaves, starts, feature_of)
        ends = starts[feature_of] + np.array(sizes)[feature_of] - 1
        for side, people in ((sums, many), (sums[:, ends] - sums, many[:, ends] - many)):
            gain += (side**2 / (people + _HELD)).sum(axis=0)
        best = int(np.argmax(gain))
        features.append(int(feature_of[best]))
        lasts.append(best - int(starts[features[-1]]))
        leaf = 2 * leaf + (placed[:, features[-1]] > lasts[-1])
    return np.array(features, np.int32), np.array(lasts, np.int32)


def _up_to(
    counted: NDArray[np.generic], leaves: int, starts: Whole, feature_of: NDArray[np.intp]
) -> Floats:
    """Return, for each leaf and code, what that code and those before it of its feature have."""
    running = np.cumsum(counted.reshape(leaves, -1).astype(np.float64), axis=1)
    before = np.concatenate([np.zeros((leaves, 1)), running], axis=1)[:, starts]
    found: Floats = running - before[:, feature_of]
    return found


def _leaf(placed: Whole, asked: Whole, lasts: Whole) -> NDArray[np.int64]:
    found = np.zeros(len(placed), np.int64)
    for feature, last in zip(asked, lasts, strict=True):
        found = 2 * found + (placed[:, feature] > last)
    return found


def _placed(codes: Codes, places: list[Whole]) -> Whole:
    found = np.empty(codes.shape, np.int32, order="F")
    for at, place in enumerate(places):
        found[:, at] = place[codes[:, at]]
    return found
