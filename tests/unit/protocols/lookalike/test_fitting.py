"""The curve that explains how far the seeds' mean row is from everybody's."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from protocols.lookalike.fitting import BASE_RATE, fit


def _rows(label: int, people: int = 4000, width: int = 5) -> NDArray[np.float32]:
    found = np.random.default_rng(label).normal(size=(people, width)).astype(np.float32)
    return np.asarray(found - found.mean(axis=0))


def _shift(rows: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    likely = expit(rows @ weights - 2.2)
    return np.asarray(likely @ rows / likely.sum(), np.float64)


def test_nothing_unknown_gives_back_the_curve_that_chose_the_seeds() -> None:
    rows, weights = _rows(1), np.array([0.8, -0.5, 0.0, 0.3, -1.0])
    bias, found = fit(rows, _shift(rows, weights), 1e-9 * np.eye(5), 10 * np.eye(5))
    assert np.corrcoef(found, weights)[0, 1] > 0.999
    assert expit(rows @ found + bias).mean() == pytest.approx(BASE_RATE, abs=1e-3)


def test_no_shift_gives_no_weights() -> None:
    bias, found = fit(_rows(2), np.zeros(5), 1e-4 * np.eye(5), np.eye(5))
    assert np.abs(found).max() < 0.02
    assert bias == pytest.approx(np.log(BASE_RATE / (1 - BASE_RATE)), abs=0.01)


def test_what_is_less_known_is_held_back_more() -> None:
    rows, weights = _rows(3), np.full(5, 0.5)
    unknown = np.diag([1e-6, 1e-4, 1e-2, 1.0, 100.0])
    _, found = fit(rows, _shift(rows, weights), unknown, 0.5 * np.eye(5))
    assert found[0] == pytest.approx(0.5, abs=0.05)
    assert list(found) == sorted(found, reverse=True)
    assert abs(found[4]) < 0.01


def test_a_weight_that_is_unlikely_beforehand_stays_small() -> None:
    rows = _rows(4)
    _, found = fit(
        rows, _shift(rows, np.full(5, 0.5)), 1e-4 * np.eye(5), np.diag([1, 1, 1, 1, 0.0])
    )
    assert found[4] == 0
    assert found[0] > 0.3


@pytest.mark.parametrize("size", [1e2, 1e6])
def test_a_shift_that_no_curve_can_make_gives_finite_weights(size: float) -> None:
    bias, found = fit(_rows(5), np.full(5, size), 1e-6 * np.eye(5), np.eye(5))
    assert np.isfinite(found).all()
    assert np.isfinite(bias)
