"""For any two sets and any parameters, the result is the intersection."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.psi import dh
from protocols.psi.dh import Cardinality, PsiParams, SenderDone
from tests.support.backends import BACKENDS
from tests.support.depth import examples
from tests.support.pair import CTX, params_for, run_pair
from tests.support.seeded import digests

sets = st.lists(st.integers(0, 60), unique=True, max_size=40)
parameters = st.builds(
    PsiParams,
    max_items=st.just(40),
    chunk_items=st.integers(1, 50),
    tag_bytes=st.integers(10, 16),
    strict=st.booleans(),
)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=examples(15))
@given(sets, sets, parameters)
def test_members_are_the_intersection(backend, mine, theirs, params):
    played = run_pair(dh.members(backend), params, CTX, digests(mine), digests(theirs))
    assert [mine[i] for i in played.matched()] == [n for n in mine if n in set(theirs)]
    assert played.sender.output == SenderDone(len(mine))


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=examples(15))
@given(sets, sets, parameters)
def test_cardinality_is_its_size(backend, mine, theirs, params):
    rows = params_for(dh.CARDINALITY, params)
    played = run_pair(dh.cardinality(backend), rows, CTX, digests(mine), digests(theirs))
    assert played.receiver.output == Cardinality(len(set(mine) & set(theirs)))
    assert played.sender.output == SenderDone(len(mine))
