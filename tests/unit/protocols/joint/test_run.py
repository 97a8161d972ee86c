"""A joint score from end to end: what is fitted, what is scored, and for whom."""

import dataclasses

import numpy as np
import pytest

from protocols.codec import decode, encode
from protocols.errors import InvalidParameter, LocalError, MalformedMessage
from protocols.joint import moments
from protocols.joint.between import TRAINS
from protocols.joint.fitting import TooFewMatches, fit
from protocols.joint.kept import KeptJointModel
from protocols.joint.records import ScoreParams
from protocols.joint.run import joint_bfv, joint_cot
from protocols.joint.scored import MODEL, own_values_of, scores
from protocols.joint.scoring import (
    LARGEST_SUM,
    SCORING,
    ScoredBy,
    ScoreGiven,
    SumsHidden,
    Weights,
)
from protocols.joint.widths import UNIT
from protocols.lookalike.features import NothingToLearn
from protocols.psi import chunks
from protocols.session import Items, Role
from tests.support.joint_runs import CHUNK, params_of, play_joint
from tests.support.pair import CTX, Played
from tests.support.seeded import seeded

OWN, THEIRS = 3, 4
MINE, PARTNERS = list(range(700)), list(range(200, 1100))
BOTH = list(range(200, 700))


def world(seed: int = 1):
    d = np.random.default_rng(seed)
    own = d.integers(0, UNIT + 1, (len(MINE), OWN)).astype(np.uint8)
    columns = d.integers(0, UNIT + 1, (len(PARTNERS), THEIRS)).astype(np.uint8)
    theirs = np.zeros((len(MINE), THEIRS))
    theirs[200:] = columns[:500]
    told = (own[:, 0] + theirs[:, 1] - theirs[:, 2]) / UNIT + d.normal(0, 0.3, len(MINE))
    return own, (told > 0.5).astype(np.uint8), columns


@pytest.fixture(scope="module")
def played() -> Played:
    own, labels, columns = world()
    return play_joint(MINE, PARTNERS, own, labels, columns)


def brand_scores(played: Played, own: int = OWN, theirs: int = THEIRS):
    side, params = played.receiver, params_of(len(PARTNERS) + 5, own, theirs)
    values = own_values_of(side.fetch, Items(len(MINE), CHUNK))[played.matched()]
    return scores(params.second, len(PARTNERS), side.fetch, values[:, 1:].astype(np.uint8))


