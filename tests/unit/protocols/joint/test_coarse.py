"""How much of a person a joint score tells whoever knows the weights."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import LocalError
from protocols.joint.coarse import STEPS, coarse
from protocols.joint.fitting import JointModel
from protocols.joint.kept import rounded
from protocols.joint.records import ScoreParams
from protocols.joint.scoring import (
    SCORING,
    Hidden,
    ScoreGiven,
    Weights,
    opened,
    pads_chunk,
    theirs_chunk,
    write_theirs,
)
from protocols.joint.widths import UNIT
from protocols.session import Role
from tests.support.pair import CTX
from tests.support.seeded import seeded

ROWS = 400


def answered(columns: np.ndarray, weights: tuple[int, ...]) -> np.ndarray:
    """Return what a brand reads that has all pads, whatever weights it sends."""
    rows, wide = columns.shape
    pads = np.frombuffer(seeded("pads")(4 * rows), "<u4")
    laid = {theirs_chunk(0): write_theirs(columns), pads_chunk(0): pads.tobytes()}

    def fetch(name: str) -> bytes:
        if name not in laid:
            raise LocalError(f"there is no {name}")
        return laid[name]

    params = ScoreParams(wide, rows)
    begun = SCORING.begin(Role.RESPONDER, params, CTX, ScoreGiven(rows, ()), seeded("x"))
    told = SCORING.resume(encode(begun.state), encode(Weights(weights)), fetch, seeded("y"))
    said = decode(Hidden, encode(told.message))
    return opened(np.frombuffer(said.data, "<u4"), pads)


def test_columns_that_a_brand_lays_beside_each_other_like_digits_are_not_told() -> None:
    """By weights of 1, 33, 33², … an exact sum would be five columns, digit by digit."""
    columns = np.random.default_rng(1).integers(0, UNIT + 1, (ROWS, 5)).astype(np.uint8)
    weights = tuple((UNIT + 1) ** place for place in range(5))
    exact = columns.astype(np.int64) @ np.array(weights)
    assert len(np.unique(exact)) == ROWS, "what is at stake: each person is told apart"
    told = answered(columns, weights)
    assert len(np.unique(told)) <= STEPS + 1
    digits = told[:, None] // np.array(weights) % (UNIT + 1)
    guessed = (digits == columns).mean(axis=0)
    assert (guessed[:3] < 0.1).all(), "beside the two heaviest a digit says nothing"


def test_a_fitted_model_does_not_tell_which_of_many_profiles_a_person_has() -> None:
    """Seven features of six categories: exact sums would tell nearly all 279,936 profiles apart."""
    model = rounded(JointModel(0.1, np.zeros(1), np.random.default_rng(1).normal(0, 0.05, 42)))
    each = np.array(model.weights).reshape(7, 6) * UNIT
    sums = np.zeros(1, np.int64)
    for feature in each:
        sums = (sums[:, None] + feature).ravel()
    assert len(sums) == 6**7
    assert len(np.unique(sums)) > 0.9 * len(sums), "what is at stake"
    assert len(np.unique(coarse(sums, model.weights))) <= STEPS + 1


@given(st.lists(st.integers(-(2**25), 2**25), min_size=1, max_size=43))
def test_whatever_the_weights_a_sum_has_one_of_257_values(weights: list[int]) -> None:
    top = UNIT * sum(w for w in weights if w > 0)
    bottom = UNIT * sum(w for w in weights if w < 0)
    sums = np.linspace(bottom, top, 5000).astype(np.int64)
    found = coarse(sums, weights)
    step = max(1, -(-(top - bottom) // STEPS))
    assert len(np.unique(found)) <= STEPS + 1
    assert (2 * np.abs(found - sums) <= step).all()


@pytest.mark.parametrize("weight", [1, -3, 7])
def test_small_weights_are_told_as_they_are(weight: int) -> None:
    sums = weight * np.arange(UNIT + 1)
    assert np.array_equal(coarse(sums, (weight,)), sums)


def test_people_keep_their_order() -> None:
    weights = (90_000, -4, 17, 2**20)
    rows = np.array(list(itertools.product((0, 5, UNIT), repeat=4)), np.int64)
    sums = np.sort(rows @ np.array(weights))
    assert (np.diff(coarse(sums, weights)) >= 0).all()
