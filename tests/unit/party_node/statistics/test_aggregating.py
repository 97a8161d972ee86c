"""Cells by DuckDB are those of a plain loop over permitted rows."""

import math
from collections import Counter

import numpy as np
import pytest

from party_node.errors import MissingColumn
from party_node.row_file import RowFile
from party_node.statistics.aggregating import Beside, aggregate, ask
from party_node.statistics.contributions import chosen_rows
from protocols.dp.queries.plan import ROWS, SQUARES, VALUES
from tests.support.node import write_csv
from tests.support.questions import planned, written

ODD = [
    (0, "north", 17.0, 2.5, "York"),
    (1, "north", 18.0, 99.0, "York"),
    (2, "south", 64.9, -3.0, "Bath"),
    (3, "east", 65.0, 2.54, "York"),
    (4, None, None, None, None),
    (-1, "north", 30.0, 5.0, "Bath"),
    (5, "", math.nan, math.inf, "Bath"),
]


def told(plan, beside, measure=ROWS, secret=1):
    """Cells that are not empty, by their labels."""
    cells = aggregate(plan, beside, secret).cells[measure]
    names = [[]]
    for axis in plan.axes:
        names = [[*name, label] for name in names for label in axis]
    return {tuple(n): int(c) for n, c in zip(names, cells, strict=True) if c}


def test_a_histogram_has_a_bucket_for_what_is_missing_and_for_all_else(tmp_path):
    found = told(planned("histogram", by="region"), written(tmp_path, ODD))
    assert found == {("north",): 2, ("south",): 1, ("(other)",): 2, ("(missing)",): 1}


def test_a_bin_has_its_lower_edge_and_not_its_upper_one(tmp_path):
    found = told(planned("histogram", by="age"), written(tmp_path, ODD))
    # 64.9 is rounded to the column's decimals, of which it has none: 65, outside.
    assert found == {
        ("0 to under 18",): 1, ("18 to under 65",): 1, ("(other)",): 2, ("(missing)",): 2,
    }  # fmt: skip


def test_a_cross_tab_has_every_combination_and_nobody_who_is_not_permitted(tmp_path):
    plan = planned("crosstab", by=["region", "age"])
    assert plan.cells == 16
    found = told(plan, written(tmp_path, ODD))
    assert sum(found.values()) == 6
    assert found[("north", "18 to under 65")] == 1


def test_values_are_clipped_rounded_once_and_left_out_where_there_are_none(tmp_path):
    """2.5, 99 → 10, -3 → 0, 2.54 → 2.5; NaN, infinity and NULL are no numbers."""
    plan = planned("sum", of="spend")
    assert told(plan, written(tmp_path, ODD), VALUES) == {(): 25 + 100 + 0 + 25}


def test_a_mean_and_a_variance_sum_what_lies_off_the_middle(tmp_path):
    plan = planned("variance", of="spend")
    exact = aggregate(plan, written(tmp_path, ODD), 1)
    off = [25 - 50, 100 - 50, 0 - 50, 25 - 50]
    assert exact.cells[ROWS].tolist() == [4]
    assert exact.cells[VALUES].tolist() == [sum(off)]
    assert exact.cells[SQUARES].tolist() == [sum(v * v for v in off) - 4 * plan.square_centre]


def test_a_grid_has_each_value_at_its_nearest_point(tmp_path):
    plan = planned("quantile", of="spend", at=["0.5"], steps="10")
    exact = aggregate(plan, written(tmp_path, ODD), 1)
    assert exact.grid is not None
    # 2.5 lies between two points and goes up; so 3.
    assert exact.grid.tolist() == [[1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1]]


def test_words_are_counted_by_people(tmp_path):
    beside = written(tmp_path, [*ODD, (0, "north", 17.0, 2.5, "York")])
    assert beside.several_rows
    assert aggregate(planned("top_k", of="town", k="2"), beside, 1).words == {"York": 3, "Bath": 2}


def test_how_often_people_come(tmp_path):
    rows = [(p, "north", 1.0, 1.0, "x") for p, n in enumerate([1, 2, 2, 3, 9]) for _ in range(n)]
    found = told(planned("frequency", most="3"), written(tmp_path, rows))
    assert found == {("1",): 1, ("2",): 2, ("3 or more",): 2}


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"eq": {"region": "north"}}, {0, 1}),
        ({"in": {"town": ["Bath", "Leeds"]}}, {2, 5}),
        ({"range": {"age": {"from": "18", "under": "65"}}}, {1}),
        ({"range": {"age": {"under": "18"}}}, {0}),
        ({"range": {"spend": {"from": "10.1"}}}, {1}),  # as it stands, before clipping
        ({"eq": {"spend": "2.5"}}, {0, 3}),
        ({"is_null": "region"}, {4}),
        ({"is_null": "spend"}, {4, 5}),
        ({"not": {"eq": {"region": "north"}}}, {2, 3, 4, 5}),  # a missing word is not north
        ({"and": [{"eq": {"town": "York"}}, {"not": {"eq": {"region": "north"}}}]}, {3}),
        ({"or": [{"is_null": "age"}, {"eq": {"region": "south"}}]}, {2, 4, 5}),
    ],
)  # fmt: skip
def test_a_filter_keeps(tmp_path, where, kept):
    plan, beside = planned("count", where=where), written(tmp_path, ODD)
    query = chosen_rows(plan, beside.types, RowFile.BESIDE, 1)
    found = ask(beside, query, "SELECT person FROM ({})", whom=True)
    assert set(found["person"].to_pylist()) == kept
    assert aggregate(plan, beside, 1).cells[ROWS].tolist() == [len(kept)]


