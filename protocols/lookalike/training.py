"""From noised sums to a model, at the partner alone, without any further release.

The sums are of the seeds' rows. The model is a logistic one, of which such sums are all that the
labels are needed for; the rest is the partner's own population. How wide the noise is, is known.
How large the parts of a model probably are follows from the same noised sums (`prior.py`); weights
are held back as far as the noise hides them (`fitting.py`).
"""

import numpy as np
from numpy.typing import NDArray

from protocols.lookalike import fitting, prior
from protocols.lookalike.encoding import Codes
from protocols.lookalike.fitting import Matrix
from protocols.lookalike.measured import Look, measured
from protocols.lookalike.model import Model
from protocols.lookalike.representation import Representation
from protocols.lookalike.sums import LENGTH
from protocols.session import Rng


def train(
    made: Representation,
    population: Codes,
    sums: NDArray[np.int64],
    rng: Rng,
    before: Look | None = None,
) -> Model:
    """Return the model of a noised sum, as `Representation.sum_params` describes it.

    It is made of the columns of `made`; what an earlier look at the same seeds has measured counts
    too. Raises: SeedsNotFound, NothingToLearn by the noised number of seeds; InvalidParameter if a
    sum has another number of columns, or values that no sum can have.
    """
    looks = (Look(made, sums), *([before] if before else ()))
    told = measured(looks, population, rng)
    own = made.columns - 1
    moved = prior.explained(made, told.people, told.moments, told.shift, told.unknown)
    root = _root_of_weights(told.among[:own, :own], moved)
    bias, weights = fitting.fit(told.moments, told.shift, told.unknown, root)
    inner = weights * ((LENGTH - 1) / LENGTH / made.length)
    bias -= float(told.means[0] @ weights) + float(made.mean @ inner)
    return Model(
        made.bins,
        made.embedding,
        made.landmarks,
        (made.from_embedding @ inner).astype(np.float32),
        (made.from_landmarks @ inner).astype(np.float32),
        bias,
    )


def _root_of_weights(among: Matrix, moved: Matrix) -> Matrix:
    """Return a root of the weights' covariance: small weights move the mean row by `among` times.

    What is too small to be told from rounding is set to a little.
    """
    inverse = np.linalg.inv(among)
    spread = inverse @ moved @ inverse
    values, vectors = np.linalg.eigh((spread + spread.T) / 2)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 1e-12 * values.max())))
