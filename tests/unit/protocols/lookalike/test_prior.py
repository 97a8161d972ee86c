"""The parts of a model: their sizes follow from the noised sum, and what is noise stays small."""

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.lookalike import prior
from protocols.lookalike.representation import LENGTH
from tests.support.lookalikes import Prepared, draws, prepared


@pytest.fixture(scope="module")
def made() -> Prepared:
    return prepared(3000, step=500)


def _rows(p: Prepared) -> NDArray[np.float32]:
    rows = p.made.rows(p.codes)[:, :-1].astype(np.float32) / LENGTH
    return np.asarray(rows - rows.mean(axis=0))


def _explained(p: Prepared, shift: NDArray[np.float64], noise: float) -> NDArray[np.float64]:
    unknown = noise**2 * np.eye(len(shift))
    return prior.explained(p.made, p.codes, _rows(p), shift, unknown)


def test_what_can_be_explained_is_a_covariance(made: Prepared) -> None:
    rows = _rows(made)
    found = _explained(made, rows[made.wanted].mean(axis=0).astype(np.float64), 0.01)
    assert np.allclose(found, found.T, atol=1e-7 * np.abs(found).max())
    assert np.linalg.eigvalsh(found).min() > -1e-5 * np.linalg.eigvalsh(found).max()


def test_a_larger_deviation_is_explained_by_larger_parts(made: Prepared) -> None:
    shift = _rows(made)[made.wanted].mean(axis=0).astype(np.float64)
    sizes = [np.trace(_explained(made, by * shift, 0.01)) for by in (0.1, 1, 3)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_noise_alone_makes_the_parts_smaller_than_usual(made: Prepared) -> None:
    width = made.made.columns - 1
    hidden = _explained(made, np.zeros(width), 1e3)
    nothing = _explained(made, 0.002 * draws(1).normal(size=width), 0.002)
    assert np.trace(nothing) < np.trace(hidden) / 2


def test_a_feature_that_matters_has_a_larger_part_than_one_that_does_not(made: Prepared) -> None:
    rows, codes = _rows(made), made.codes
    told = [b.feature.column for b in made.bins]
    marks = codes[:, told.index("age")] > np.median(codes[:, told.index("age")])
    found = _explained(made, rows[marks].mean(axis=0).astype(np.float64), 0.002)

    def along(name: str) -> float:
        half = codes[:, told.index(name)] > np.median(codes[:, told.index(name)])
        way = rows[half].mean(axis=0).astype(np.float64)
        return float(way @ found @ way / (way @ way))

    assert along("age") > 2 * along("noise")
