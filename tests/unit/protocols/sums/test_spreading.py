"""Vectors and columns over rows: where they come to lie, and how matches are split."""

import numpy as np
import pytest

from protocols.errors import InvalidParameter
from protocols.psi.padding import NOBODY
from protocols.sums.layout import NONE, SumLayout, read_columns, read_vector
from protocols.sums.spreading import (
    columns_in_order,
    spread_columns,
    spread_vectors,
    values_in_order,
    vectors_of,
)
from tests.support.seeded import seeded

GROUPS = np.array([0, 2, 1, 0, 3, 2], np.uint16)
LAYOUT = SumLayout(2, 5, (9,), (4,), 100, 4)


def test_a_row_is_in_the_vector_of_its_group():
    assert vectors_of(GROUPS, 3).tolist() == [
        [0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0],
    ]  # fmt: skip
    assert vectors_of(GROUPS[:0], 3).shape == (0, 3)


@pytest.mark.parametrize("percent", [1, 20, 50, 99])
def test_so_many_of_a_hundred_are_held_out(percent):
    """Within six standard deviations: a fair split fails once in 500 million."""
    n = 40_000
    vectors = vectors_of(np.ones(n, np.uint16), 1, percent, seeded("coins"))
    assert vectors.shape == (n, 2)
    assert (vectors.sum(axis=1) == 1).all()
    share = percent / 100
    assert abs(vectors[:, 1].sum() - n * share) < 6 * (n * share * (1 - share)) ** 0.5


def test_coins_are_tossed_for_rows_that_nobody_matches_too():
    drawn = []

    def rng(size: int) -> bytes:
        drawn.append(size)
        return bytes(size)

    none = vectors_of(np.zeros(10, np.uint16), 2, 50, rng)
    assert drawn == [40]
    assert none.sum() == 0
    assert none.shape == (10, 4)


@pytest.mark.parametrize("percent", [-1, 100, 101])
def test_other_shares_are_refused(percent):
    with pytest.raises(InvalidParameter):
        vectors_of(GROUPS, 3, percent, seeded("x"))


def test_a_share_takes_coins():
    with pytest.raises(InvalidParameter):
        vectors_of(GROUPS, 3, 20)


def test_values_come_to_lie_in_their_rows_clipped():
    values = np.array([[1, 2], [3, 9], [-4, 5]], np.int32)
    at = np.array([8, 0, 3], np.uint32)
    chunks = [read_vector(LAYOUT, c).tolist() for c in spread_vectors(LAYOUT, values, at, 9)]
    nothing = [0, 0]
    assert chunks == [
        [[3, 5], nothing, nothing, [0, 5]],
        [nothing] * 4,
        [[1, 2]],
    ]


def test_columns_come_to_lie_in_their_rows_and_others_say_nothing():
    dense, codes = np.array([[7], [-9]], np.int32), np.array([[3], [NONE]], np.uint16)
    at = np.array([5, 1], np.uint32)
    first, second = (
        read_columns(LAYOUT, chunk) for chunk in spread_columns(LAYOUT, dense, codes, at, 6)
    )
    assert [part.tolist() for part in first] == [[[0], [-9], [0], [0]], [[NONE]] * 4]
    assert [part.tolist() for part in second] == [[[0], [7]], [[NONE], [3]]]


def test_no_rows_are_no_chunks():
    values, at = np.zeros((0, 2), np.int32), np.zeros(0, np.uint32)
    assert list(spread_vectors(LAYOUT, values, at, 0)) == []


def test_what_is_said_of_people_follows_them_into_a_secret_order():
    people = np.array([2, NOBODY, 0, 1, NOBODY], np.uint32)
    values = np.array([[1, 2], [3, 9], [-4, 5]], np.int32)
    chunks = [read_vector(LAYOUT, c).tolist() for c in values_in_order(LAYOUT, values, people, 4)]
    assert chunks == [[[0, 5], [0, 0], [1, 2], [3, 5]], [[0, 0]]]
    dense, codes = np.array([[7], [-99], [9]], np.int32), np.array([[3], [NONE], [0]], np.uint16)
    first, second = (
        read_columns(LAYOUT, chunk) for chunk in columns_in_order(LAYOUT, dense, codes, people, 4)
    )
    assert [part.tolist() for part in first] == [[[9], [0], [7], [-9]], [[0], [NONE], [3], [NONE]]]
    assert [part.tolist() for part in second] == [[[0]], [[NONE]]]


def test_nobody_brings_nothing_at_all():
    none = np.zeros(0, np.uint32)
    assert list(values_in_order(LAYOUT, np.zeros((0, 2), np.int32), none, 4)) == []
    nobody = np.full(3, NOBODY, np.uint32)
    (chunk,) = values_in_order(LAYOUT, np.zeros((0, 2), np.int32), nobody, 4)
    assert chunk == bytes(3 * 8)
