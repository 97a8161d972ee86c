"""How weights are held to 0: neighbouring codes together, where the observation speaks for it."""

import numpy as np
import pytest

from protocols.federated.shrinkage import MOST_ALIKE, alike, posterior

CODES, FEATURES = 9, 6
WHICH = np.append(-1, np.repeat(np.arange(FEATURES), CODES))
PEOPLE, NOISE = 400.0, 60.0
USUAL = 0.08


def seen(weights, draws):
    """What is known and told of weights by people who each have one code of each feature."""
    bend = np.full(len(weights), PEOPLE / 4)
    part = bend / (bend + NOISE**2)
    observed = bend * weights + draws.normal(size=len(weights)) * np.sqrt(bend + NOISE**2)
    return part * bend, part * observed


def error(order, runs=40):
    """How far weights are off that rise from code to code, told in another order of codes."""
    rising = np.append(np.linspace(-0.5, 0.5, CODES - 1), 0)[order]
    truth = np.append(0, np.tile(rising, FEATURES))
    off = []
    for run in range(runs):
        known, told = seen(truth, np.random.default_rng(run))
        off.append(np.square(posterior(known, told, WHICH, USUAL, 0.0) - truth)[1:].mean())
    return float(np.mean(off))


def test_bins_of_a_number_are_told_by_their_neighbours():
    in_order = np.arange(CODES)
    mixed = np.array([4, 0, 6, 2, 7, 1, 5, 3, 8])
    assert error(in_order) < 0.85 * error(mixed)


def test_codes_in_no_order_lose_little(monkeypatch):
    mixed = np.array([4, 0, 6, 2, 7, 1, 5, 3, 8])
    together = error(mixed)
    monkeypatch.setattr("protocols.federated.shrinkage.MOST_ALIKE", 0)
    alike.cache_clear()
    alone = error(mixed)
    alike.cache_clear()
    assert together < 1.15 * alone


def test_a_diagonal_is_the_same_whichever_way_it_is_said():
    known, told = seen(np.linspace(-0.3, 0.3, len(WHICH)), np.random.default_rng(3))
    for ridge in (0.0, 5.0):
        flat = posterior(known, told, WHICH, USUAL, ridge)
        assert flat == pytest.approx(posterior(np.diag(known), told, WHICH, USUAL, ridge))


@pytest.mark.parametrize("codes", [1, 2, 3, MOST_ALIKE + 2])
def test_few_codes_and_names_are_like_none(codes):
    assert not alike(codes).any()


def test_what_is_missing_is_like_none_and_what_all_have_is_left_out():
    found = alike(CODES)
    assert not found[-1].any()
    assert found[:-1, :-1].sum(axis=0) == pytest.approx(0, abs=1e-12)
    assert np.diag(found)[:-1].mean() == pytest.approx(1)
    assert np.linalg.eigvalsh(found).min() > -1e-12
    assert found[0, 1] > found[0, 4]