def test_the_model_is_that_of_the_people_of_both_who_train(played):
    own, labels, columns = world()
    trains = np.frombuffer(played.receiver.chunks[TRAINS], np.uint8).astype(bool)
    assert 330 < trains.sum() < 470, "four in five of 500, by coins"
    who = np.array(played.matched())[trains]
    assert set(np.array(played.matched())) == set(BOTH)
    x, b, y = columns[who - 200].astype(np.int64), own[who], labels[who]
    within = moments.with_products(columns[who - 200]).sum(axis=0, dtype=np.int64)
    across = np.concatenate([UNIT * y[:, None], b], axis=1).astype(np.int64).T @ (x - UNIT // 2)
    wanted = fit(moments.second_moments(b, y, within, across), OWN)
    model = decode(KeptJointModel, played.receiver.chunks[MODEL])
    assert np.allclose(np.array(model.weights) * UNIT / model.per_one, wanted.theirs, atol=1e-6)
    assert np.allclose(np.array(model.own) * UNIT / model.per_one, wanted.own, atol=1e-6)


def test_moments_are_those_of_the_plain_table():
    own, labels, columns = world()
    b, y, x = own[200:], labels[200:], columns[:500]
    within = moments.with_products(x).sum(axis=0, dtype=np.int64)
    vectors = np.concatenate([UNIT * y[:, None], b], axis=1).astype(np.int64)
    across = vectors.T @ (x.astype(np.int64) - UNIT // 2)
    whole = np.concatenate([np.ones((500, 1)), b / UNIT, x / UNIT, y[:, None]], axis=1)
    assert np.allclose(moments.second_moments(b, y, within, across), whole.T @ whole)


def test_the_score_of_each_person_of_both_is_the_weighted_sum_of_all_columns(played):
    own, labels, columns = world()
    model = decode(KeptJointModel, played.receiver.chunks[MODEL])
    who = np.array(played.matched())
    plain = own[who].astype(np.int64) @ model.own_weights()
    plain += columns[who - 200].astype(np.int64) @ np.array(model.weights)
    found = brand_scores(played)
    half_a_step = UNIT * np.abs(model.weights).sum() / 256 / 2 / model.per_one
    assert np.abs(found - model.score(plain)).max() <= half_a_step * 1.001
    assert half_a_step < 0.01
    high, low = found[labels[who] == 1].mean(), found[labels[who] == 0].mean()
    assert high > low + 0.2
    assert played.sender.output == ScoredBy(len(PARTNERS), model.weights)
    assert played.receiver.output == SumsHidden(len(PARTNERS))


@pytest.mark.parametrize("protocol", [joint_bfv(), joint_cot()], ids=lambda p: p.name)
def test_by_either_route(protocol, played):
    own, labels, columns = world()
    found = play_joint(MINE, PARTNERS, own, labels, columns, protocol)
    assert found.receiver.chunks[MODEL] == played.receiver.chunks[MODEL] or brand_scores(
        found
    ) == pytest.approx(brand_scores(played), abs=0.05)


def test_rows_of_nobody_in_common_stay_hidden(played):
    """What came of the other rows is uniform: without the pad nothing can be told of the sum."""
    own, labels, columns = world()
    other = columns.copy()
    other[500:] = UNIT - other[500:]
    again = play_joint(MINE, PARTNERS, own, labels, other)
    # The model is the same: these rows are nobody's in common.
    assert again.receiver.chunks[MODEL] == played.receiver.chunks[MODEL]
    assert np.allclose(brand_scores(again), brand_scores(played))


def test_too_few_people_of_both_are_no_ground():
    own, labels, columns = world()
    with pytest.raises(TooFewMatches):
        play_joint(MINE, list(range(620, 1520)), own, labels, columns)


def test_one_label_for_all_teaches_nothing():
    own, labels, columns = world()
    with pytest.raises(NothingToLearn):
        play_joint(MINE, PARTNERS, own, np.zeros_like(labels), columns)


def test_constant_columns_change_nothing_and_break_nothing():
    own, labels, columns = world()
    own[:, 1] = 7
    columns[:, 3] = 0
    found = play_joint(MINE, PARTNERS, own, labels, columns)
    model = decode(KeptJointModel, found.receiver.chunks[MODEL])
    assert model.weights[3] == 0
    assert np.isfinite(brand_scores(found)).all()


def test_noise_of_the_partner_moves_the_model_a_little():
    own, labels, columns = world()
    params = params_of(len(PARTNERS) + 5, OWN, THEIRS, rho_nano=10_000_000_000)
    found = play_joint(MINE, PARTNERS, own, labels, columns, joint_cot(), params)
    who = np.array(found.matched())
    got = brand_scores(found)
    assert got[labels[who] == 1].mean() > got[labels[who] == 0].mean()


# Hostile


def nothing(name: str) -> bytes:
    raise LocalError(f"there is no {name}")


def test_weights_of_another_number_are_refused():
    begun = SCORING.begin(Role.RESPONDER, ScoreParams(4, 8), CTX, ScoreGiven(8, ()), seeded("x"))
    for values in ((1, 2, 3), (LARGEST_SUM, 0, 0, 0)):
        with pytest.raises(MalformedMessage):
            SCORING.resume(encode(begun.state), encode(Weights(values)), nothing, seeded("y"))


def test_own_weights_that_are_too_large_are_a_fault_here():
    with pytest.raises(InvalidParameter):
        SCORING.begin(Role.INITIATOR, ScoreParams(1, 8), CTX, ScoreGiven(1, (2**40,)), seeded("x"))


def test_sums_are_not_over_other_columns_than_the_score():
    params = params_of(100, OWN, THEIRS)
    with pytest.raises(InvalidParameter):
        dataclasses.replace(params, second=ScoreParams(THEIRS + 1, CHUNK))


def test_values_that_do_not_fit_the_items_are_a_fault_here():
    with pytest.raises(LocalError):
        own_values_of(lambda name: bytes(7), Items(2, CHUNK))
    assert chunks.MATCHED == "matched"
