"""From noisy cells to an answer: values, intervals, what is hidden."""

import pytest

from protocols.dp.queries.answering import answer
from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.plan import ROWS, SQUARES, VALUES
from protocols.dp.queries.ratios import ratio
from protocols.dp.queries.tree import best_tree, leaves
from tests.support.questions import planned


def test_counts_are_shown_from_zero_and_every_cell_is_there() -> None:
    plan = planned("histogram", by="region")
    rows = answer(plan, Noisy({ROWS: (100, -30, 5, 0)}))
    assert [(row.key, row.value, row.low, row.high) for row in rows] == [
        (("north",), 100, 79, 121),
        (("south",), 0, 0, 0),
        (("(other)",), 5, 0, 26),
        (("(missing)",), 0, 0, 21),
    ]


def test_the_noisy_count_decides_what_is_hidden() -> None:
    plan = planned("histogram", by="region", minimum="50")
    rows = answer(plan, Noisy({ROWS: (50, 49, 5000, -3)}))
    assert [row.hidden for row in rows] == ["", "small-cohort", "", "small-cohort"]
    assert [row.value for row in rows] == [50, None, 5000, None]


def test_several_rows_of_a_person_are_not_several_people() -> None:
    """A cell of 149 rows could be of 50 people with three rows each, and less than that."""
    plan = planned("histogram", by="region", minimum="50", rows=3)
    rows = answer(plan, Noisy({ROWS: (150, 149, 0, 0)}))
    assert [row.hidden for row in rows][:2] == ["", "small-cohort"]


def test_nothing_is_hidden_without_a_minimum_not_even_what_noise_makes_negative() -> None:
    rows = answer(planned("histogram", by="region"), Noisy({ROWS: (-1, -100, 0, 1)}))
    assert [row.hidden for row in rows] == [""] * 4


def test_a_sum_is_in_the_units_of_its_column() -> None:
    (row,) = answer(planned("sum", of="spend"), Noisy({VALUES: (12_345,)}))
    assert row.value == 1234.5
    assert row.value - row.low == row.high - row.value == pytest.approx(196, abs=1)


def test_a_mean_lies_within_the_bounds_of_its_column_and_so_does_its_interval() -> None:
    plan = planned("mean", of="spend")
    (row,) = answer(plan, Noisy({ROWS: (1000,), VALUES: (-20_000,)}))
    assert (row.value, row.people) == (3.0, 1000)
    assert 0 <= row.low < 3.0 < row.high <= 10
    (beyond,) = answer(plan, Noisy({ROWS: (100,), VALUES: (-9_000,)}))
    assert (beyond.value, beyond.low) == (0.0, 0.0)


def test_a_mean_of_hardly_anybody_is_hidden() -> None:
    (row,) = answer(planned("mean", of="spend"), Noisy({ROWS: (30,), VALUES: (100,)}))
    assert (row.value, row.hidden, row.people) == (None, "too-noisy", 30)


def test_a_variance_is_in_squared_units_and_never_negative() -> None:
    plan = planned("variance", of="spend", rho="5")
    # Half at 0, half at 10: mean 5, variance 25; a square is 2500 less its middle of 1250.
    (row,) = answer(plan, Noisy({ROWS: (1000,), VALUES: (0,), SQUARES: (1_250_000,)}))
    assert row.value == pytest.approx(25)
    assert row.low <= 25 <= row.high
    (least,) = answer(plan, Noisy({ROWS: (1000,), VALUES: (0,), SQUARES: (-1_300_000,)}))
    assert (least.value, least.low) == (0, 0)


def test_a_quantile_is_a_point_of_the_grid_with_its_group() -> None:
    plan = planned("quantile", of="spend", at=["0.1", "0.5"], steps="20", by=["region"])
    counts = {ROWS: (5000, 5000, 5000, 3)}
    rows = answer(plan, Noisy(counts, ((0, 1, 2, 3), (20, 11, 12, 13))))
    assert [row.key for row in rows[:2]] == [("north", "0.1"), ("north", "0.5")]
    assert [row.value for row in rows] == [0, 10, 0.5, 5.5, 1, 6, None, None]
    assert {row.hidden for row in rows[-2:]} == {"too-noisy"}


def test_the_first_words_come_first() -> None:
    plan = planned("top_k", of="town", k="2")
    rows = answer(plan, Noisy({}, words={"Bath": 90, "York": 900, "Leeds": 90}))
    assert [(row.key[0], row.value) for row in rows] == [("York", 900), ("Bath", 90)]


def test_a_ratio_without_noise_is_itself() -> None:
    found = ratio(10.0, 4.0, 0.0, 0.0, 1.96)
    assert (found.low, found.value, found.high) == (2.5, 2.5, 2.5)


@pytest.mark.parametrize("points", [2, 11, 101, 1001, 10_001])
def test_the_best_tree_covers_its_grid_and_beats_a_flat_one(points: int) -> None:
    tree = best_tree(points)
    assert tree.sizes[-1] >= points
    assert tree.depth**2 * tree.branching <= points


def test_leaves_that_agree_with_all_levels_stay() -> None:
    import numpy as np

    tree = best_tree(1001)
    counts = np.random.default_rng(1).integers(0, 50, tree.sizes[-1]).astype(float)
    levels = [counts.reshape(size, -1).sum(axis=1) for size in tree.sizes]
    assert np.allclose(leaves(tree, levels), counts)
