import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import InvalidElement, InvalidParameter
from protocols.psi.join import check_distinct, join, join_pairs, tags_from_bytes

# Few different bytes, so that tags share words and still differ.
tags = st.lists(
    st.tuples(st.binary(min_size=0, max_size=1), st.sampled_from([0, 7, 8, 9])).map(
        lambda t: bytes(t[1]) + t[0] + bytes(10 - t[1] - len(t[0]))
    ),
    unique=True,
    max_size=30,
)


def rows(values: list[bytes], size: int = 10) -> "np.ndarray":
    return tags_from_bytes(b"".join(values), size)


@given(tags, tags)
def test_it_is_the_intersection_in_positions_of_mine(mine, theirs):
    found = join(rows(mine), rows(theirs))
    assert found.tolist() == [i for i, tag in enumerate(mine) if tag in set(theirs)]
    assert found.dtype == np.uint32


@given(tags, tags)
def test_pairs_say_where_each_is_in_both(mine, theirs):
    left, right = join_pairs(rows(mine), rows(theirs))
    assert [mine[i] for i in left] == [theirs[i] for i in right]
    assert sorted(left.tolist()) == join(rows(mine), rows(theirs)).tolist()


@pytest.mark.parametrize("size", [8, 10, 12, 16])
def test_every_byte_of_a_tag_counts(size):
    mine = bytes(range(size))
    for place in range(size):
        theirs = bytearray(mine)
        theirs[place] ^= 0x80
        assert join(rows([mine], size), rows([bytes(theirs)], size)).tolist() == []
    assert join(rows([mine], size), rows([mine], size)).tolist() == [0]


def test_large_sets():
    rng = np.random.default_rng(1)
    mine = rng.integers(0, 256, (20_000, 12), dtype=np.uint8)
    theirs = rng.integers(0, 256, (30_000, 12), dtype=np.uint8)
    theirs[1000:4000] = mine[:3000][::-1]
    assert join(mine, theirs).tolist() == list(range(3000))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ([b"a" * 10, b"a" * 10], []),
        ([], [b"a" * 10, b"b" * 10, b"a" * 10]),
        ([b"a" * 10], [b"a" * 10, b"a" * 10]),
        ([b"a" * 10, b"a" * 10], [b"a" * 10]),
        ([b"a" * 10, b"a" * 10], [b"a" * 10, b"a" * 10]),
    ],
)
def test_an_element_twice_in_a_set_is_refused(mine, theirs):
    with pytest.raises(InvalidElement):
        join(rows(mine), rows(theirs))


def test_distinct_tags_pass_the_check_for_duplicates():
    assert check_distinct(rows([b"a" * 10, b"a" * 9 + b"b"])) is None
    with pytest.raises(InvalidElement):
        check_distinct(rows([b"a" * 10, b"b" * 10, b"a" * 10]))


def test_tags_of_different_or_odd_lengths_are_refused():
    for left, right in ((10, 12), (7, 7), (17, 17)):
        with pytest.raises(InvalidParameter):
            join(rows([bytes(left)], left), rows([bytes(right)], right))
