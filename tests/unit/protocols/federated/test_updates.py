"""What a partner adds up, and what one person changes about it."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import MalformedMessage
from protocols.federated import fixed_point, updates
from protocols.federated.learning import NONE, People
from protocols.federated.terms import MOST_PAIRED
from tests.support.federation import terms_of
from tests.support.trained_people import SHAPE, matrix, population

TERMS = terms_of(2, one_hot=SHAPE)


def length(update) -> float:
    return math.sqrt(sum(int(value) ** 2 for value in update))


def person(codes, label: int) -> People:
    return People(np.array([codes], np.uint16), np.array([label], np.uint8))


def at(values) -> bytes:
    return fixed_point.sent(TERMS, np.array(values, np.float64))


def test_the_first_round_adds_up_labels_and_people_by_codes_and_pairs_of_codes():
    people = population(400, 1)
    has, signs = matrix(TERMS, people.codes), np.where(people.labels == 1, 1, -1)
    excess, counts, pairs = np.split(
        updates.first(TERMS, people), [TERMS.columns, 2 * TERMS.columns]
    )
    assert (excess == updates.SCALE * (signs @ has)).all()
    assert (counts == updates.SCALE * has.sum(axis=0)).all()
    blocks = np.split(has[:, 1:].T, np.cumsum(SHAPE)[:-1])
    both = [f @ g.T for f, g in itertools.combinations(blocks, 2)]
    scale = updates.pair_scale(TERMS)
    assert (pairs == scale * np.concatenate([block.ravel() for block in both])).all()
    assert len(pairs) == TERMS.pairs


def test_later_rounds_add_up_the_gradient_and_how_it_bends():
    people = population(400, 2)
    weights = np.random.default_rng(3).normal(0, 2, TERMS.columns)
    has = matrix(TERMS, people.codes)
    chance = 1 / (1 + np.exp(-has @ weights))
    found = updates.update(TERMS, 1, people, at(weights)) / updates.UNIT
    gradient, bent = np.split(found, 2)
    # Log-odds are in steps of 1/256: no residual is off by more than 1/2,048 and a rounding.
    off = 400 * (1 / 2048 + 1 / updates.UNIT)
    assert np.abs(gradient - (people.labels - chance) @ has).max() < off
    assert np.abs(bent / updates.BENDING - (chance * (1 - chance)) @ has).max() < off


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.integers(0, 1), st.floats(0, 12))
def test_one_person_moves_the_update_by_no_more_than_is_priced(seed, n, turn, scale):
    people = population(n + 1, seed)
    fewer = People(people.codes[1:], people.labels[1:])
    weights = at(np.random.default_rng(seed).normal(0, scale, TERMS.columns))
    one, other = (updates.update(TERMS, turn, who, weights) for who in (people, fewer))
    moved = one - other
    assert length(moved) <= updates.distance(TERMS, turn)
    alone = People(people.codes[:1], people.labels[:1])
    assert (moved == updates.update(TERMS, turn, alone, weights)).all()


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("furthest", [1.0, 4.0, 20.0])
def test_nobody_at_any_log_odds_adds_a_row_that_is_longer_than_is_priced(label, furthest):
    """The worst people there are: one for each of 4,000 log-odds, each with a code of its own."""
    terms = terms_of(2, one_hot=(4000,))
    weights = fixed_point.sent(terms, np.append(0.0, np.linspace(-furthest, furthest, 4000)))
    codes = np.arange(4000, dtype=np.uint16)[:, np.newaxis]
    people = People(codes, np.full(4000, label, np.uint8))
    residuals, bending = np.split(updates.update(terms, 1, people, weights), 2)
    rows = [
        math.sqrt(2 * (r**2 + b**2))
        for r, b in zip(residuals.tolist(), bending.tolist(), strict=True)
    ][1:]
    assert max(rows) <= updates.distance(terms, 1)
    if furthest == 20.0:
        assert max(rows) > 0.9999 * updates.distance(terms, 1)


@pytest.mark.parametrize("label", [0, 1])
def test_whoever_has_a_code_of_every_feature_moves_the_first_update_by_all_that_is_priced(label):
    """So the price is not above what is needed."""
    moved = updates.first(TERMS, person((3, 0, 5, 1), label))
    assert updates.distance(TERMS, 0) - 1 < length(moved) <= updates.distance(TERMS, 0)
    assert length(updates.first(TERMS, person((3, NONE, 5, 1), label))) < length(moved)


def test_bending_makes_no_row_longer_than_the_residual_alone():
    features = 1 + len(SHAPE)
    assert updates.distance(TERMS, 1) <= math.sqrt(features) * updates.UNIT * (1 + 1e-9)


def test_the_same_people_add_the_same_numbers_in_any_order_and_in_any_company():
    people, weights = population(700, 4), at(np.linspace(-2, 2, TERMS.columns))
    order = np.random.default_rng(5).permutation(700)
    shuffled = People(people.codes[order], people.labels[order])
    for turn in (0, 1):
        whole = updates.update(TERMS, turn, people, weights)
        assert (updates.update(TERMS, turn, shuffled, weights) == whole).all()
        parts = [People(people.codes[i::7], people.labels[i::7]) for i in range(7)]
        apart = [updates.update(TERMS, turn, part, weights) for part in parts]
        assert (np.add.reduce(apart) == whole).all()


def test_the_first_round_looks_at_no_weights():
    people = population(50, 6)
    far = at(np.full(TERMS.columns, 9.0))
    start = fixed_point.start(TERMS)
    assert (updates.update(TERMS, 0, people, far) == updates.update(TERMS, 0, people, start)).all()


def test_nobody_adds_up_to_nothing():
    nobody = People(np.zeros((0, 4), np.uint16), np.zeros(0, np.uint8))
    for turn in (0, 1):
        found = updates.update(TERMS, turn, nobody, fixed_point.start(TERMS))
        assert found.shape == (TERMS.entries(turn),)
        assert not found.any()


def test_weights_beyond_the_bound_are_not_learnt_at():
    beyond = np.full(TERMS.columns, (TERMS.bound << TERMS.fraction_bits) + 1, "<i8").tobytes()
    with pytest.raises(MalformedMessage):
        updates.update(TERMS, 1, population(9, 7), beyond)


def test_pairs_are_counted_up_to_so_many_columns_and_no_further():
    most = terms_of(2, one_hot=(MOST_PAIRED - 2, 1))
    more = terms_of(2, one_hot=(MOST_PAIRED - 1, 1))
    assert (most.pairs, more.pairs) == (MOST_PAIRED - 2, 0)
    assert most.entries(0) == 3 * MOST_PAIRED - 2
    assert more.entries(0) == more.entries(1) == 2 * more.columns
    two = dataclasses.replace(most, one_hot=(5,))
    assert (two.pairs, updates.pair_scale(two)) == (0, 0)
    nobody = People(np.zeros((0, 2), np.uint16), np.zeros(0, np.uint8))
    assert len(updates.first(more, nobody)) == more.entries(0)
