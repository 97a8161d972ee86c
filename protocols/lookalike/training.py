"""From one noised sum to a model, at the partner alone: convex, and no further release.

The sum is that of the seeds' rows. The model is a logistic one, of which the sum is all that the
labels are needed for; the rest is the partner's own population. How wide the noise is, is known: in
each direction the weight is held back as far as the noise reaches there (a ridge of
(1/n + sigma²/(n² s)) / prior, with s the variance of the column), which for small weights is the
estimate with the least expected error. The prior follows from the same noised sum.
"""

import numpy as np
from numpy.typing import NDArray

from protocols.dp import budget
from protocols.errors import DisclosureError, InvalidParameter
from protocols.lookalike import representation
from protocols.lookalike.encoding import Codes
from protocols.lookalike.features import NothingToLearn
from protocols.lookalike.kernel import Floats
from protocols.lookalike.model import Model
from protocols.lookalike.representation import Representation
from protocols.lookalike.seeds import FEWEST_SEEDS, split
from protocols.lookalike.sums import COUNTING, LENGTH, SENSITIVITY
from protocols.session import Rng

BASE_RATE = 0.15
"""Part of people like the seeds that the logistic curve is laid out for: robust, not estimated."""
FITTED = 15_000
"""People of the population that the curve is fitted over."""
LEANS = (1.0, 1.5, 2.0)
SPREADS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
"""Guesses of how far log-odds spread; 1 is the usual one."""
SPREAD_DOUBT = 0.7
"""How far, as a factor's logarithm, the spread is from the usual one in two cases of three."""
_ROUNDS = 30
_LARGEST = 2.0**15 * 2**21
"""More than 500,000 seeds and any noise."""
_SURE = 5
_NEARLY_ALL = 0.8


class SeedsNotFound(DisclosureError):
    """Far fewer seeds are in the population than was stated, so there is nothing to learn from."""

    code = "seeds-not-found"


def train(made: Representation, population: Codes, sums: NDArray[np.int64], rng: Rng) -> Model:
    """Return the model of a noised sum, as `Representation.sum_params` describes it.

    Raises: SeedsNotFound, NothingToLearn by the noised number of seeds: nothing else is told by it.
    InvalidParameter if the sum has another number of columns, or values that no sum can have.
    """
    if sums.shape != (made.columns,):
        raise InvalidParameter("a training sum has one value for each column")
    if np.abs(sums.astype(np.float64)).max() > _LARGEST:
        raise InvalidParameter("a training sum is larger than so many seeds can make it")
    n = count_of(made, int(sums[-1]), len(population))
    people = representation.sample_of(population, FITTED, representation.generator(rng))
    rows: Floats = made.rows(people)[:, :-1].astype(np.float32) / np.float32(LENGTH)
    mean = rows.mean(axis=0, dtype=np.float64)
    rows -= np.asarray(mean, np.float32)
    shift = sums[:-1].astype(np.float64) / LENGTH / n - mean
    sigma = budget.sigma_milli(made.rho_nano, SENSITIVITY) / 1000 / LENGTH
    variance = rows.var(axis=0, dtype=np.float64) + 1e-12
    unknown = (1 / n + (sigma / n) ** 2 / variance) * variance
    prior = mixed_prior(shift, variance, made.spectrum, unknown)
    ridge = unknown / variance / prior
    bias, weights = fit(rows, shift, ridge)
    scale = (LENGTH - 1) / LENGTH / made.length
    inner = weights * scale
    moved = bias - float(mean @ weights) - float(made.mean @ inner)
    return Model(
        made.bins,
        made.embedding,
        made.landmarks,
        (made.from_embedding @ inner).astype(np.float32),
        (made.from_landmarks @ inner).astype(np.float32),
        moved,
    )


def mixed_prior(
    shift: NDArray[np.float64],
    variance: NDArray[np.float64],
    spectrum: NDArray[np.float64],
    unknown: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return how much each weight may be, squared: guesses averaged by how well they explain.

    A guess is how far log-odds spread over people, and how much of that lies in the directions in
    which people differ most. Under a guess each entry of `shift` is about normal: its variance is
    that of the weight's prior, and what is `unknown` by the draw of seeds and by the noise. The
    noised sum alone says little about it, so the spread is held near its usual value.
    """
    guesses, likely = [], []
    for lean in LEANS:
        part = spectrum**lean / (spectrum**lean).sum()
        for spread in SPREADS:
            expected = spread**2 * part * variance + unknown
            fits = -float((np.log(expected) + shift**2 / expected).sum()) / 2
            likely.append(fits - (np.log(spread) / SPREAD_DOUBT) ** 2 / 2)
            guesses.append(spread**2 * part / variance)
    weights = np.exp(np.array(likely) - max(likely))
    return np.asarray(np.average(guesses, axis=0, weights=weights))


def count_of(made: Representation, counted: int, people: int) -> float:
    """Return how many seeds trained, as far as the noise and the stated step say.

    Raises: SeedsNotFound; NothingToLearn if nearly everybody is a seed.
    """
    least = split(max(made.seeds_step, FEWEST_SEEDS)).training
    sigma = budget.sigma_milli(made.rho_nano, SENSITIVITY) / 1000 / COUNTING
    if counted / COUNTING < least - _SURE * sigma:
        raise SeedsNotFound
    if counted / COUNTING - _SURE * sigma > _NEARLY_ALL * people:
        raise NothingToLearn("nearly everybody in the population is a seed")
    return float(np.clip(counted / COUNTING, least, 2.5 * least))


def fit(
    rows: NDArray[np.float32], shift: NDArray[np.float64], ridge: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return bias and weights: the least of E[softplus(b + xw)]/rate - (b + shift·w) + ridge.

    `rows` are centred. Newton's method, each step halved until it goes down.
    """
    design = np.concatenate([np.ones((len(rows), 1), np.float32), rows], axis=1)
    target, held = np.concatenate([[1.0], shift]), np.concatenate([[1e-9], ridge])
    weights = np.zeros(len(target))
    weights[0] = np.log(BASE_RATE / (1 - BASE_RATE))

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float32]]:
        logits = design @ at.astype(np.float32)
        mean = float(np.logaddexp(0, logits).mean(dtype=np.float64))
        return mean / BASE_RATE - float(target @ at) + float(held @ (at * at)) / 2, logits

    now, logits = loss(weights)
    for _ in range(_ROUNDS):
        likely = 1 / (1 + np.exp(-logits))
        slope = design.T @ likely / len(design) / BASE_RATE - target + held * weights
        bend = (design * (likely * (1 - likely))[:, None]).T @ design / len(design) / BASE_RATE
        bend = bend.astype(np.float64) + np.diag(held + 1e-9)
        step = np.linalg.solve(bend, slope)
        size, then = 1.0, now
        while size > 1e-3:
            then, logits = loss(weights - size * step)
            if then <= now - 1e-4 * size * float(slope @ step):
                break
            size /= 2
        if then >= now:
            break
        weights = weights - size * step
        if now - then < 1e-7:
            break
        now = then
    return float(weights[0]), weights[1:]
