"""What looks and tables tell of single people to a side that chooses its columns, or changes its
node.

Cells of fewer than ten people say nothing in a table. That holds against no partner who knows the
others of a cell, and none that adds up otherwise than agreed. `docs/concepts/joint-score.md` says
so, and that `noise: true` has neither looks nor tables.
"""

import numpy as np
import pytest

from protocols.auc import auc
from protocols.joint.coarse import coarse
from protocols.joint.fitting import left_of
from protocols.joint.looks import LEFT_UNIT, Look, look_of, params_of
from protocols.joint.table_learning import Looked, learn, quantised
from protocols.joint.tables import Table, Tables
from protocols.joint.widths import TABLES, UNIT
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification
from protocols.sums.layout import plain_sums

FEW = 9
NAMED = FeatureSpecification(
    tuple(Feature(f"f{n}", FeatureKind.CATEGORICAL) for n in range(5)),
)
"""Five features of a partner's, whose categories the question does not state."""
Codes = np.ndarray
Floats = np.ndarray


def sums(look: Look, bins: Codes, left: Floats) -> np.ndarray:
    """Return what a look adds up over people who train."""
    cells = look.cells_of(bins.astype(np.uint16))
    weights = quantised(left)
    many, added = (
        [np.bincount(cells[:, at], each, size) for at, size in enumerate(look.sizes)]
        for each in (None, weights)
    )
    return np.stack([np.concatenate(many), np.concatenate(added)]).astype(np.int64)


def looked(look: Look, bins: Codes, left: Floats) -> Looked:
    return learn(look, sums(look, bins, left), float(left.var()), TABLES)


def entries(found: Looked, number: int) -> np.ndarray:
    """Return the table of a feature or pair."""
    (table,) = (one for one in found.tables.tables if one.number == number)
    return np.frombuffer(table.entries, np.uint8).astype(int)


@pytest.mark.parametrize("seed", range(4))
def test_people_of_a_cell_of_few_change_no_table(seed: int) -> None:
    """Neither whether they match nor with which label: of themselves, and of all others."""
    d = np.random.default_rng(seed)
    look = Look((8, 8), (8, 8))
    bins = np.minimum(d.geometric(0.4, (1500, 2)) - 1, 7)
    told = (bins[:, 0] + bins[:, 1]) % 2 + (bins[:, 1] > 2)
    people, added = sums(look, np.tile(bins, 2), told - 1 + d.normal(0, 0.1, len(bins)))
    few = people <= FEW
    assert few.sum() > 10
    found = []
    for many in (0, 1, FEW):
        people[few], added[few] = many, d.integers(0, 2 * LEFT_UNIT * many + 1, few.sum())
        found.append(learn(look, np.stack([people, added]), 0.25, TABLES))
    assert {len(look.about[each.number]) for each in found[0].tables.tables} == {1, 2}
    assert all(each.tables == found[0].tables for each in found)
    assert all(np.array_equal(each.held, found[0].held) for each in found)


def test_a_cell_tells_of_one_person_to_a_partner_that_knows_the_others() -> None:
    """Known: the partner lays one person into a cell of twelve who have no label, it knows."""
    look = look_of(NAMED)
    victims, company = 60, 12
    labels = np.random.default_rng(2).integers(0, 2, victims)
    bins = np.repeat(np.arange(victims), company + 1)
    has = np.zeros((victims, company + 1), int)
    has[:, 0] = labels
    # Four cells more, whose people have the label, so that the table has something to say.
    bins = np.concatenate([bins, np.repeat(np.arange(60, 64), 100)])
    has = np.concatenate([has.reshape(-1), np.ones(400, int)])
    trains = np.random.default_rng(3).random(len(has)) < 0.8
    trains[np.arange(victims) * (company + 1)] = True
    bins, has = bins[trains], has[trains]
    found = looked(Look(look.fine[:1]), bins[:, None], has - has.mean())
    told = entries(found, 0)[:victims]
    silent = np.bincount(bins)[:victims] < 10
    assert silent.mean() < 0.3
    # Company alone makes a step more or less, by how much of it trains; a label makes two or three.
    assert np.array_equal(told[~silent] > 1, labels[~silent] == 1)


