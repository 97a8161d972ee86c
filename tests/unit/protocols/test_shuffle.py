import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import InvalidParameter
from protocols.shuffle import MAX_ITEMS, permutation, row_permutation, sample
from tests.support.seeded import seeded


@given(st.binary(min_size=32, max_size=32), st.integers(0, 300))
def test_every_position_is_there_once(seed, n):
    order = permutation(seed, n)
    assert order.dtype == np.uint32
    assert sorted(order.tolist()) == list(range(n))


def test_one_seed_gives_one_order_everywhere():
    # Computed from the AES-256 blocks of the counters 0 to 4 under the zero key.
    assert permutation(bytes(32), 10).tolist() == [5, 4, 6, 8, 1, 0, 3, 7, 2, 9]
    assert permutation(bytes(32), 10).tolist() != permutation(b"\x01" * 32, 10).tolist()


def test_all_orders_are_about_equally_frequent():
    # 24 orders, 4,800 draws, 200 each: chi-square with 23 degrees of freedom is above 62 with
    # probability 2e-5, and the seeds are fixed.
    rng = seeded("frequencies")
    counts = dict.fromkeys(itertools.permutations(range(4)), 0)
    for _ in range(4800):
        counts[tuple(permutation(rng(32), 4).tolist())] += 1
    assert sum((c - 200) ** 2 / 200 for c in counts.values()) < 62


def test_a_tie_is_drawn_again(monkeypatch):
    draws = iter([[3, 1, 3], [2, 1, 3]])

    def words(self: object, n: int) -> np.ndarray:
        return np.array(next(draws), dtype=np.uint64)

    monkeypatch.setattr("protocols.shuffle._Keystream.words", words)
    assert permutation(bytes(32), 3).tolist() == [1, 0, 2]
    assert list(draws) == []


@pytest.mark.parametrize(("seed", "n"), [(bytes(31), 4), (bytes(33), 4), (b"", 0)])
def test_a_seed_of_another_length_is_refused(seed, n):
    with pytest.raises(InvalidParameter):
        permutation(seed, n)


@pytest.mark.parametrize("n", [-1, MAX_ITEMS + 1])
def test_a_number_out_of_range_is_refused(n):
    with pytest.raises(InvalidParameter):
        permutation(bytes(32), n)


def test_a_sample_is_everything_or_as_large_as_asked():
    assert sample(bytes(32), 5, 64).tolist() == [0, 1, 2, 3, 4]
    drawn = sample(bytes(32), 1000, 64)
    assert len(drawn) == 64
    assert drawn.max() < 1000
    assert len(set(drawn.tolist())) > 40


@given(st.binary(min_size=32, max_size=32), st.integers(0, 60), st.integers(1, 6))
def test_rows_stay_together(seed, rows, width):
    order = row_permutation(seed, rows, width)
    assert sorted(order.tolist()) == list(range(rows * width))
    whole = (order // width).reshape(rows, width)
    assert (whole == whole[:, :1]).all()


@given(st.binary(min_size=32, max_size=32), st.integers(0, 60))
def test_rows_of_one_are_a_plain_permutation(seed, rows):
    assert row_permutation(seed, rows, 1).tolist() == permutation(seed, rows).tolist()


def test_all_orders_of_rows_and_within_rows_are_about_equally_frequent():
    # Two rows of two: 2 · 2 · 2 orders, 2,400 draws, 300 each; chi-square with 7 degrees of freedom
    # is above 35 with probability 1e-5, and the seeds are fixed.
    rng = seeded("rows")
    found = [tuple(row_permutation(rng(32), 2, 2).tolist()) for _ in range(2400)]
    counts = {order: found.count(order) for order in set(found)}
    assert len(counts) == 8
    assert sum((c - 300) ** 2 / 300 for c in counts.values()) < 35


@pytest.mark.parametrize(("rows", "width"), [(1, 0), (-1, 2), (MAX_ITEMS, 2), (3, -1)])
def test_rows_out_of_range_are_refused(rows, width):
    with pytest.raises(InvalidParameter):
        row_permutation(bytes(32), rows, width)
