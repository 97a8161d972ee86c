"""What the brand's columns say together: trees beside the straight line, by nobody's own label."""

import numpy as np
import pyarrow as pa
import pytest

from protocols.auc import auc
from protocols.codec import decode, encode
from protocols.errors import LocalError
from protocols.joint.basis_learning import learn
from protocols.joint.refining import LEAST, PARTS, Refinement, refine
from protocols.joint.trees import QUESTIONS, TREES, Coded, Trees, grow
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.lookalike.kept import Array

PEOPLE = 4000
FEATURES = FeatureSpecification(
    (
        Feature("x", FeatureKind.NUMERIC),
        Feature("y", FeatureKind.NUMERIC),
        Feature("kind", FeatureKind.CATEGORICAL, categories=("a", "b", "c")),
    )
)


def draws(seed=5):
    return np.random.default_rng(seed)


def world(people=PEOPLE):
    """Who is wanted: whose x and y have one sign, more so where the partner's sum is high; of the
    others, those of kind b. No straight line says any of it but the last."""
    at = draws(1)
    x, y, theirs = at.normal(size=(3, people))
    kind = at.integers(0, 3, people)
    wanted = (x * y > 0) & (theirs > -0.5) | (kind == 1) & (at.random(people) < 0.3)
    table = {"x": pa.array(x), "y": pa.array(y), "kind": pa.array(np.array(list("abc"))[kind])}
    basis = learn(FEATURES, table)
    return basis, basis.encode(table), np.rint(1000 * theirs).astype(np.int64), wanted


def refined(people=PEOPLE, wanted=None):
    basis, own, theirs, told = world(people)
    wanted = told if wanted is None else wanted
    trains = np.arange(people) % 5 > 0
    left = wanted - wanted[trains].mean()
    return basis, own, theirs, wanted, trains, refine(basis, own, theirs, left, trains, draws())


def test_what_columns_do_together_is_found_among_people_who_did_not_train():
    basis, own, theirs, wanted, trains, found = refined()
    assert found is not None
    made, more = found
    judged = auc(more[~trains], wanted[~trains])
    assert judged is not None
    assert judged > 0.9
    # Those who train are scored by trees that have not seen them: as well as anybody else, no more.
    trained = auc(more[trains], wanted[trains])
    assert trained == pytest.approx(judged, abs=0.03)
    later = decode(Refinement, encode(made)).add(basis, own[~trains], theirs[~trains])
    assert (later == more[~trains]).all()


def test_a_persons_own_label_does_not_move_its_score():
    """The labels of one part turned round: its own scores stay, for they are by the others'."""
    basis, own, theirs, wanted = world()
    trains = np.ones(PEOPLE, bool)
    left = wanted - wanted.mean()
    part = np.array_split(draws().permutation(PEOPLE), PARTS)[0]
    turned = left.copy()
    turned[part[:40]] *= -1
    first, second = (refine(basis, own, theirs, one, trains, draws()) for one in (left, turned))
    assert first is not None
    assert second is not None
    assert (first[1][part] == second[1][part]).all()
    assert (first[1] != second[1]).any()


def test_labels_of_who_does_not_train_are_not_looked_at():
    basis, own, theirs, wanted = world()
    trains = np.arange(PEOPLE) % 5 > 0
    left = wanted - 0.5
    other = np.where(trains, left, 99.0)
    first, second = (refine(basis, own, theirs, one, trains, draws()) for one in (left, other))
    assert first is not None
    assert second is not None
    assert (first[1] == second[1]).all()
    assert encode(first[0]) == encode(second[0])


def test_where_there_is_nothing_to_find_there_are_no_trees():
    chance = draws(9).random(PEOPLE) < 0.3
    assert refined(wanted=chance)[-1] is None


def test_few_people_have_none():
    assert refined(LEAST)[-1] is None


def test_what_is_missing_or_new_has_a_place():
    basis, own, theirs, wanted = world()
    table = {
        "x": pa.array([None, 1e300]), "y": pa.array([0.0, None]), "kind": pa.array(["new", None]),
    }  # fmt: skip
    found = refine(basis, own, theirs, wanted - 0.5, np.ones(PEOPLE, bool), draws())
    assert found is not None
    added = found[0].add(basis, basis.encode(table), np.array([-(2**40), 2**40]))
    assert np.isfinite(added).all()


def test_categories_are_told_apart_by_their_labels_in_any_order():
    codes = draws(2).integers(0, 40, (3000, 1)).astype(np.uint16)
    odd = codes[:, 0] % 2 == 1
    people = Coded(codes, (40,), (True,))
    found = grow(people, odd - 0.5, draws()).score(codes)
    assert found[odd].min() > found[~odd].max()


def test_many_people_are_looked_at_in_part_and_all_are_scored():
    codes = draws(2).integers(0, 30, (30_000, 2)).astype(np.uint16)
    wanted = (codes[:, 0] > 14) == (codes[:, 1] > 14)
    people = Coded(codes, (30, 30), (False, False))
    found = grow(people, wanted - 0.5, draws()).score(codes)
    assert np.mean((found > 0) == wanted) > 0.97


def test_trees_that_do_not_hang_together_are_refused():
    asked = Array.of(np.zeros((TREES, QUESTIONS), np.int32))
    leaves = Array.of(np.zeros((TREES, 2**QUESTIONS)))
    places = (Array.of(np.zeros(1, np.int32)),)
    whole = Trees(places, asked, asked, leaves)
    assert whole.score(np.zeros((2, 1), np.uint16)).tolist() == [0, 0]
    for wrong in (
        lambda: Trees((), asked, Array.of(np.zeros((TREES, 1), np.int32)), leaves),
        lambda: Trees((), asked, asked, Array.of(np.zeros((TREES, 1)))),
    ):
        with pytest.raises(LocalError):
            wrong()
