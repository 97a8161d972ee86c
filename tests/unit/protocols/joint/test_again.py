"""Scores by an earlier model: what a plain computation says, for who matches, by its weights."""

import dataclasses

import numpy as np
import pytest

from protocols.codec import encode
from protocols.errors import InvalidParameter, LocalError, MalformedMessage
from protocols.joint.asked_again import JointAgain, params_for
from protocols.joint.coarse import coarse
from protocols.joint.kept import KeptJointModel
from protocols.joint.records import ScoreParams
from protocols.joint.scored import own_values_of, scores
from protocols.joint.scoring import (
    LARGEST_SUM,
    SCORING,
    OtherWeights,
    ScoredBy,
    ScoreGiven,
    SumsHidden,
    Weights,
)
from protocols.joint.widths import MOST_COLUMNS, UNIT
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.session import Items, Role
from tests.support.joint_runs import AGAIN, again_params, play_again
from tests.support.pair import CTX, Played
from tests.support.seeded import seeded

MINE, PARTNERS = list(range(60)), list(range(35, 120))
BOTH = list(range(35, 60))
MODEL = KeptJointModel(123_000_000, (900, -20, 7), (-5, 400_000, 31, -2), 40_000_000)
CHUNK = 16


def columns(people: int, wide: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, UNIT + 1, (people, wide)).astype(np.uint8)


OWN, THEIRS = columns(len(MINE), 3, 1), columns(len(PARTNERS), 4, 2)


def play(theirs: list[int] = PARTNERS, **more) -> Played:
    shown = more.pop("known", MODEL.weights)
    return play_again(MINE, theirs, OWN, THEIRS[: len(theirs)], MODEL, shown, chunk=CHUNK, **more)


def test_the_score_of_each_person_of_both_is_what_the_model_says():
    played = play()
    assert played.matched() == BOTH
    values = own_values_of(played.receiver.fetch, Items(len(MINE), CHUNK))[played.matched()]
    params = again_params(len(PARTNERS), 4, CHUNK).second
    found = scores(params, len(PARTNERS), played.receiver.fetch, values.astype(np.uint8))
    theirs = coarse(THEIRS[:25].astype(np.int64) @ np.array(MODEL.weights), MODEL.weights)
    weighed = OWN[35:60].astype(int) @ MODEL.own + theirs
    assert np.array_equal(found, 0.123 + weighed / 40_000_000)
    assert played.receiver.output == SumsHidden(len(PARTNERS))
    assert played.sender.output == ScoredBy(len(PARTNERS), MODEL.weights)


def test_the_partner_scores_by_no_weights_but_those_it_was_shown():
    """A single column of the people of both could be read by a weight on that one alone."""
    probing = dataclasses.replace(MODEL, weights=(0, 400_000, 0, 0))
    with pytest.raises(OtherWeights):
        play_again(MINE, PARTNERS, OWN, THEIRS, probing, MODEL.weights, chunk=CHUNK)


def test_what_is_sent_tells_nothing_of_how_many_match():
    def lengths(played: Played) -> list[list[int]]:
        return [[len(m) for m in side.sent] for side in (played.receiver, played.sender)]

    none = play([n + 1000 for n in PARTNERS])
    assert none.matched() == []
    assert lengths(none) == lengths(play())


def test_weights_that_do_not_fit_are_refused_before_they_are_compared():
    known = ScoreGiven(8, (1, 2))
    begun = SCORING.begin(Role.RESPONDER, ScoreParams(2, 8), CTX, known, seeded("x"))

    def nothing(name: str) -> bytes:
        raise LocalError(f"there is no {name}")

    for values in ((1,), (1, 2, 3), (LARGEST_SUM, 0)):
        with pytest.raises(MalformedMessage):
            SCORING.resume(encode(begun.state), encode(Weights(values)), nothing, seeded("y"))
    with pytest.raises(OtherWeights):
        SCORING.resume(encode(begun.state), encode(Weights((2, 1))), nothing, seeded("y"))


def test_kept_weights_of_another_number_are_a_fault_here():
    with pytest.raises(InvalidParameter):
        play(known=(1, 2, 3, 4, 5))


def test_rows_are_cut_as_items_are_and_labels_hold_a_pad():
    params = again_params(100, 4)
    with pytest.raises(InvalidParameter):
        dataclasses.replace(params, second=ScoreParams(4, CHUNK))
    with pytest.raises(InvalidParameter):
        dataclasses.replace(params, first=dataclasses.replace(params.first, label_bytes=4))


# The question


def spec(*names: str) -> FeatureSpecification:
    return FeatureSpecification(tuple(Feature(name, FeatureKind.NUMERIC) for name in names))


ASKED = JointAgain("0f" * 16, "customers", spec("visits"), "readers", spec("age", "income"), 10**7)


def test_nodes_run_it_with_the_parameters_that_follow_from_the_columns():
    params = params_for(ASKED)
    assert params.second.columns == MOST_COLUMNS
    assert params.chunk_items == params.second.chunk_rows
    assert params.per_person == 1
    assert AGAIN.params is type(params)


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "0F" * 16}, {"by": ""}, {"by": "../models"}, {"rho_nano": 0},
        {"rho_nano": 10**10 + 1}, {"theirs": spec(*(f"x{n}" for n in range(44)))},
    ],
)  # fmt: skip
def test_a_question_that_nobody_could_be_scored_by_is_refused(wrong):
    with pytest.raises(InvalidParameter):
        dataclasses.replace(ASKED, **wrong)