def test_groups_laid_anew_in_each_feature_tell_of_hundreds_who_has_the_label() -> None:
    """Known: of 640 people about whom nothing is known, each in five cells of sixteen."""
    look, d = Look(look_of(NAMED).fine), np.random.default_rng(5)
    cells, in_one = 40, 16
    labels = d.integers(0, 2, cells * in_one)
    others = np.repeat(np.arange(24) % 2, 12)  # known ones: they make the features say something
    bins = np.concatenate(
        [
            np.stack([d.permutation(len(labels)) % cells for _ in range(5)], axis=1),
            np.tile(cells + np.repeat(np.arange(24), 12)[:, None], 5),
        ]
    )
    everybody = np.concatenate([labels, others])
    trains = d.random(len(everybody)) < 0.8
    left = everybody[trains] - everybody[trains].mean()
    found = looked(look, bins[trains], left)
    assert len(found.tables.tables) == 5
    told = sum(entries(found, n)[bins[: len(labels), n]] for n in range(5))
    reached = auc(told.astype(float), labels.astype(bool))
    assert reached is not None
    assert reached > 0.65


def test_a_partner_that_adds_a_row_ten_times_over_makes_a_cell_of_one_person() -> None:
    """Known: sums are what the partner adds up, and these could have been added up of people."""
    look = Look(look_of(NAMED).fine[:1])
    labels = np.random.default_rng(4).integers(0, 2, 60)
    left = np.concatenate([labels - 0.5, np.full(2000, -0.1)])
    people, added = sums(look, np.array([*range(60), *[60] * 2000])[:, None], left)
    trained = int(people.sum())
    times = np.where(np.arange(look.sizes[0]) < 60, 10, 1)
    people, added = people * times, added * times
    people[60] -= people.sum() - trained  # the others count less
    added[60] = LEFT_UNIT * people[60]
    assert look.could_be(people, added, trained)
    told = entries(learn(look, np.stack([people, added]), float(left.var()), TABLES), 0)[:60]
    assert np.array_equal(told == UNIT, labels == 1)


def test_a_look_tells_the_cells_of_a_person_whose_label_alone_is_left() -> None:
    """Known: the brand's column says who has the label, but of one person. A look is exact."""
    d = np.random.default_rng(6)
    labels = d.integers(0, 2, 500).astype(np.uint8)
    own = UNIT * labels[:, None]
    victim = int(np.flatnonzero(labels == 0)[7])
    labels[victim] = 1
    look = look_of(NAMED)
    bins = np.concatenate([d.integers(0, 64, (500, 5)), d.integers(0, 8, (500, 5))], axis=1)
    people, added = sums(look, bins, left_of(own, labels))
    firsts = np.cumsum([0, *look.sizes[:-1]])
    off = (added - LEFT_UNIT * people) / LEFT_UNIT
    told = [int(off[at : at + size].argmax()) for at, size in zip(firsts, look.sizes, strict=True)]
    assert told == look.cells_of(bins.astype(np.uint16))[victim].tolist()


def test_a_brand_that_counts_people_as_digits_reads_the_cells_of_fourteen() -> None:
    """Known: a node that lays other vectors than agreed, within their bounds."""
    look = look_of(NAMED)
    bins = np.random.default_rng(7).integers(0, 8, (500, 10)).astype(np.uint16)
    vectors = np.zeros((500, 2), np.int32)
    victims = np.arange(14) * 30
    vectors[victims, np.arange(14) % 2] = 2 ** (np.arange(14) // 2)
    cells, fine = look.cells_of(bins), len(look.fine)
    none = np.zeros((500, 0), np.int32)
    added = np.concatenate(
        [
            plain_sums(params.layout, vectors, none, some)
            for params, some in zip(
                params_of(look, 500), (cells[:, :fine], cells[:, fine:]), strict=True
            )
        ],
        axis=1,
    )
    firsts = np.cumsum([0, *look.sizes[:-1]])
    for place, victim in enumerate(victims):
        digit = added[place % 2] >> (place // 2) & 1
        told = [
            int(digit[at : at + size].argmax()) for at, size in zip(firsts, look.sizes, strict=True)
        ]
        assert told == cells[victim].tolist()


def test_a_brand_that_sends_a_table_of_its_own_reads_a_feature_of_everybody_in_33_groups() -> None:
    """Known: the partner has table and weights, and shows what each feature weighs."""
    look = Look(look_of(NAMED).fine)
    cells = np.random.default_rng(8).integers(0, 64, (500, 5)).astype(np.uint16)
    probing = Tables((Table(3, bytes(min(n, UNIT) for n in range(64))),))
    probing.check(look, TABLES)
    columns = probing.beside(np.zeros((500, 7), np.uint8), cells, 9)
    weights = (*[0] * 7, 1, 0)
    told = coarse(columns.astype(np.int64) @ np.array(weights), weights)
    assert np.array_equal(told, np.minimum(cells[:, 3], UNIT))
    assert probing.about(look) == [(3,)]
