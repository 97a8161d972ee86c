"""The common model that follows from sums: how good it is, and what little data make of it."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from protocols.dp import budget
from protocols.federated import foretold, learning, moments, updates
from protocols.federated import terms as agreed
from protocols.federated.learning import People
from tests.support.federation import terms_of
from tests.support.trained_people import SHAPE, adults, matrix, pooled, population, trained


def thirds(people: People) -> list[People]:
    return [People(people.codes[i::3], people.labels[i::3]) for i in range(3)]


def auc(terms, weights, people: People) -> float:
    return float(roc_auc_score(people.labels, learning.score(terms, weights, people.codes)))


def test_without_noise_it_is_nearly_the_regression_on_everybodys_rows():
    people = population(15_000, 6)
    terms = terms_of(3, one_hot=SHAPE, sizes=(5000,) * 3, rounds=4)
    found, best = trained(terms, thirds(people)), pooled(terms, people, 1e-6)
    ours, theirs = (matrix(terms, people.codes) @ weights for weights in (found, best))
    assert np.corrcoef(ours, theirs)[0, 1] > 0.9995
    assert np.abs(ours - theirs).max() < 0.3


@pytest.mark.parametrize("rho_nano", [0, 100_000_000])
@pytest.mark.parametrize("gone", [frozenset(), frozenset({2})])
def test_the_common_model_is_nearly_that_of_all_people_together(rho_nano, gone):
    """AUC at least 0.99 of the same model on pooled data; the noise is drawn anew each time."""
    everybody, held_out = population(9000, 6), population(4000, 8)
    terms = terms_of(3, one_hot=SHAPE, sizes=(3000,) * 3, rho_nano=rho_nano)
    found = auc(terms, trained(terms, thirds(everybody), gone), held_out)
    assert found >= 0.99 * auc(terms, pooled(terms, everybody, 0.001), held_out)


def test_it_does_not_matter_how_people_are_divided():
    """With nobody gone the sums are the same, whatever one partner alone would have learnt."""
    people = population(6000, 9)
    terms = terms_of(3, one_hot=SHAPE, sizes=(2000,) * 3)
    order = np.argsort(people.labels, kind="stable")
    by_label = [People(people.codes[p], people.labels[p]) for p in np.array_split(order, 3)]
    assert (trained(terms, by_label) == trained(terms, thirds(people))).all()


def test_a_feature_that_only_repeats_another_does_not_count_twice():
    people = population(12_000, 10)
    twice = People(np.concatenate([people.codes, people.codes[:, :1]], axis=1), people.labels)
    terms = terms_of(3, one_hot=(*SHAPE, SHAPE[0]), sizes=(4000,) * 3)
    once = terms_of(3, one_hot=SHAPE, sizes=(4000,) * 3)
    scores = learning.score(terms, trained(terms, thirds(twice)), twice.codes)
    alone = learning.score(once, trained(once, thirds(people)), people.codes)
    assert np.corrcoef(scores, alone)[0, 1] > 0.995


def test_features_that_weigh_nothing_are_nearly_left_out():
    people = population(9000, 11)
    rng = np.random.default_rng(12)
    idle = rng.integers(0, 5, (9000, 10)).astype(np.uint16)
    with_idle = People(np.concatenate([people.codes, idle], axis=1), people.labels)
    terms = terms_of(
        3, one_hot=(*SHAPE, *(5,) * 10), sizes=(3000,) * 3, rho_nano=20_000_000, rounds=2
    )
    weights = trained(terms, thirds(with_idle))
    used, left = weights[1 : 1 + sum(SHAPE)], weights[1 + sum(SHAPE) :]
    assert np.abs(left).mean() < 0.2 * np.abs(used).mean()


def test_noise_that_drowns_everything_leaves_weights_near_0():
    terms = terms_of(3, one_hot=SHAPE, sizes=(300,) * 3, rho_nano=1000)
    weights = trained(terms, thirds(population(900, 13)))
    assert np.abs(weights[1:]).max() < 2


@pytest.mark.parametrize("labels", [0, 1])
def test_one_class_of_labels_still_ends_in_a_model(labels):
    people = population(600, 3)
    one = dataclasses.replace(people, labels=np.full(600, labels, np.uint8))
    weights = trained(terms_of(3, one_hot=SHAPE, rounds=3), thirds(one))
    assert (weights[0] > 0) == (labels == 1)


def test_nobody_at_all_ends_in_a_model_too():
    nobody = [People(np.zeros((0, 4), np.uint16), np.zeros(0, np.uint8))] * 3
    assert np.isfinite(trained(terms_of(3, one_hot=SHAPE), nobody)).all()


def test_codes_without_anybody_get_no_weight():
    people = population(3000, 4)
    people.codes[:, 2] = learning.NONE
    weights = trained(terms_of(3, one_hot=SHAPE), thirds(people))
    assert np.abs(weights[8:14]).max() < 0.01


def test_a_ridge_that_is_asked_for_holds_weights_to_0():
    people = population(6000, 5)
    free, held = (
        trained(terms_of(3, one_hot=SHAPE, ridge_milli=ridge), thirds(people)) for ridge in (0, 100)
    )
    assert np.abs(held).sum() < 0.6 * np.abs(free).sum()


def test_many_codes_are_learnt_without_pairs(monkeypatch):
    monkeypatch.setattr(agreed, "MOST_PAIRED", 4)
    people, held_out = population(9000, 6), population(4000, 8)
    terms = terms_of(3, one_hot=SHAPE, sizes=(3000,) * 3, rho_nano=100_000_000)
    assert terms.pairs == 0
    found = auc(terms, trained(terms, thirds(people)), held_out)
    assert found >= 0.99 * auc(terms, pooled(terms, people, 0.001), held_out)


def test_what_is_foretold_of_a_round_is_nearly_what_the_round_says():
    people, terms = population(20_000, 14), terms_of(2, one_hot=SHAPE)
    first = updates.first(terms, people).astype(np.float64)
    weights = np.random.default_rng(15).normal(0, 0.7, terms.columns)
    gradient, bent = foretold.gradient_at(moments.read(terms, first, 2), weights)
    has = matrix(terms, people.codes)
    chance = 1 / (1 + np.exp(-has @ weights))
    counts = has.sum(axis=0)
    assert np.abs(gradient - (people.labels - chance) @ has).max() < 0.02 * counts[0]
    assert np.abs(bent - (chance * (1 - chance)) @ has / counts).max() < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("gone", [frozenset(), frozenset({2})])
def test_three_partners_at_epsilon_one_are_within_a_hundredth_of_pooled_adults(gone):
    """UCI Adult, 40,842 people of three partners, two rounds; 8,000 people are held out."""
    codes, labels, sizes = adults()
    order = np.random.default_rng(1).permutation(len(labels))
    held_out, *parts = (
        People(codes[part], labels[part])
        for part in (order[:8000], *np.array_split(order[8000:], 3))
    )
    counts = tuple(len(part.labels) for part in parts)
    terms = terms_of(3, one_hot=sizes, sizes=counts, rho_nano=8_000_000)
    assert budget.epsilon(terms.rounds * terms.rho_nano, 8) <= 1
    everybody = People(codes[order[8000:]], labels[order[8000:]])
    best = auc(terms, pooled(terms, everybody, 0.01), held_out)
    assert best > 0.87
    assert auc(terms, trained(terms, parts, gone), held_out) >= 0.99 * best
