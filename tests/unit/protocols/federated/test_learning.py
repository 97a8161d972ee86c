"""The local model and its noise: what is fitted, what one person changes, what it costs."""

import dataclasses
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from protocols.dp import budget, vector_noise
from protocols.dp.noise import NoiseNotProven
from protocols.errors import LocalError
from protocols.federated import fixed_point, learning, noise
from protocols.federated.learning import NONE, People
from tests.support.federation import terms_of

ROOT = Path(__file__).parents[4]
SHAPE = (4, 3, 6, 2)


def population(n: int, seed: int, shape=SHAPE) -> People:
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(0, k, n) for k in shape], axis=1).astype(np.uint16)
    codes[rng.random(codes.shape) < 0.05] = NONE
    terms = terms_of(2, one_hot=shape)
    truth = np.random.default_rng(7).normal(0, 1, terms.columns)
    chance = 1 / (1 + np.exp(-learning.score(terms, truth, codes)))
    return People(codes, (rng.random(n) < chance).astype(np.uint8))


def matrix(terms, codes) -> np.ndarray:
    found = np.zeros((len(codes), terms.columns + 1))
    np.put_along_axis(found, learning.columns_of(terms, codes), 1.0, axis=1)
    return found[:, :-1]


def test_the_fit_is_that_of_scikit_learn():
    people, terms = population(800, 1), terms_of(2, one_hot=SHAPE, sizes=(700, 900))
    fitted = learning.fit(terms, 0, people, np.zeros(terms.columns))
    reference = LogisticRegression(
        C=1 / (terms.ridge_milli / 1000 * 700), fit_intercept=False, tol=1e-10, max_iter=1000
    ).fit(matrix(terms, people.codes), people.labels)
    assert np.abs(fitted - reference.coef_[0]).max() < 1e-5


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(1, 300), st.floats(-3, 3))
def test_one_person_moves_the_update_by_no_more_than_is_priced(seed, n, size, start):
    people = population(n + 1, seed)
    terms = terms_of(2, one_hot=SHAPE, sizes=(size, size))
    fewer = People(people.codes[1:], people.labels[1:])
    at = np.full(terms.columns, start)
    one, other = (
        fixed_point.update_of(terms, 0, learning.fit(terms, 0, who, at)) for who in (people, fewer)
    )
    moved = math.sqrt(sum(int(d) ** 2 for d in one - other))
    assert moved <= noise.distance(terms, 0)


def test_the_worst_person_moves_it_by_a_good_part_of_what_is_priced():
    """So the price is not far above what is needed."""
    terms = terms_of(2, one_hot=SHAPE, sizes=(1000, 1000), ridge_milli=10_000)
    nobody = People(np.zeros((0, 4), np.uint16), np.zeros(0, np.uint8))
    somebody = People(np.zeros((1, 4), np.uint16), np.ones(1, np.uint8))
    zero = np.zeros(terms.columns)
    moved = learning.fit(terms, 0, somebody, zero) - learning.fit(terms, 0, nobody, zero)
    update = fixed_point.update_of(terms, 0, moved)
    assert np.linalg.norm(update) > 0.49 * noise.distance(terms, 0)


@pytest.mark.parametrize("labels", [0, 1])
def test_one_class_of_labels_still_settles(labels):
    people = population(200, 3)
    one = dataclasses.replace(people, labels=np.full(200, labels, np.uint8))
    terms = terms_of(2, one_hot=SHAPE, ridge_milli=1)
    fitted = learning.fit(terms, 0, one, np.zeros(terms.columns))
    assert np.isfinite(fitted).all()
    assert (fitted[0] > 0) == (labels == 1)


def test_nobody_leaves_the_weights_where_they_were():
    terms = terms_of(2, one_hot=SHAPE)
    start = np.linspace(-1, 1, terms.columns)
    nobody = People(np.zeros((0, 4), np.uint16), np.zeros(0, np.uint8))
    assert learning.fit(terms, 0, nobody, start) == pytest.approx(start)


def test_columns_without_any_value_get_no_weight():
    people, terms = population(300, 4), terms_of(2, one_hot=SHAPE)
    people.codes[:, 2] = NONE
    fitted = learning.fit(terms, 0, people, np.zeros(terms.columns))
    assert fitted[8:14] == pytest.approx(np.zeros(6))


def test_a_start_far_away_settles_too():
    people, terms = population(300, 5), terms_of(2, one_hot=SHAPE, ridge_milli=1)
    fitted = learning.fit(terms, 0, people, np.full(terms.columns, 30.0))
    assert np.isfinite(fitted).all()


@pytest.mark.parametrize(
    "codes",
    [np.full((2, 4), 6, np.uint16), np.zeros((2, 3), np.uint16), np.zeros((3, 4), np.uint16)],
)
def test_codes_that_do_not_fit_are_refused(codes):
    def train():
        people = People(codes, np.zeros(2, np.uint8))
        return learning.fit(terms_of(2, one_hot=SHAPE), 0, people, np.zeros(16))

    with pytest.raises(LocalError):
        train()


def test_labels_other_than_0_and_1_are_refused():
    with pytest.raises(LocalError):
        People(np.zeros((1, 4), np.uint16), np.full(1, 2, np.uint8))


