"""The law of prepared sets: increments lead where preparing afresh leads, and runs are exact."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.psi import prepared
from protocols.psi.params import Members, PreparedParams, SenderDone
from tests.support.backends import BACKENDS
from tests.support.depth import examples
from tests.support.pair import CTX, run_pair
from tests.support.prepared_sets import Receiver, Sender
from tests.support.seeded import digests

numbers = st.integers(0, 50)
orders = st.lists(numbers, unique=True, max_size=40)
parameters = st.builds(
    PreparedParams,
    max_items=st.just(60),
    chunk_items=st.integers(1, 50),
    tag_bytes=st.integers(10, 16),
)
turns = st.lists(st.tuples(orders, orders, st.sampled_from(["run", "miss", "lose"])), max_size=5)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=examples(15))
@given(turns, parameters)
def test_after_any_increments_a_run_is_the_intersection(backend, turns, params):
    """People come and go; some versions the receiver never sees, and once in a while it loses all.

    After each run its copy is the set as if prepared afresh.
    """
    protocol = prepared.prepared(backend)
    sender, receiver = Sender(params, backend=backend), Receiver(params)
    for number, (mine, theirs, what) in enumerate(turns):
        sender.take(digests(theirs))
        if what == "miss":
            continue
        if what == "lose":
            receiver = Receiver(params)
        played = run_pair(
            protocol,
            params,
            CTX,
            digests(mine),
            digests(theirs),
            seed=str(number),
            laid=(receiver.chunks(), sender.chunks()),
        )
        assert [mine[i] for i in played.matched()] == [n for n in mine if n in set(theirs)]
        assert played.output == Members(len(set(mine) & set(theirs)))
        assert played.sender.output == SenderDone(len(mine))
        receiver.adopt(played.receiver.chunks)
        afresh = Sender(params, backend=backend)
        afresh.take(digests(theirs))
        assert receiver.tags() == afresh.history[-1]
        assert receiver.copy is not None
        assert receiver.copy.checksum.count == len(theirs)
