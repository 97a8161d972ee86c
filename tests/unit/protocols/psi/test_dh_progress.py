"""How far a run is: never more than everything, never backwards, everything at the end."""

import dataclasses

import pytest

from protocols.errors import LocalError
from protocols.psi import dh
from protocols.psi.dh_progress import progress
from protocols.psi.params import PsiParams, RowParams
from protocols.session import Progress, Role, Wait
from tests.support.pair import CTX, items_of, run_pair
from tests.support.seeded import digests, seeded

PARAMS = PsiParams(max_items=500, chunk_items=8, tag_bytes=12, strict=False)
COUNTING = RowParams(max_items=500, chunk_items=8, tag_bytes=12, strict=False)
BOTH = [
    pytest.param(dh.MEMBERS, PARAMS, id="members"),
    pytest.param(dh.CARDINALITY, COUNTING, id="cardinality"),
]


def watched(protocol):
    """Return the protocol, and what it says of each state that it steps from, by side."""
    said = {"receiver": [], "sender": []}

    def step(state, message, fetch, rng):
        side = state.KIND.removeprefix("psi-dh-").partition("-")[0]
        said[side].append(progress(state))
        return protocol.step(state, message, fetch, rng)

    return dataclasses.replace(protocol, step=step), said


@pytest.mark.parametrize(("protocol", "params"), BOTH)
@pytest.mark.parametrize(("receiver", "sender"), [(30, 20), (20, 30), (1, 17), (0, 9), (9, 0)])
def test_progress_only_grows_and_ends_with_both_sets(protocol, params, receiver, sender):
    played, said = watched(protocol)
    run_pair(played, params, CTX, digests(range(receiver)), digests(range(sender)))
    peers = {"receiver": sender, "sender": receiver}
    for side, steps in said.items():
        done = [step.done for step in steps]
        assert done == sorted(done)
        for step in steps:
            assert 0 <= step.done <= step.total + step.per_peer_row * peers[side]
            assert step.total + step.per_peer_row * peers[side] == receiver + sender
    assert said["sender"][-1] == Progress(receiver + sender, receiver + sender)


def test_a_side_that_has_not_heard_a_size_says_so():
    items, _ = items_of(digests(range(20)), PARAMS.chunk_items)
    begun = dh.MEMBERS.begin(Role.RESPONDER, PARAMS, CTX, items, seeded("begin"))
    assert isinstance(begun, Wait)
    assert dh.MEMBERS.progress is progress
    assert progress(begun.state) == Progress(0, 20, per_peer_row=1)


def test_another_record_is_no_state():
    with pytest.raises(LocalError):
        progress(PARAMS)