def test_a_person_with_many_rows_adds_no_more_than_the_bounds(tmp_path):
    rows = [(0, r, 20.0, float(n % 9), "x") for r in ("north", "south", "west") for n in range(50)]
    for most_rows, most_groups in ((1, 1), (3, 1), (3, 2), (7, 5)):
        plan = planned("histogram", by="region", rows=most_rows, groups=most_groups)
        found = told(plan, written(tmp_path, rows))
        assert list(found.values()) == [most_rows] * min(most_groups, 3)


def test_other_peoples_rows_do_not_decide_which_of_mine_count(tmp_path):
    """The choice goes by what stands in a row, never by its place in the file."""
    mine = [(7, r, 20.0, float(n), "x") for r in ("north", "south") for n in range(9)]
    plan = planned("sum", of="spend", by=["region"], rows=2)
    alone = told(plan, written(tmp_path, mine), VALUES, secret=5)
    other = [(3, "west", 20.0, 0.0, "x")] * 2
    for place in (0, 5, len(mine)):
        beside = written(tmp_path, [*mine[:place], *other, *reversed(mine[place:])])
        assert told(plan, beside, VALUES, secret=5) == alone
    chosen = {
        tuple(told(plan, written(tmp_path, mine), VALUES, secret=s).items()) for s in range(9)
    }
    assert len(chosen) > 1


def test_a_csv_file_is_read_like_a_parquet_file(tmp_path):
    def text(value):
        return "" if value is None else str(value)

    lines = [",".join(text(v) for v in row[1:]) for row in ODD if row[1] != ""]
    path = write_csv(tmp_path / "people.csv", "region,age,spend,town", *lines)
    people = np.array([row[0] for row in ODD if row[1] != ""], np.int64)
    beside, same = Beside(RowFile(path), people), written(tmp_path, [r for r in ODD if r[1] != ""])
    for kind, keys in (("crosstab", {"by": ["region", "age"]}), ("mean", {"of": "spend"})):
        plan = planned(kind, **keys)
        for measure, cells in aggregate(plan, beside, 1).cells.items():
            assert cells.tolist() == aggregate(plan, same, 1).cells[measure].tolist()


def test_rows_and_people_stay_side_by_side_in_a_large_file(tmp_path):
    """Whole row groups and threads do not shift the persons against the rows."""
    n = 300_000
    rng = np.random.default_rng(1)
    region = rng.integers(0, 3, n)
    people = np.where(rng.random(n) < 0.7, np.arange(n), -1)
    names = np.array(["north", "south", "west"])[region]
    lines = [(int(p), str(r), 30.0, 1.0, "x") for p, r in zip(people, names, strict=True)]
    found = told(planned("histogram", by="region"), written(tmp_path, lines))
    expected = Counter(names[people >= 0])
    assert found == {("north",): expected["north"], ("south",): expected["south"],
                     ("(other)",): expected["west"]}  # fmt: skip


def test_numbers_beyond_every_integer_do_not_break_a_query(tmp_path):
    """An overflow would say that somebody has such a value."""
    rows = [(0, "north", 1e308, 1e300, "x"), (1, "north", -1e308, -1e300, "x")]
    beside = written(tmp_path, rows)
    assert told(planned("sum", of="spend"), beside, VALUES) == {(): 100}
    assert told(planned("histogram", by="age"), beside) == {("(other)",): 2}
    assert told(planned("count", where={"range": {"spend": {"from": "1"}}}), beside) == {(): 1}


def test_words_that_are_sql_are_words(tmp_path):
    evil = "x'); DROP TABLE people; --"
    rows = [(0, evil, 1.0, 1.0, evil), (1, "north", 1.0, 1.0, '"$1"')]
    beside = written(tmp_path, rows)
    assert told(planned("count", where={"eq": {"town": evil}}), beside) == {(): 1}
    assert aggregate(planned("top_k", of="town", k="2"), beside, 1).words == {evil: 1, '"$1"': 1}


def test_a_column_that_is_sql_is_no_column(tmp_path):
    columns = {"region": {"column": 'a" FROM x; --', "categories": ["north"]}}
    plan = planned("histogram", by="region", columns=columns)
    with pytest.raises(MissingColumn):
        aggregate(plan, written(tmp_path, ODD), 1)


@pytest.mark.parametrize("kind", ["count", "histogram"])
def test_nobody_permitted_is_zero_in_every_cell(tmp_path, kind):
    plan = planned(kind, **({"by": "region"} if kind == "histogram" else {}))
    beside = written(tmp_path, [(-1, "north", 1.0, 1.0, "x")])
    assert not aggregate(plan, beside, 1).cells[ROWS].any()
    assert len(aggregate(plan, beside, 1).cells[ROWS]) == plan.cells
