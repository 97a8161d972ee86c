"""The matrix of an aligned sum, times who is meant, is the cells of the same plan."""

import numpy as np
import pytest

from party_node.statistics.aggregating import Beside, aggregate
from party_node.statistics.columns import encode_people
from protocols.dp.queries.answering import answer
from protocols.dp.queries.overlap import cells_of, overlap
from protocols.dp.queries.plan import ROWS
from protocols.errors import InvalidParameter, LocalError
from protocols.sums.layout import plain_sums, read_columns
from protocols.sums.records import Sums
from tests.support.questions import EVERY_KIND, planned, written

RNG = np.random.default_rng(3)
REGIONS, TOWNS = ["north", "south", "west", None], ["York", "Bath", None]
MANY = [
    (int(p), REGIONS[RNG.integers(4)], float(RNG.integers(0, 90)), float(RNG.integers(0, 12)),
     TOWNS[RNG.integers(3)])
    for p in RNG.integers(0, 60, 200)
]  # fmt: skip


def exact_sums(over, beside, order, meant):
    """Sums of what two sides would bring to a run, without noise."""
    total = np.zeros((1, over.layout.columns), np.int64)
    at = 0
    for _, data in encode_people(over, beside, order, 1):
        dense, codes = read_columns(over.layout, data)
        part = meant[at : at + len(dense)].astype(np.int32)[:, None]
        total += plain_sums(over.layout, part, dense, codes)
        at += len(dense)
    assert at == len(order)
    return Sums(len(order), 1, tuple(total.ravel().tolist()))


@pytest.mark.parametrize(
    ("kind", "keys"), [k for k in EVERY_KIND if k[0] not in ("top_k", "quantile")]
)
@pytest.mark.parametrize("bounds", [{}, {"rows": 3, "groups": 2}])
def test_sums_over_some_people_are_the_cells_of_their_rows(tmp_path, kind, keys, bounds):
    if bounds and (kind in ("frequency", "distinct", "count") or "by" not in keys):
        bounds = {}
    plan = planned(kind, **keys, **bounds)
    beside = written(tmp_path, MANY)
    order = RNG.permutation(60)
    order[::7] = -1
    meant = RNG.random(60) < 0.5
    over = overlap(plan, 60)
    (found,) = cells_of(over, exact_sums(over, beside, order, meant))
    chosen = set(order[meant & (order >= 0)].tolist())
    people = np.where(np.isin(beside.people, list(chosen)), beside.people, -1)
    expected = aggregate(plan, Beside(beside.file, people), 1).cells
    assert {m: list(c) for m, c in found.cells.items()} == {
        m: c.tolist() for m, c in expected.items()
    }


def test_chunks_are_cut_where_the_layout_says(tmp_path):
    over = overlap(planned("histogram", by="region"), 2**16)
    order = np.full(40_000, -1, np.int64)
    order[39_999] = 5
    chunks = list(encode_people(over, written(tmp_path, [(5, "south", 1.0, 1.0, "x")]), order, 1))
    assert [name for name, _ in chunks] == ["columns/00000", "columns/00001"]
    _, codes = read_columns(over.layout, chunks[1][1])
    assert codes[-1].tolist() == [1]
    assert (codes[:-1] == 0xFFFF).all()


def test_nobody_is_in_the_order_twice(tmp_path):
    over = overlap(planned("count"), 4)
    with pytest.raises(LocalError, match="twice"):
        list(encode_people(over, written(tmp_path, MANY), np.array([1, 2, 1]), 1))


def test_a_quantile_over_people_in_common_is_read_off_a_tree(tmp_path):
    rows = [(p, "north", 30.0, p / 10, "x") for p in range(100)]
    over = overlap(planned("quantile", of="spend", at=["0.25", "0.5"], steps="100", rho="5"), 100)
    sums = exact_sums(over, written(tmp_path, rows), np.arange(100), np.ones(100, bool))
    (found,) = cells_of(over, sums)
    low, middle = answer(over.plan, found)
    assert found.cells[ROWS] == (100,)
    assert (low.value, middle.value) == (2.4, 4.9)
    assert low.low <= 2.4 <= low.high
    assert low.high - low.low < 2


def test_words_that_nobody_listed_are_not_asked_over_people_in_common():
    with pytest.raises(InvalidParameter, match="top_k"):
        overlap(planned("top_k", of="town", k="2"), 10)


def test_noise_grows_with_what_the_vectors_allow():
    plan = planned("count", rho="0.005")
    scales = [overlap(plan, 10, vectors=v, vector_bound=b).sigma_milli[0] for v, b in
              ((1, 1), (4, 1), (1, 3))]  # fmt: skip
    assert scales == [10_001, 20_001, 30_001]
