"""From one noised sum to a model, at the partner alone, without any further release.

The sum is that of the seeds' rows. The model is a logistic one, of which the sum is all that the
labels are needed for; the rest is the partner's own population. How wide the noise is, is known.
How large the parts of a model probably are follows from the same noised sum (`prior.py`); weights
are held back as far as the noise hides them (`fitting.py`).
"""

import numpy as np
from numpy.typing import NDArray

from protocols.dp import budget
from protocols.errors import DisclosureError, InvalidParameter
from protocols.lookalike import fitting, prior, representation
from protocols.lookalike.encoding import Codes
from protocols.lookalike.features import NothingToLearn
from protocols.lookalike.fitting import Matrix
from protocols.lookalike.kernel import Floats
from protocols.lookalike.model import Model
from protocols.lookalike.representation import Representation
from protocols.lookalike.seeds import FEWEST_SEEDS, split
from protocols.lookalike.sums import COUNTING, LENGTH, SENSITIVITY
from protocols.session import Rng

FITTED = (20_000, 60_000)
"""At least and at most so many people of the population the curve is fitted over."""
FITTED_FOR_EACH_SEED = 6
"""With fewer, who was drawn would blur a model of many seeds more than the seeds do."""
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
    fitted = int(np.clip(FITTED_FOR_EACH_SEED * made.seeds_step, *FITTED))
    people = representation.sample_of(population, fitted, representation.generator(rng))
    rows: Floats = made.rows(people)[:, :-1].astype(np.float32) / np.float32(LENGTH)
    mean = rows.mean(axis=0, dtype=np.float64)
    rows -= np.asarray(mean, np.float32)
    shift = sums[:-1].astype(np.float64) / LENGTH / n - mean
    sigma = budget.sigma_milli(made.rho_nano, SENSITIVITY) / 1000 / LENGTH
    among = (rows.T @ rows).astype(np.float64) / len(rows) + np.diag(np.full(len(mean), 1e-12))
    unknown = among / n + np.diag(np.full(len(mean), (sigma / n) ** 2))
    moved = prior.explained(made, people, rows, shift, unknown)
    bias, weights = fitting.fit(rows, shift, unknown, _root_of_weights(among, moved))
    scale = (LENGTH - 1) / LENGTH / made.length
    inner = weights * scale
    bias -= float(mean @ weights) + float(made.mean @ inner)
    return Model(
        made.bins,
        made.embedding,
        made.landmarks,
        (made.from_embedding @ inner).astype(np.float32),
        (made.from_landmarks @ inner).astype(np.float32),
        bias,
    )


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


def _root_of_weights(among: Matrix, moved: Matrix) -> Matrix:
    """Return a root of the weights' covariance: small weights move the mean row by `among` times.

    What is too small to be told from rounding is set to a little.
    """
    inverse = np.linalg.inv(among)
    spread = inverse @ moved @ inverse
    values, vectors = np.linalg.eigh((spread + spread.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 1e-12 * values.max())))
