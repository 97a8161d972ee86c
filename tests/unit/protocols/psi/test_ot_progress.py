"""How far a run of psi-ot is: never more than everything, never backwards, all at the end."""

import dataclasses
import itertools

import pytest

from protocols.errors import LocalError
from protocols.psi import ot
from protocols.psi.ot_progress import progress
from protocols.psi.params import OtParams
from protocols.session import Progress, Role, Wait
from tests.support.pair import CTX, items_of, run_pair
from tests.support.seeded import digests, seeded

PARAMS = OtParams(max_items=20_000, chunk_items=8, tag_bytes=12, chunk_rows=4096)
BUCKETED = dataclasses.replace(PARAMS, bucket_items=16)


def watched():
    """Return the protocol, and what it says of each state that it steps from, by side."""
    said = {"receiver": [], "sender": []}

    def step(state, message, fetch, rng):
        side = state.KIND.removeprefix("psi-ot-").partition("-")[0]
        said[side].append(progress(state))
        return ot.MEMBERS.step(state, message, fetch, rng)

    return dataclasses.replace(ot.MEMBERS, step=step), said


@pytest.mark.parametrize("params", [PARAMS, BUCKETED], ids=["one bucket", "buckets"])
@pytest.mark.parametrize(("receiver", "sender"), [(30, 20), (20, 90), (1, 17), (0, 9), (9, 0)])
def test_progress_only_grows_and_ends_with_both_sets(params, receiver, sender):
    played, said = watched()
    run_pair(played, params, CTX, digests(range(receiver)), digests(range(sender)))
    peers = {"receiver": sender, "sender": receiver}
    for side, steps in said.items():
        done = [step.done for step in steps]
        assert done == sorted(done)
        for step in steps:
            assert 0 <= step.done <= step.total + step.per_peer_row * peers[side]
            assert step.total + step.per_peer_row * peers[side] == receiver + sender
    assert said["sender"][-1] == Progress(receiver + sender, receiver + sender)


def test_blocks_and_chunks_of_every_bucket_count():
    played, said = watched()
    params = OtParams(20_000, 1024, 10, 4096, bucket_items=3000)
    run_pair(played, params, CTX, digests(range(9000)), digests(range(6000, 13_000)))
    for steps in said.values():
        assert len({step.done for step in steps}) > 12
        assert max(b.done - a.done for a, b in itertools.pairwise(steps)) < 4000


def test_a_side_that_has_not_heard_a_size_says_so():
    items, _ = items_of(digests(range(20)), PARAMS.chunk_items)
    begun = ot.MEMBERS.begin(Role.RESPONDER, PARAMS, CTX, items, seeded("begin"))
    assert isinstance(begun, Wait)
    assert ot.MEMBERS.progress is ot.LABELLED.progress is progress
    assert progress(begun.state) == Progress(0, 20, per_peer_row=1)


def test_another_record_is_no_state():
    with pytest.raises(LocalError):
        progress(PARAMS)
