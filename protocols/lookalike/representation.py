"""The columns of the aligned sum: a few, chosen for what the noise lets through, without labels.

The noise of a sum is the same in each direction and as wide as the longest row. So people are
described by the main directions in which the population differs (`kernel.py`), and the columns are
weighted by *water-filling*: those that the noise would drown at this number of seeds and this price
are left out, the others are made about equally loud. The rule looks at the number of seeds (its
step), at rho, at the population and at what an earlier release has told (`looking.py`), never at a
label.

Each row is cut to one length, 2^15, and rounded towards zero, so that the L2 sensitivity of the sum
is exact: it is the longest row, with one column more, the same for all, by which the seeds are
counted. Cutting is done by the partner: as with every sum over somebody's columns, the brand relies
on it, and adds the noise itself.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from protocols.dp import budget
from protocols.errors import InvalidParameter, LocalError
from protocols.lookalike import kernel
from protocols.lookalike.encoding import Bins, Codes
from protocols.lookalike.kernel import Embedding, Floats
from protocols.lookalike.sums import COUNTING, LENGTH, MAX_COLUMNS, SENSITIVITY, training_params
from protocols.session import Rng
from protocols.sums.records import SumParams

TOGETHER = 0.5
"""Part of the alikeness that is about features together; the rest is a sum over features."""
TOGETHER_OF_FEW = 0.2
"""The same below 500 seeds: what few seeds tell about features together is little."""
FEW = 500
CUT = 0.5
"""Half of the people have rows that are cut: rows about equally long make the noise smaller."""
SAMPLE = 20_000
BATCH = 2**14


@dataclass(frozen=True, slots=True)
class Representation:
    """What makes the columns of the sum, and later scores, from codes.

    It stays at the partner: its landmarks are people.
    """

    bins: tuple[Bins, ...]
    embedding: Embedding
    landmarks: Floats
    from_embedding: Floats
    from_landmarks: Floats
    mean: Floats
    length: float
    """Longest row before it is scaled: rows beyond are cut."""
    spectrum: NDArray[np.float64]
    """Of each column, the part of the alikeness of people that it stands for."""
    rho_nano: int
    """Price of its sum."""
    seeds_step: int
    rest_nano: int = 0
    """What is left of the price for a look after this one."""

    @property
    def columns(self) -> int:
        """How many columns the sum has, the counting one included."""
        return len(self.mean) + 1

    def rows(self, codes: Codes) -> NDArray[np.int32]:
        """Return rows of the sum's matrix, shape (rows, columns).

        Raises: LocalError if a row were longer than the sensitivity allows.
        """
        found = np.empty((len(codes), self.columns), np.int32)
        found[:, -1] = COUNTING
        for at in range(0, len(codes), BATCH):
            part = self._coordinates(codes[at : at + BATCH])
            norms = np.sqrt(np.square(part).sum(axis=1, dtype=np.float64))
            part *= ((LENGTH - 1) / np.maximum(norms, self.length))[:, None].astype(np.float32)
            found[at : at + BATCH, :-1] = part
        longest = np.square(found, dtype=np.int64).sum(axis=1).max(initial=0)
        if longest > SENSITIVITY**2:
            raise LocalError("a row is longer than was agreed")
        return found

    def at_price(self, rho_nano: int, rest_nano: int = 0) -> "Representation":
        """Return the same columns for a sum at another price."""
        return replace(self, rho_nano=rho_nano, rest_nano=rest_nano)

    def sum_params(self, rows: int) -> SumParams:
        """Return the aligned sum that trains: the partner learns it, the brand adds the noise."""
        return training_params(self.columns, rows, self.rho_nano)

    def _coordinates(self, codes: Codes) -> Floats:
        placed = self.embedding(codes)
        found = placed @ self.from_embedding
        found += kernel.bell(placed, self.landmarks) @ self.from_landmarks
        found -= self.mean
        return found


def represent(
    bins: tuple[Bins, ...],
    codes: Codes,
    seeds_step: int,
    rho_nano: int,
    rng: Rng,
    most: int = MAX_COLUMNS,
    matters: NDArray[np.float64] | None = None,
) -> Representation:
    """Return the representation for so many seeds at this price, from a population's codes.

    Its sum has at most `most` columns beside the counting one. `matters` has a weight for each
    feature, where an earlier look has told one.

    Raises: InvalidParameter.
    """
    if not 0 < rho_nano <= budget.MAX_RELEASE_NANO:
        raise InvalidParameter("a release costs more than rho 0 and at most rho 10")
    if seeds_step < 1:
        raise InvalidParameter("a seed audience has at least one person")
    draws = generator(rng)
    people = sample_of(codes, SAMPLE, draws)
    embedding = kernel.embed(bins, people, draws, matters)
    placed = embedding(people)
    landmarks = placed[: kernel.LANDMARKS].copy()
    spanned = kernel.spanned(landmarks)
    together = kernel.bell(placed, landmarks) @ spanned
    part_together = TOGETHER if seeds_step >= FEW else TOGETHER_OF_FEW
    weights = [
        math.sqrt(part / max(float(block.var(axis=0).sum()), 1e-9))
        for part, block in ((1 - part_together, placed), (part_together, together))
    ]
    both = np.concatenate([placed * weights[0], together * weights[1]], axis=1)
    both -= both.mean(axis=0)
    values, vectors = np.linalg.eigh((both.T @ both).astype(np.float64) / len(both))
    values, vectors = values[::-1][:most], vectors[:, ::-1][:, :most]
    loudness = water_fill(np.maximum(values, 1e-9), seeds_step, rho_nano)
    kept = loudness > 0
    vectors = vectors[:, kept] * loudness[kept]
    split = placed.shape[1]
    from_embedding = (vectors[:split] * weights[0]).astype(np.float32)
    from_landmarks = (spanned @ (vectors[split:] * weights[1])).astype(np.float32)
    found = placed @ from_embedding + kernel.bell(placed, landmarks) @ from_landmarks
    mean = found.mean(axis=0)
    norms = np.sqrt(np.square(found - mean).sum(axis=1))
    return Representation(
        bins, embedding, landmarks, from_embedding, from_landmarks, mean,
        max(float(np.quantile(norms, CUT)), 1e-6), values[kept], rho_nano, seeds_step,
    )  # fmt: skip


def water_fill(spectrum: NDArray[np.float64], seeds: int, rho_nano: int) -> NDArray[np.float64]:
    """Return how loud each direction is made: 0 where the noise at this price would drown it.

    It minimises what stays unknown of a function whose parts are as likely as the spectrum says,
    for one mean length of rows: loudness² · s = max(0, level - (sigma/n)² / s), for a spectrum s
    that adds up to one; the level is such that these add up to one.
    """
    total = float(spectrum.sum())
    drowned = 1 / (2 * rho_nano / budget.NANO * seeds**2) * total / spectrum
    rising = np.sort(drowned)
    levels = (1 + np.cumsum(rising)) / np.arange(1, len(rising) + 1)
    fitting = int(np.flatnonzero(levels > rising).max())
    return np.asarray(np.sqrt(np.maximum(0, levels[fitting] - drowned) / spectrum))


def sample_of(codes: Codes, most: int, draws: np.random.Generator) -> Codes:
    """Return the codes of at most so many people, in random order."""
    chosen = draws.choice(len(codes), min(most, len(codes)), replace=False)
    return np.asarray(codes[chosen])


def generator(rng: Rng) -> np.random.Generator:
    """Return a generator for choices that need not be secret, from 16 random bytes."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(rng(16), "big")))