@pytest.mark.parametrize("rho_nano", [0, 100_000_000])
def test_the_common_model_is_nearly_that_of_all_people_together(rho_nano):
    """AUC at least 0.99 of the same model on pooled data; the noise is drawn anew each time."""
    everybody, held_out = population(9000, 6), population(4000, 8)
    parts = [People(everybody.codes[i::3], everybody.labels[i::3]) for i in range(3)]
    terms = terms_of(3, one_hot=SHAPE, sizes=(3000,) * 3, rho_nano=rho_nano)
    weights = fixed_point.start(terms)
    for _ in range(terms.rounds):
        start = fixed_point.read_weights(terms, weights)
        fitted = [learning.fit(terms, i, part, start) for i, part in enumerate(parts)]
        updates = [
            noise.add(terms, i, fixed_point.update_of(terms, i, w)) for i, w in enumerate(fitted)
        ]
        weights = fixed_point.average(terms, np.add.reduce(updates), 9000)
    pooled_terms = terms_of(2, one_hot=SHAPE, sizes=(9000, 1))
    pooled = learning.fit(pooled_terms, 0, everybody, np.zeros(terms.columns))

    def auc(w):
        return roc_auc_score(held_out.labels, learning.score(terms, w, held_out.codes))

    assert auc(fixed_point.read_weights(terms, weights)) >= 0.99 * auc(pooled)


@pytest.mark.slow
def test_three_partners_at_epsilon_one_are_within_a_hundredth_of_pooled_adults():
    """UCI Adult, 40,842 people of three partners, two rounds; 8,000 people are held out."""
    codes, labels, sizes = adults()
    order = np.random.default_rng(1).permutation(len(labels))
    held_out, parts = order[:8000], np.array_split(order[8000:], 3)
    counts = tuple(len(part) for part in parts)
    terms = terms_of(3, one_hot=sizes, sizes=counts, rho_nano=8_000_000)
    assert budget.epsilon(terms.rounds * terms.rho_nano, 8) <= 1
    weights = fixed_point.start(terms)
    for _ in range(terms.rounds):
        start, updates = fixed_point.read_weights(terms, weights), []
        for i, part in enumerate(parts):
            fitted = learning.fit(terms, i, People(codes[part], labels[part]), start)
            updates.append(noise.add(terms, i, fixed_point.update_of(terms, i, fitted)))
        weights = fixed_point.average(terms, np.add.reduce(updates), sum(counts))
    together = terms_of(2, one_hot=sizes, sizes=(sum(counts), 1))
    everybody = np.concatenate(parts)
    pooled = learning.fit(
        together, 0, People(codes[everybody], labels[everybody]), np.zeros(terms.columns)
    )
    found = fixed_point.read_weights(terms, weights)
    auc, best = (
        roc_auc_score(labels[held_out], learning.score(terms, w, codes[held_out]))
        for w in (found, pooled)
    )
    assert best > 0.87
    assert auc >= 0.99 * best


def adults():
    """Return codes, labels and code counts; numbers with many values are cut into eighths."""
    table = pq.read_table(ROOT / "party_node/demo/data/adult.parquet")
    columns, sizes = [], []
    for name in (n for n in table.column_names if n != "income"):
        values = np.array(table[name].to_pylist())
        if values.dtype.kind in "if" and len(np.unique(values)) > 20:
            cuts = np.unique(np.quantile(values, np.linspace(0, 1, 9)[1:-1]))
            columns.append(np.searchsorted(cuts, values, side="right"))
            sizes.append(len(cuts) + 1)
        else:
            kinds, found = np.unique(values.astype(str), return_inverse=True)
            columns.append(found)
            sizes.append(len(kinds))
    rich = [str(v).strip().startswith(">50") for v in table["income"].to_pylist()]
    return np.stack(columns, 1).astype(np.uint16), np.array(rich, np.uint8), tuple(sizes)


# Noise


def test_the_price_of_the_noise_is_what_is_charged():
    terms = terms_of(2, one_hot=SHAPE, rho_nano=5_000_000)
    rho = Fraction(5, 1000)
    price = vector_noise.gaussian_price(noise.sigma(terms, 0), noise.distance(terms, 0))
    assert rho * Fraction(999_999, 10**6) < price <= rho


def test_noise_is_on_every_column_and_has_its_scale():
    terms = terms_of(2, one_hot=(4000,), rho_nano=5_000_000)
    drawn = noise.add(terms, 0, np.zeros(terms.columns, np.int64)) / noise.sigma(terms, 0)
    assert (drawn != 0).all()
    # The mean of 4,001 squares: standard deviation 0.0224, so seven of them, about 3e-12.
    assert abs(float((drawn**2).mean()) - 1) < 0.157


def test_noise_that_costs_more_than_was_charged_is_not_drawn():
    with pytest.raises(NoiseNotProven):
        vector_noise.draw_gaussian([0, 0], 10.0, Fraction(1, 200), 1.001)


def test_terms_without_a_price_add_no_noise():
    terms, update = terms_of(2), np.arange(6)
    assert (noise.add(terms, 0, update) == update).all()
    assert noise.weight_noise(terms) == 0


def test_the_noise_of_the_model_is_that_of_all_partners_together():
    terms = terms_of(2, rho_nano=5_000_000, sizes=(1000, 3000))
    both = math.hypot(noise.sigma(terms, 0), noise.sigma(terms, 1))
    assert noise.weight_noise(terms) == pytest.approx(both / 4000 / 2**20)
