"""A trained model at the partner: scores, audiences, and what each feature weighs.

Everything here is computed from the noised sum and the partner's own population, so it costs no
further budget. The model holds landmarks, which are people: it stays at the partner.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.dp.queries.filter_words import word
from protocols.errors import InvalidParameter
from protocols.lookalike import kernel
from protocols.lookalike.card import MOST_TEXT, MOST_TOLD, MOST_WORD, FeatureWeight
from protocols.lookalike.encoding import Bins, Codes
from protocols.lookalike.kernel import Embedding, Floats
from protocols.session import Rng

BATCH = 2**14
_WEIGHED = 4000
LEAST_TOLD = 20
"""Of so many people who were looked at a bin may be named: of fewer it would name what few have."""


@dataclass(frozen=True, slots=True)
class Model:
    """Scores people by their codes: the higher, the more alike to the seeds."""

    bins: tuple[Bins, ...]
    embedding: Embedding
    landmarks: Floats
    embedding_weights: Floats
    landmark_weights: Floats
    bias: float

    def score(self, codes: Codes) -> Floats:
        """Return the score of each row, as log-odds at the base rate that training assumes."""
        found = np.empty(len(codes), np.float32)
        for at in range(0, len(codes), BATCH):
            placed = self.embedding(codes[at : at + BATCH])
            near = kernel.bell(placed, self.landmarks)
            found[at : at + BATCH] = placed @ self.embedding_weights + near @ self.landmark_weights
        found += np.float32(self.bias)
        return found


def weights(model: Model, population: Codes, rng: Rng) -> tuple[FeatureWeight, ...]:
    """Return what each feature does, the most important first."""
    draws = np.random.Generator(np.random.PCG64(int.from_bytes(rng(16), "big")))
    chosen = draws.choice(len(population), min(_WEIGHED, len(population)), replace=False)
    people = np.array(population[chosen])
    scores = model.score(people)
    moved = []
    for at in range(people.shape[1]):
        exchanged = people.copy()
        exchanged[:, at] = people[draws.permutation(len(people)), at]
        moved.append(float(np.square(model.score(exchanged) - scores).mean()))
    total = max(sum(moved), 1e-12)
    found = []
    for at, bins in enumerate(model.bins):
        ends = _ends(bins, people[:, at], scores)
        found.append(FeatureWeight(bins.feature.column, round(1000 * moved[at] / total), *ends))
    return tuple(sorted(found, key=lambda w: -w.importance_permille))


def audience(
    scores: NDArray[np.floating], size: int, without: NDArray[np.bool_] | None = None
) -> NDArray[np.uint32]:
    """Return the rows of the `size` best scores, rising; ties go to the earlier row.

    `without` marks rows to leave out. The partner does not know the seeds: where they are left
    out, it is by rows that it may know, as those of a suppression list. Raises: InvalidParameter.
    """
    left = np.arange(len(scores)) if without is None else np.flatnonzero(~without)
    if not 1 <= size <= len(left):
        raise InvalidParameter(f"an audience here has 1 to {len(left)} people")
    best = left[np.argsort(-scores[left], kind="stable")[:size]]
    return np.sort(best).astype(np.uint32)


def batches(rows: int) -> Iterator[slice]:
    """Return slices of a size that keeps memory small."""
    yield from (slice(at, at + BATCH) for at in range(0, rows, BATCH))


def _ends(bins: Bins, codes: Codes, scores: Floats) -> tuple[tuple[str, ...], tuple[str, ...]]:
    counts = np.bincount(codes, minlength=bins.size)
    told = np.flatnonzero(counts >= max(len(codes) // 100, LEAST_TOLD))
    means = np.bincount(codes, weights=scores, minlength=bins.size)[told] / counts[told]
    order = told[np.argsort(-means, kind="stable")]
    half = min(MOST_TOLD, len(order) // 2)
    named = [_named(bins.label(int(c))) for c in order]
    return tuple(named[:half]), tuple(named[::-1][:half])


def _named(label: str) -> str:
    """Return the name of a bin so that it can be shown: a category is whatever a file has."""
    return word(label[:MOST_WORD])[:MOST_TEXT]
