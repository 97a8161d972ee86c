"""Which tables a look speaks for: what is there is found, and chance is left alone as a rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.joint.looks import LEFT_UNIT, NOTHING, Look, look_of
from protocols.joint.table_learning import LEAST_IN_A_CELL, Looked, learn, quantised
from protocols.joint.widths import TABLES, UNIT
from protocols.lookalike.features import Feature, FeatureKind, FeatureSpecification


def numbers(count: int) -> Look:
    each = (Feature(f"x{n}", FeatureKind.NUMERIC) for n in range(count))
    return look_of(FeatureSpecification(tuple(each)))


def people_in(look: Look, people: int, d: np.random.Generator):
    """Bins of people who differ by chance alone: a coarse bin is a few fine ones."""
    fine = d.integers(0, look.fine, (people, len(look.fine)))
    if not look.coarse:
        return fine.astype(np.uint16)
    coarse = fine * np.array(look.coarse) // np.array(look.fine)
    return np.concatenate([fine, coarse], axis=1).astype(np.uint16)


def added_up(look: Look, bins, left):
    """What a look says of these people, of whom so much of their labels is left."""
    cells, steps = look.cells_of(bins), quantised(left)
    both = (np.ones(len(left)), steps)
    return tuple(
        np.concatenate(
            [np.bincount(cells[:, i], each, size) for i, size in enumerate(look.sizes)]
        ).astype(np.int64)
        for each in both
    )


def seen(look: Look, bins, labels, most: int = TABLES) -> Looked:
    """What is learnt of labels of which the brand can say nothing."""
    left = labels - labels.mean()
    return learn(look, np.stack(added_up(look, bins, left)), float(left.var()), most)


# Chance


@pytest.mark.parametrize(
    ("look", "people"),
    [(numbers(4), 200), (numbers(4), 2000), (numbers(4), 50_000), (numbers(12), 2000)],
    ids=["4-200", "4-2000", "4-50000", "12-2000"],
)
def test_of_what_says_nothing_one_in_fifty_gets_a_table_at_most(look, people):
    """Measured over 100 seeds at 30 % and 5 %: of 1 feature 0 to 2 runs have a table of chance, of
    4 (10 looked at) 0 to 12, of 8 (36) 0 to 37, of 12 (78) 16 to 37: up to 1.3 % of what is looked
    at. It is held back in the fit as much as chance is, so it moves few scores.
    """
    found = 0
    for seed in range(12):
        d = np.random.default_rng(seed)
        bins = people_in(look, people, d)
        found += len(seen(look, bins, (d.random(people) < 0.3).astype(float)).held)
    assert found <= 0.02 * 12 * len(look.sizes) + 2


def test_many_people_with_the_same_left_are_no_reason_for_a_table():
    """By the nearest step all of them would be off alike, and in each run there would be one."""
    look, with_one = Look((32,)), 0
    for seed in range(15):
        d = np.random.default_rng(seed)
        labels = (d.random(200_000) < 0.3).astype(float)
        with_one += bool(len(seen(look, people_in(look, len(labels), d), labels).held))
    assert with_one <= 3


def test_what_is_left_is_right_together_and_within_a_step():
    for left in (0.3, -0.01, 0.999, -1.0, 1.0, 0.0):
        found = quantised(np.full(40_000, left)) / LEFT_UNIT - 1
        assert abs(found - left).max() <= 1 / LEFT_UNIT
        assert abs(found.sum() - 40_000 * left) <= 1 / LEFT_UNIT
    assert quantised(np.array([-7.0, -1.0, 1.0, 9.0])).tolist() == [0, 0, 64, 64]
    assert quantised(np.zeros(0)).shape == (0,)


def test_whoever_is_picked_of_many_with_few_values_is_right_on_average():
    d = np.random.default_rng(1)
    left = d.choice([0.7, -0.3, 0.51, -0.07], 400_000, p=[0.2, 0.3, 0.1, 0.4])
    off = quantised(left) / LEFT_UNIT - 1 - left
    for group in (left == 0.7, left == -0.3, left == 0.51, d.random(len(left)) < 0.1):
        assert abs(off[group].mean()) < 5 / LEFT_UNIT / np.sqrt(group.sum())


@given(st.lists(st.floats(-1.5, 1.5), max_size=200))
def test_any_that_is_left_is_within_a_step(values):
    left = np.array(values, np.float64)
    found = quantised(left)
    assert found.min(initial=0) >= 0
    assert found.max(initial=0) <= 2 * LEFT_UNIT
    assert (abs(found / LEFT_UNIT - 1 - np.clip(left, -1, 1)) < 1.001 / LEFT_UNIT).all()


# What is there


def test_a_feature_whose_middle_has_the_label_is_found():
    """No straight line says it: both ends are alike."""
    look, d = numbers(4), np.random.default_rng(7)
    bins = people_in(look, 2000, d)
    middle = (bins[:, 2] >= 11) & (bins[:, 2] < 22)
    labels = (d.random(2000) < np.where(middle, 0.5, 0.2)).astype(float)
    best = seen(look, bins, labels).tables.tables[0]
    assert best.number == 2
    entries = np.frombuffer(best.entries, np.uint8).astype(int)
    assert entries[11:22].min() > entries[[*range(11), *range(22, 32)]].max()
    assert (entries.min(), entries.max()) == (0, UNIT)


def test_two_features_of_which_one_alone_makes_the_label_are_found():
    """Neither of them says anything by itself."""
    look, d = numbers(4), np.random.default_rng(8)
    bins = people_in(look, 3000, d)
    either = (bins[:, 1] < 16) ^ (bins[:, 3] < 16)
    labels = (d.random(3000) < np.where(either, 0.45, 0.15)).astype(float)
    found = seen(look, bins, labels).tables
    assert found.about(look)[0] == (1, 3)
    entries = np.frombuffer(found.tables[0].entries, np.uint8).astype(float)
    square = entries.reshape(look.coarse[1], look.coarse[3])
    half = look.coarse[1] // 2
    same = (square[:half, :half].mean(), square[-half:, -half:].mean())
    other = (square[:half, -half:].mean(), square[-half:, :half].mean())
    assert max(same) + UNIT / 4 < min(other)


def test_what_two_features_say_one_by_one_is_not_said_again_of_both():
    look, d = numbers(3), np.random.default_rng(9)
    bins = people_in(look, 20_000, d)
    chance = 0.1 + 0.3 * (bins[:, 0] < 16) + 0.3 * (bins[:, 1] >= 16)
    labels = (d.random(len(bins)) < chance).astype(float)
    about = seen(look, bins, labels).tables.about(look)
    assert set(about[:2]) == {(0,), (1,)}
    assert (0, 1) not in about


def test_the_best_come_first_and_no_more_than_there_is_room_for():
    look, d = numbers(4), np.random.default_rng(10)
    bins = people_in(look, 5000, d)
    chance = 0.2 + 0.5 * (bins[:, 0] % 2) + 0.2 * (bins[:, 3] % 3 == 0)
    labels = (d.random(5000) < chance).astype(float)
    whole = seen(look, bins, labels)
    assert [table.number for table in whole.tables.tables[:2]] == [0, 3]
    for most in (0, 1, 2):
        some = seen(look, bins, labels, most)
        assert some.tables.tables == whole.tables.tables[:most]
        assert np.array_equal(some.held, whole.held[:most])


# Few people


def by_hand(look: Look, people: list[int], left: list[float]) -> Looked:
    many = np.array(people, np.int64)
    added = np.rint(LEFT_UNIT * (many + np.array(left))).astype(np.int64)
    return learn(look, np.stack([many, added]), 0.2, TABLES)


def test_of_a_cell_with_nine_people_nothing_is_said_and_of_ten_something():
    entries = {}
    for few in (9, 10):
        (table,) = by_hand(Look((5,)), [300, 300, 0, few, 9], [120, -120, 0, 4, 0]).tables.tables
        entries[few] = list(table.entries)
        assert table.entries[:2] == bytes([UNIT, 0])
        assert table.entries[2] == table.entries[4] == UNIT // 2
    assert entries[9][3] == UNIT // 2
    assert entries[10][3] > UNIT // 2


def test_of_a_cell_of_two_with_few_people_nothing_is_said():
    people = [*[400] * 6, 200, 200, 200, 200, 200, 200, 9, 195, 205 - 9]
    look = Look((3, 3), (3, 3))
    crossed = [90.0, -90, 0, -90, 90, 0, 8, 0, -8]
    (table,) = by_hand(look, people, [0.0] * 6 + crossed).tables.tables
    assert table.number == 2
    nothing = by_hand(look, [*people[:12], 0, *people[13:]], [0.0] * 6 + [*crossed[:6], 0, 0, -8])
    # That of nobody, and that of nine of whom eight have it: the same.
    assert table.entries[6] == nothing.tables.tables[0].entries[6]
    assert table.entries[6] < max(table.entries)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 9, 10, 40, 3000]), st.booleans())
def test_whatever_was_counted_entries_fit_and_small_cells_have_one_entry(seed, scale, coarse):
    d = np.random.default_rng(seed)
    fine = tuple(int(n) for n in d.integers(2, 20, 3))
    look = Look(fine, tuple(min(n, 5) for n in fine) if coarse else ())
    size = sum(look.sizes)
    people = d.integers(0, scale + 1, size) * (d.random(size) < d.random())
    shift = d.uniform(-1, 1, size)
    added = np.rint(LEFT_UNIT * people * (1 + shift)).astype(np.int64)
    spread = float(d.choice([1e-9, 0.01, 0.25]))
    found = learn(look, np.stack([people, added]), spread, TABLES)
    found.tables.check(look, TABLES)
    assert found.held.shape == (len(found.tables.tables),)
    assert (found.held > 0).all()
    assert np.isfinite(found.held).all()
    starts = np.concatenate([[0], np.cumsum(look.sizes)])
    for table in found.tables.tables:
        many = people[starts[table.number] : starts[table.number + 1]]
        entries = np.frombuffer(table.entries, np.uint8)
        assert len(set(entries[many < LEAST_IN_A_CELL])) <= 1
        assert (entries.min(), entries.max()) == (0, UNIT)


# Nothing to learn


def nothing_of(look: Look, people, added, spread: float = 0.2) -> bool:
    found = learn(look, np.array([people, added], np.int64), spread, TABLES)
    return found.tables.tables == () and found.held.shape == (0,)


def test_where_nothing_was_looked_at_there_is_no_table():
    assert nothing_of(NOTHING, [], [])


def test_of_nobody_and_of_one_cell_and_of_what_is_all_the_same_there_is_none():
    look = Look((2, 3), (2, 3))
    assert nothing_of(look, [0] * 11, [0] * 11)
    alone = [500, 0, 500, 0, 0, 500, 0, 0, 0, 0, 0]
    assert nothing_of(look, alone, [LEFT_UNIT * n for n in alone])
    even = [250, 250, 200, 200, 100, 100, 100, 50, 100, 100, 50]
    assert nothing_of(look, even, [LEFT_UNIT * n for n in even])


def test_where_the_brand_says_all_itself_there_is_none():
    assert nothing_of(Look((2,)), [500, 500], [500 * 40, 500 * 24], spread=0.0)


def test_where_all_cells_have_few_people_there_is_none():
    assert nothing_of(Look((60,)), [9] * 60, [9 * (64 * (n % 2)) for n in range(60)])


@given(st.integers(0, 2**32 - 1), st.sampled_from([30, 1000, 2**62]))
def test_sums_that_no_people_could_have_bring_no_fault(seed, scale):
    """A partner that does not keep to the protocol can make any of the sums by `joint-cot/3`. If
    the run ended by that, it would see for which rows it does.
    """
    d = np.random.default_rng(seed)
    look = Look((3, 4), (3, 4))
    people, added = d.integers(-scale, scale, (2, sum(look.sizes)))
    found = learn(look, np.stack([people, added]), 0.2, TABLES)
    found.tables.check(look, TABLES)
    assert (found.held > 0).all()
    assert np.isfinite(found.held).all()


def test_sums_that_cancel_what_holds_means_back_bring_no_fault():
    look = Look((3, 3), (3, 3))
    people = np.array([100, 100, 100] * 2 + [-20, 0, 0, 0, -20, 0, 0, 0, -20])
    found = learn(look, np.stack([people, 40 * people]), 0.2, TABLES)
    found.tables.check(look, TABLES)
    assert (found.held > 0).all()
