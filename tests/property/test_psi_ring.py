"""For any sets of three to five parties, in any interleaving, the result is the intersection."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.psi import ring
from protocols.psi.params import Cardinality, PsiParams, SenderDone
from tests.support.backends import BACKENDS
from tests.support.circle import run_circle
from tests.support.depth import examples
from tests.support.pair import CTX
from tests.support.seeded import digests

own = st.lists(st.integers(0, 25), unique=True, max_size=25)
sets = st.lists(own, min_size=3, max_size=5)
parameters = st.builds(
    PsiParams,
    max_items=st.just(40),
    chunk_items=st.integers(1, 50),
    tag_bytes=st.integers(10, 16),
    strict=st.just(True),
)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=examples(6))
@given(sets, parameters, st.text(max_size=3))
def test_members_are_the_intersection_of_all(backend, parties, params, order):
    lists = [digests(numbers) for numbers in parties]
    played = run_circle(ring.members(backend), params, CTX, lists, order=order)
    wanted = [n for n in parties[0] if all(n in other for other in parties)]
    assert [parties[0][i] for i in played[0].matched()] == wanted
    assert all(m.output == SenderDone(len(parties[0])) for m in played[1:])


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=examples(6))
@given(sets, parameters, st.text(max_size=3))
def test_cardinality_is_its_size(backend, parties, params, order):
    lists = [digests(numbers) for numbers in parties]
    played = run_circle(ring.cardinality(backend), params, CTX, lists, order=order)
    assert played[0].output == Cardinality(len(set.intersection(*map(set, parties))))


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [ring.MEMBERS, ring.CARDINALITY], ids=lambda p: p.name)
def test_large_sets_too(protocol):
    parties = [range(20_000), range(5_000, 25_000), range(8_000, 30_000), range(15_500)]
    lists = [digests(numbers) for numbers in parties]
    played = run_circle(protocol, PsiParams(40_000, 4096), CTX, lists)
    assert played[0].output.count == 7_500
    if protocol is ring.MEMBERS:
        assert played[0].matched() == list(range(8_000, 15_500))
