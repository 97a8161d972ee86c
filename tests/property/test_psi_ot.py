"""For any two sets and any parameters, the result is the intersection."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.psi import ot
from protocols.psi.params import OtParams, SenderDone
from tests.support.depth import examples
from tests.support.pair import CTX, run_pair
from tests.support.seeded import digests

sets = st.lists(st.integers(0, 60), unique=True, max_size=40)
parameters = st.builds(
    OtParams,
    max_items=st.just(40),
    chunk_items=st.integers(1, 50),
    tag_bytes=st.integers(10, 16),
    chunk_rows=st.sampled_from([4096, 8192]),
    bucket_items=st.integers(16, 50),
)


@settings(max_examples=examples(8), deadline=None)
@given(sets, sets, parameters)
def test_members_are_the_intersection(mine, theirs, params):
    played = run_pair(ot.MEMBERS, params, CTX, digests(mine), digests(theirs))
    assert [mine[i] for i in played.matched()] == [n for n in mine if n in set(theirs)]
    assert played.sender.output == SenderDone(len(mine))


def check(receiver: int, sender: int, common: int, params: OtParams, seed: str) -> None:
    """Match sets of these sizes in mixed orders, and compare with the plain intersection."""
    order = np.random.default_rng(len(seed) * 1_000_003 + receiver + sender)
    mine = order.permutation(receiver).tolist()
    theirs = order.permutation(np.arange(receiver - common, receiver - common + sender)).tolist()
    played = run_pair(ot.MEMBERS, params, CTX, digests(mine), digests(theirs), seed=seed)
    known = set(theirs)
    wanted = [i for i, n in enumerate(mine) if n in known]
    assert played.matched() == wanted
    assert len(wanted) == min(common, sender)


@settings(max_examples=examples(4), deadline=None)
@given(st.integers(0, 6000), st.integers(0, 6000), st.data())
def test_larger_sets(receiver, sender, data):
    common = data.draw(st.integers(0, min(receiver, sender)))
    bucket_items = data.draw(st.sampled_from([700, 2**20]))
    params = OtParams(6000, 1000, 12, 4096, bucket_items)
    check(receiver, sender, common, params, f"{receiver}/{sender}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("receiver", "sender", "common", "bucket_items"),
    [
        (300_000, 300_000, 120_000, 2**20),
        (300_000, 300_000, 120_000, 50_000),
        (1000, 300_000, 400, 2**20),
        (300_000, 1000, 400, 70_000),
        (123_457, 65_536, 65_536, 2**20),
    ],
)
def test_large_sets(receiver, sender, common, bucket_items):
    params = OtParams(300_000, bucket_items=bucket_items)
    check(receiver, sender, common, params, "large")
