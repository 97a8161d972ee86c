import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.psi.cuckoo import FEW, bin_count, bins_of, place
from tests.support.seeded import seeded


def blocks(n: int, label: str = "cuckoo") -> "np.ndarray":
    return np.frombuffer(seeded(label)(16 * n), dtype="<u8").reshape(-1, 2)


def check_placing(bins: "np.ndarray", table: "np.ndarray") -> None:
    """Every item once, each in one of its bins."""
    (full,) = np.nonzero(table >= 0)
    items = table[full]
    assert sorted(items.tolist()) == list(range(bins.shape[1]))
    assert (bins[:, items] == full).any(axis=0).all()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 63, 64, 65, 1000, 30_000])
def test_every_item_is_in_one_of_its_bins(n):
    bins = bins_of(blocks(n), bin_count(n))
    table = place(bins, bin_count(n))
    assert table is not None
    check_placing(bins, table)


def test_the_bins_of_an_item_are_those_of_the_specification():
    rows = blocks(500)
    for count in (3, 4, 513, 2**22):
        found = bins_of(rows, count).T.tolist()
        for (low, high), bins in zip(rows.tolist(), found, strict=True):
            numbers = low % 2**40, high % 2**40, low >> 40 | (high >> 40) % 2**16 << 24
            left, wanted = range(count), []
            for taken, number in enumerate(numbers):
                rank = number * (count - taken) >> 40
                for before in sorted(wanted):
                    rank += rank >= before
                wanted.append(left[rank])
            assert bins == wanted
            assert len(set(bins)) == 3


def test_bins_are_used_evenly():
    bins = bins_of(blocks(60_000), 60)
    for hashes in bins:
        assert abs(np.bincount(hashes, minlength=60) - 1000).max() < 200


@given(st.integers(2, 11), st.data())
def test_a_placing_is_found_exactly_if_there_is_one(count, data):
    """Small and crowded tables, against Hall's condition tried on all groups."""
    choices = st.lists(st.integers(0, count - 1), min_size=3, max_size=3)
    items = data.draw(st.lists(choices, max_size=9))
    bins = np.array(items, dtype=np.int32).reshape(-1, 3).T
    possible = all(
        len({b for i, item in enumerate(items) if group >> i & 1 for b in item})
        >= group.bit_count()
        for group in range(2 ** len(items))
    )
    table = place(np.ascontiguousarray(bins), count)
    assert (table is not None) == possible
    if table is not None:
        check_placing(bins, table)


def test_crowded_tables_are_filled_by_augmenting_paths():
    count = 20_000
    n = int(count * 0.91)  # near 0.917, above which there is no placing
    bins = bins_of(blocks(n, "crowded"), count)
    table = place(bins, count)
    assert table is not None
    assert n > FEW
    check_placing(bins, table)


def test_there_is_no_placing_where_items_outnumber_their_bins():
    bins = np.zeros((3, 200), dtype=np.int32)
    bins[1], bins[2] = 1, 2
    assert place(bins, 712) is None


def failure_bound_log2(n: int) -> float:
    """Return log2 of the bound that the module states, all groups of items added up."""
    count = bin_count(n)
    if n < 4:
        return -math.inf  # three items have three bins between them
    sizes = range(4, n + 1) if n <= 3000 else sorted({*range(4, 1500), *range(1500, n, n // 500)})
    gap = 1 if n <= 3000 else n // 500
    total = 0.0
    for k in sizes:
        z, mean = 2.0, 3 * k / (k - 1)
        for _ in range(60):
            z = mean * (math.exp(z) - 1 - z) / (math.exp(z) - 1)
        log = (
            _log_choose(n, k)
            + _log_choose(count, k - 1)
            + math.lgamma(3 * k + 1)
            + (k - 1) * math.log(math.exp(z) - 1 - z)
            - 3 * k * math.log(z)
            - k * math.log(count * (count - 1) * (count - 2))
        )
        total += math.exp(min(log, 700)) * (gap if k >= 1500 else 1)
    return math.log2(total)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


@pytest.mark.parametrize(
    "n", [1, 3, 4, 10, 50, 100, 200, 256, 300, 400, 700, 1000, 2000, 10_000, 2**17, 2**20, 2**23]
)
def test_the_chance_of_no_placing_is_as_stated(n):
    assert failure_bound_log2(n) < -40.9
