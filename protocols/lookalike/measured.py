"""What noised sums say of the seeds: how far their mean row is from the population's, how surely.

A run has two sums over the seeds that train: a first look, and one over columns that follow from it
(`looking.py`). Both are of the same people, with noise of their own, so together they say more than
the second alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.dp import budget
from protocols.errors import DisclosureError, InvalidParameter
from protocols.lookalike import representation
from protocols.lookalike.encoding import Codes
from protocols.lookalike.features import NothingToLearn
from protocols.lookalike.kernel import Floats
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

Matrix = NDArray[np.float64]


class SeedsNotFound(DisclosureError):
    """Far fewer seeds are in the population than was stated, so there is nothing to learn from."""

    code = "seeds-not-found"


@dataclass(frozen=True, slots=True)
class Look:
    """A noised sum of seeds' rows, and what makes such rows: `Representation.sum_params`.

    Raises: InvalidParameter if it has another number of columns, or values that no sum can have.
    """

    made: Representation
    sums: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.sums.shape != (self.made.columns,):
            raise InvalidParameter("a training sum has one value for each column")
        if np.abs(self.sums.astype(np.float64)).max() > _LARGEST:
            raise InvalidParameter("a training sum is larger than so many seeds can make it")


@dataclass(frozen=True, slots=True)
class Measured:
    """All looks together, over a sample of the population: columns of one after the other."""

    people: Codes
    moments: Floats
    """Their rows, centred: shape (people, columns of all looks)."""
    means: tuple[NDArray[np.float64], ...]
    """What was taken off, of each look."""
    shift: NDArray[np.float64]
    """How far the seeds' mean row is from everybody's, as measured."""
    among: Matrix
    """Covariance of rows among people."""
    unknown: Matrix
    """Covariance of what is not known of `shift`: who the seeds are by chance, and the noise."""


def measured(looks: tuple[Look, ...], population: Codes, rng: Rng) -> Measured:
    """Return what the looks say together.

    Raises: SeedsNotFound, NothingToLearn by the noised number of seeds: nothing else is told by it.
    """
    n = count_of(looks, len(population))
    fitted = int(np.clip(FITTED_FOR_EACH_SEED * looks[0].made.seeds_step, *FITTED))
    people = representation.sample_of(population, fitted, representation.generator(rng))
    rows = [
        look.made.rows(people)[:, :-1].astype(np.float32) / np.float32(LENGTH) for look in looks
    ]
    means = tuple(np.asarray(part.mean(axis=0, dtype=np.float64)) for part in rows)
    moments: Floats = np.concatenate(rows, axis=1)
    moments -= np.concatenate(means).astype(np.float32)
    sums = np.concatenate([look.sums[:-1] for look in looks]).astype(np.float64)
    noise = [np.full(len(look.sums) - 1, _sigma(look.made.rho_nano) / LENGTH) for look in looks]
    among = (moments.T @ moments).astype(np.float64) / len(people)
    among[np.diag_indices_from(among)] += 1e-12
    unknown = among / n + np.diag(np.square(np.concatenate(noise) / n))
    shift = sums / LENGTH / n - np.concatenate(means)
    return Measured(people, moments, means, shift, among, unknown)


def count_of(looks: tuple[Look, ...], people: int) -> float:
    """Return how many seeds trained, as far as the noise and the stated step say.

    Raises: SeedsNotFound; NothingToLearn if nearly everybody is a seed.
    """
    rho = [look.made.rho_nano for look in looks]
    counted = float(np.average([look.sums[-1] / COUNTING for look in looks], weights=rho))
    least = split(max(looks[0].made.seeds_step, FEWEST_SEEDS)).training
    sigma = _sigma(sum(rho)) / COUNTING
    if counted < least - _SURE * sigma:
        raise SeedsNotFound
    if counted - _SURE * sigma > _NEARLY_ALL * people:
        raise NothingToLearn("nearly everybody in the population is a seed")
    return float(np.clip(counted, least, 2.5 * least))


def _sigma(rho_nano: int) -> float:
    return budget.sigma_milli(rho_nano, SENSITIVITY) / 1000
