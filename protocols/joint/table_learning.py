"""Which tables a look speaks for, and what their entries are: at the brand, from sums.

Of each cell the brand knows how many people train there, and what its own columns have left of
their label, on average. These means vary by more than chance where the feature, or the pair, says
something. By how much follows from all cells together (Paule and Mandel, 1982), and each mean is
drawn to nothing as far as chance goes. Of a pair only what both features do not say one by one
counts. A table has to earn twice what its free entries would by chance (Akaike, 1974), and more.

The fit that follows sees the same people. So it holds each table's weight back as the cells' means
were held: `Looked.held`. Else it would believe what chance has put into the table.

Cells with fewer than ten people say nothing, neither of themselves nor in what is made of the
others: entries are seen by the partner.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.joint.looks import LEFT_UNIT, Look
from protocols.joint.tables import Table, Tables
from protocols.joint.widths import UNIT
from protocols.sums.layout import MAX_ROWS

LEAST_IN_A_CELL = 10
EARNED = 12.0
"""More than twice the free entries, in squared errors of the label."""
_LEAST_HELD, _MOST_HELD = 5.0, 1e9
"""People who have nothing left that each cell is taken to have beside its own."""
_HELD_APART = 20.0
"""The same, of what a feature of a pair says alone."""
_TURNS = 30

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Looked:
    """What has come of a look."""

    tables: Tables
    held: Floats
    """By how much each table's weight is to be held back, in people."""


@dataclass(frozen=True, slots=True)
class _Found:
    earned: float
    table: Table
    held: float


def quantised(left: Floats) -> NDArray[np.int32]:
    """Return what is left of labels as the look adds it up: rounded down, and what that takes off
    one is added to the next.

    By the nearest step all who have the same left would be off alike, and of many people that looks
    like more than chance. They come in a random order, so whose is rounded up says nothing.
    """
    whole = np.floor(np.cumsum(np.clip(left, -1, 1) * LEFT_UNIT))
    steps = np.diff(whole, prepend=0).astype(np.int32)
    return np.asarray(np.clip(steps + LEFT_UNIT, 0, 2 * LEFT_UNIT), np.int32)


def learn(look: Look, seen: NDArray[np.int64], spread: float, most: int) -> Looked:
    """Return the tables that earn the most.

    `seen` has the sums of the look, of each cell, shape (2, cells): people, and what is left of
    labels as `quantised`; `spread` is the variance of what is left of a label.
    """
    # A partner that does not keep to the protocol may have made other sums than people could have.
    people = np.clip(seen[0], 0, MAX_ROWS)
    added = np.clip(seen[1], 0, 2 * LEFT_UNIT * people)
    some = people >= LEAST_IN_A_CELL
    left = np.where(some, (added - LEFT_UNIT * people) / LEFT_UNIT, 0.0)
    people = np.where(some, people, 0)
    found: list[_Found] = []
    at = 0
    for number, size in enumerate(look.sizes):
        cells = slice(at, at + size)
        at += size
        many, sums = people[cells].astype(np.float64), left[cells]
        if number >= len(look.fine):
            one, other = look.pairs[number - len(look.fine)]
            shape = look.coarse[one], look.coarse[other]
            many, sums = many.reshape(shape), _together(many.reshape(shape), sums.reshape(shape))
        one_found = _table(number, many, sums, spread)
        if one_found is not None:
            found.append(one_found)
    best = sorted(found, key=lambda each: -each.earned)[:most]
    held = np.array([each.held for each in best], np.float64)
    return Looked(Tables(tuple(each.table for each in best)), held)


def _table(number: int, many: Floats, sums: Floats, spread: float) -> _Found | None:
    free = _free(many)
    if free < 1 or spread <= 0:
        return None
    held = _held(many, sums, spread, free)
    entries = sums / (many + held)
    told = free / max(int((many > 0).sum()), 1) * (many / (many + held)).sum()
    earned = float((2 * entries * sums - entries**2 * many).sum() / spread - 2 * told)
    low, high = float(entries.min()), float(entries.max())
    if earned <= EARNED or high <= low:
        return None
    steps = np.rint(UNIT * (entries - low) / (high - low)).astype(np.uint8)
    back = held * float((entries**2).sum()) / (high - low) ** 2
    return _Found(earned, Table(number, steps.tobytes()), back)


def _free(many: Floats) -> int:
    """Return how many entries are free, of one feature or of what a pair says beyond both."""
    some = int((many > 0).sum())
    if many.ndim == 1:
        return some
    return some - int(many.any(axis=0).sum()) - int(many.any(axis=1).sum()) + 1


def _together(many: Floats, sums: Floats) -> Floats:
    """Return what is left of the sums of a pair when each feature has said its own."""
    rows, columns = np.zeros(many.shape[0]), np.zeros(many.shape[1])
    for _ in range(_TURNS):
        rows = (sums - many * columns).sum(axis=1) / (many.sum(axis=1) + _HELD_APART)
        columns = (sums - many * rows[:, None]).sum(axis=0) / (many.sum(axis=0) + _HELD_APART)
    left: Floats = sums - many * (rows[:, None] + columns)
    return left


def _held(many: Floats, sums: Floats, spread: float, free: int) -> float:
    """Return how many people with nothing left outweigh chance: `spread` by the variance of means
    that is beyond it.
    """
    there = many > 0
    squares, chance = (sums[there] / many[there]) ** 2, spread / many[there]
    low, high = spread / _MOST_HELD, spread / _LEAST_HELD
    if (squares / (low + chance)).sum() <= free:
        return _MOST_HELD
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        if (squares / (middle + chance)).sum() > free:
            low = middle
        else:
            high = middle
    return spread / high
