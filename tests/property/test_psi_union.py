"""For any two sets and any parameters, the index is one of the union."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.psi.union import UnionIndex, UnionParams, union_index
from tests.support.backends import BACKENDS
from tests.support.depth import examples
from tests.support.pair import CTX, run_pair
from tests.support.seeded import digests
from tests.support.union_vectors import numbers

sets = st.lists(st.integers(0, 60), unique=True, max_size=40)
parameters = st.builds(
    UnionParams,
    max_items=st.just(40),
    chunk_items=st.integers(1, 50),
    tag_bytes=st.integers(10, 16),
    dummies=st.integers(1, 10),
)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=examples(13))
@given(sets, sets, parameters)
def test_items_have_one_row_if_and_only_if_they_are_the_same(backend, mine, theirs, params):
    played = run_pair(union_index(backend), params, CTX, digests(mine), digests(theirs))
    total = len(mine) + len(theirs) + 2 * params.dummies
    assert played.receiver.output == UnionIndex(total, len(mine))
    assert played.sender.output == UnionIndex(total, len(theirs))
    first = dict(zip(mine, numbers(played.receiver), strict=True))
    second = dict(zip(theirs, numbers(played.sender), strict=True))
    for n, row in first.items():
        assert [m for m, other in second.items() if other == row] == [n] * (n in second)
    assert len(set(first.values())) == len(mine)
    assert len(set(second.values())) == len(theirs)
    assert all(0 <= row < total for row in (*first.values(), *second.values()))


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(30_000, 20_000, 9_000), (300, 40_000, 200)])
def test_large_sets_too(sizes):
    mine, theirs, common = sizes
    lists = digests(range(mine)), digests(range(mine - common, mine - common + theirs))
    played = run_pair(union_index(), UnionParams(40_000, 4096, 12, 1000), CTX, *lists)
    first, second = numbers(played.receiver), numbers(played.sender)
    assert first[mine - common :] == second[:common]
    assert len({*first, *second}) == mine + theirs - common
    assert played.sender.output == UnionIndex(mine + theirs + 2000, theirs)
