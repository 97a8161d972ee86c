"""What a joint score's sums and weights tell of single people to a side that chooses its columns.

Without noise the sums tell all, as the docs say. Weights tell nothing of one person by a column of
few, and still do by two columns that differ in one.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from protocols.joint import moments
from protocols.joint.basis_learning import learn
from protocols.joint.between import TRAINS
from protocols.joint.widths import UNIT
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.sums.layout import plain_sums
from tests.support.joint_runs import params_of, play_joint

PEOPLE, THEIRS = 500, 20
VICTIMS = range(40, 56)
RHO = 20_000_000
_NONE = np.zeros((PEOPLE, 0), np.uint16)


def brand_columns() -> np.ndarray:
    """Return columns of a brand that gives each of sixteen people a category of their own."""
    names = [f"v{n}" for n in VICTIMS]
    said = ["other"] * PEOPLE
    for name, person in zip(names, VICTIMS, strict=True):
        said[person] = name
    feature = Feature("segment", FeatureKind.CATEGORICAL, categories=tuple(names))
    table = {"segment": pa.array(said)}
    return learn(FeatureSpecification((feature,)), table).encode(table)


def test_without_noise_a_column_that_one_person_has_tells_all_columns_of_that_person() -> None:
    """Known, and said in docs/concepts/joint-score.md: `noise: true` is there for it."""
    own = brand_columns()
    theirs = np.random.default_rng(1).integers(0, UNIT + 1, (PEOPLE, THEIRS)).astype(np.uint8)
    values = np.concatenate([np.zeros((PEOPLE, 1), np.int32), own], axis=1)
    layout = moments.across_params(THEIRS, own.shape[1], PEOPLE, 0).layout
    across = plain_sums(layout, moments.vectors_of(values), moments.plainly(theirs), _NONE)
    told = across[1:] // UNIT + moments.MIDDLE
    assert np.array_equal(told, theirs[list(VICTIMS)])


def test_with_noise_a_single_person_is_drowned() -> None:
    params = moments.across_params(THEIRS, 16, PEOPLE, RHO // 2)
    one_person = UNIT * UNIT
    assert min(params.sigma_milli) / 1000 > 50 * one_person
    within = moments.within_params(THEIRS, PEOPLE, RHO // 2)
    assert min(within.sigma_milli) / 1000 > 50 * one_person


def shown(more: np.ndarray) -> tuple[np.ndarray, dict[int, int]]:
    """Return the weights of these columns of the partner's, and who trains with which label.

    The brand has people 0 to 599, the partner 200 to 1,099.
    """
    d = np.random.default_rng(3)
    own = d.integers(0, UNIT + 1, (600, 3)).astype(np.uint8)
    plain = d.integers(0, UNIT + 1, (900, 2)).astype(np.uint8)
    labels = (own[:, 0] > 12).astype(np.uint8)
    columns = np.concatenate([plain, more], axis=1)
    params = params_of(905, 3, columns.shape[1])
    mine, theirs = list(range(600)), list(range(200, 1100))
    played = play_joint(mine, theirs, own, labels, columns, params=params)
    trains = np.frombuffer(played.receiver.chunks[TRAINS], np.uint8).astype(bool)
    who = [n for n, counts in zip(played.matched(), trains, strict=True) if counts]
    return np.array(played.sender.output.weights[2:]), {n: int(labels[n]) for n in who}


def columns_of(*groups: Iterable[int]) -> np.ndarray:
    """Return a column for each group of people, that nobody else has."""
    found = np.zeros((900, len(groups)), np.uint8)
    for at, group in enumerate(groups):
        found[np.array([*group]) - 200, at] = UNIT
    return found


def test_a_column_that_few_have_weighs_nothing_whether_they_match_or_not() -> None:
    """Its weight would say of one person whether the brand has them, and with which label."""
    weights, trains = shown(
        columns_of([250], [251], [252], [900], range(300, 307), range(900, 1000))
    )
    assert {250, 251, 252} & trains.keys(), "somebody was there to be told of"
    assert not weights.any()


def test_a_column_that_many_have_weighs_something() -> None:
    weights, trains = shown(columns_of(range(200, 260), set(range(200, 1100)) - {*range(400, 450)}))
    assert len(trains) > 300
    assert (np.abs(weights) > 1000).all()


def test_two_columns_that_differ_in_one_person_tell_of_that_person() -> None:
    """Known, and said in docs/concepts/joint-score.md: weights are exact."""
    group = range(200, 260)
    _, trains = shown(columns_of(group))
    there, absent = next(n for n in range(300, 400) if n in trains), 900
    told = [shown(columns_of(group, [*group, one]))[0] for one in (there, absent)]
    # Of nobody in common the second column is the first again: both weigh the same.
    assert abs(told[1][0] - told[1][1]) < 100
    assert abs(told[0][0] - told[0][1]) > 10_000
