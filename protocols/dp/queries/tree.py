"""A tree of counts over a grid: quantiles from sums whose noise lies on every count.

Where a scheme can only add noise to sums (an aligned sum over people in common), a quantile is read
off noisy counts. Adding up a thousand of them adds up their noise; in a tree of a few levels every
stretch of the grid is a few nodes. Each person is in one node of each level, so `depth` levels
share the price. The levels say the same people several times; the least-squares answer that fits
them all (Hay et al. 2010) is better than any of them.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Tree:
    """`depth` levels below the root; level i has `branching`^i nodes, the last one the grid."""

    depth: int
    branching: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many nodes each level has, from the top."""
        return tuple(self.branching**level for level in range(1, self.depth + 1))

    def node(self, level: int, points: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the node of a level (from 0) that each point of the grid lies under."""
        found: NDArray[np.int64] = points // self.branching ** (self.depth - 1 - level)
        return found

    def rank_sigma(self, level_sigma: float) -> float:
        """Return a bound on the standard error of a rank less its part of all, in rows."""
        nodes = self.depth * (self.branching - 1) + self.branching
        return level_sigma * math.sqrt(nodes)


def best_tree(points: int) -> Tree:
    """Return the tree over so many points whose ranks have the least noise at one price."""

    def noise(tree: Tree) -> float:
        return tree.depth**2 * tree.branching

    depths = range(1, _MAX_DEPTH + 1)
    return min((Tree(d, max(2, _root(points, d))) for d in depths), key=noise)


def leaves(tree: Tree, levels: list[Floats]) -> Floats:
    """Return the counts of the grid that fit all levels best, each level being equally noisy."""
    b = tree.branching
    up = [levels[-1]]
    for height, own in enumerate(reversed(levels[:-1]), start=2):
        below = up[-1].reshape(-1, b).sum(axis=1)
        weight = (b**height - b ** (height - 1)) / (b**height - 1)
        up.append(weight * own + (1 - weight) * below)
    found = up[-1]
    for mine in reversed(up[:-1]):
        miss = found - mine.reshape(-1, b).sum(axis=1)
        found = mine + np.repeat(miss / b, b)
    return found


def _root(points: int, depth: int) -> int:
    """Return the smallest b with b^depth at least `points`."""
    return next(b for b in range(1, points + 1) if b**depth >= points)
