"""How alike two people are, by their codes alone: what the columns of the sum are made of.

First a sum over features: two people are alike in a feature if their bins are the same or, where
bins have an order, close. Features have equal parts in it, or such as they are known to matter.
Its main directions over the population make an *embedding* of each person. Then a bell curve over
the distance of two embeddings, which sees what features do together; it is spanned by a few hundred
people of the population, the *landmarks* (Nyström). No label is looked at: the population is the
partner's own, and free to use.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from protocols.lookalike.encoding import Bins, Codes
from protocols.lookalike.features import FeatureKind

REACH = 0.5
"""Alikeness of two bins falls to 1/e over half of the whole range, in people and in bins."""
OWN = 0.1
"""Part of a bin's alikeness that it shares with no neighbour: for spikes."""
DIRECTIONS = 128
LANDMARKS = 800
_EXACT = 1024
_ROUNDS = 6
_SMALLEST = 1e-5

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embedding:
    """Where a person stands, from codes: one row of `table` for each code of each feature."""

    offsets: NDArray[np.int32]
    table: Floats
    """Shape (codes in all, directions)."""
    mean: Floats

    def __call__(self, codes: Codes) -> Floats:
        """Return embeddings, shape (rows, directions); their variances add up to about 1."""
        found: Floats = one_hot(codes, self.offsets, len(self.table)) @ self.table
        found -= self.mean
        return found


def one_hot(codes: Codes, offsets: NDArray[np.int32], width: int) -> sparse.csr_matrix:
    """Return the codes as a sparse matrix of ones, shape (rows, width)."""
    rows, k = codes.shape
    at = (np.ascontiguousarray(codes) + offsets).astype(np.int32, copy=False).ravel()
    starts = np.arange(0, rows * k + 1, k)
    return sparse.csr_matrix((np.ones(rows * k, np.float32), at, starts), shape=(rows, width))


def embed(
    bins: tuple[Bins, ...],
    sample: Codes,
    draws: np.random.Generator,
    matters: NDArray[np.float64] | None = None,
) -> Embedding:
    """Return the embedding of people with these features, from a sample of the population.

    `matters` has a weight for each feature: its part in how alike two people are. Else equal ones.
    """
    sizes = [b.size for b in bins]
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int32)
    shares = [np.bincount(sample[:, j], minlength=s) / len(sample) for j, s in enumerate(sizes)]
    part = np.ones(len(bins)) if matters is None else matters / matters.mean()
    roots = [_sparse(b, s) * np.sqrt(m) for b, s, m in zip(bins, shares, part, strict=True)]
    alike = sparse.block_diag(roots, format="csr") / np.sqrt(len(bins))
    people = one_hot(sample, offsets, sum(sizes))
    common = np.asarray(people.mean(axis=0)).ravel().astype(np.float64)
    count = min(DIRECTIONS, sum(sizes) - 1, len(sample) - 1)
    table = alike @ _main_directions(people, common, alike, count, draws)
    spread = np.sqrt((people @ table).var(axis=0).sum())
    scale = 1 / max(float(spread), 1e-6)
    return Embedding(
        offsets, (table * scale).astype(np.float32), (common @ table * scale).astype(np.float32)
    )


def root(bins: Bins, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the square root of the alikeness of each two codes of a feature that has an order:
    categories without one are alike to themselves alone.

    How far apart two bins are is counted half in people and half in bins: by people alone, all of a
    tail would be one place.
    """
    alike = np.eye(bins.size)
    ordered = len(bins.categories) if bins.edges is None else bins.size - 1
    share = shares[:ordered]
    among_people = np.cumsum(share) - share / 2
    among_bins = (np.arange(ordered) + 0.5) / ordered
    middle = (among_people + among_bins) / 2
    near = np.exp(-np.abs(middle[:, None] - middle) / REACH)
    alike[:ordered, :ordered] = (1 - OWN) * near + OWN * np.eye(ordered)
    values, vectors = np.linalg.eigh(alike)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def _sparse(bins: Bins, shares: NDArray[np.float64]) -> sparse.csr_matrix:
    """Return the same root; that of thousands of categories has no more entries than these."""
    if bins.feature.kind is FeatureKind.CATEGORICAL:
        return sparse.identity(bins.size, format="csr")
    return sparse.csr_matrix(root(bins, shares))


def bell(left: Floats, right: Floats) -> Floats:
    """Return exp(-|a - b|² / 2) for each two rows, shape (rows of left, rows of right)."""
    near: Floats = left @ right.T
    near -= np.square(left).sum(axis=1)[:, None] / 2
    near -= np.square(right).sum(axis=1) / 2
    return np.asarray(np.exp(near, out=near), np.float32)


def spanned(landmarks: Floats) -> Floats:
    """Return the matrix that makes coordinates of a bell curve over landmarks (Nyström)."""
    values, vectors = np.linalg.eigh(bell(landmarks, landmarks).astype(np.float64))
    kept = values > _SMALLEST * values.max()
    return np.asarray(vectors[:, kept] / np.sqrt(values[kept]), np.float32)


def _main_directions(
    people: sparse.csr_matrix,
    common: NDArray[np.float64],
    alike: sparse.csr_matrix,
    count: int,
    draws: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the directions in which people differ most, one a column.

    Exactly for few codes; else by subspace iteration, which never makes people's rows dense.
    """
    rows, width = people.shape
    if width <= _EXACT:
        pairs = (people.T @ people).toarray().astype(np.float64) / rows - np.outer(common, common)
        return np.asarray(np.linalg.eigh(alike.T @ (alike.T @ pairs).T)[1][:, ::-1][:, :count])
    found = draws.normal(size=(width, min(width, count + 16)))
    for _ in range(_ROUNDS):
        found, _ = np.linalg.qr(found)
        through = alike @ found
        found = alike.T @ (
            people.T @ (people @ through) / rows - np.outer(common, common @ through)
        )
    vectors, _, _ = np.linalg.svd(found, full_matrices=False)
    return np.asarray(vectors[:, :count])
