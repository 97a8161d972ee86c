"""How far a union index is: never more than everything, never backwards, everything at the end."""

import dataclasses

import pytest

from protocols.errors import LocalError
from protocols.psi.union import UNION_INDEX, UnionParams
from protocols.psi.union_progress import progress
from protocols.session import Progress, Role
from tests.support.pair import CTX, run_pair
from tests.support.seeded import digests

PARAMS = UnionParams(max_items=500, chunk_items=8, tag_bytes=12, dummies=3)


@pytest.mark.parametrize(("mine", "theirs"), [(30, 20), (20, 30), (1, 17), (0, 9), (9, 0)])
def test_progress_only_grows_and_ends_with_both_lists(mine, theirs):
    said: dict[Role, list[Progress]] = {role: [] for role in Role}

    def step(state, message, fetch, rng):
        role = Role.INITIATOR if "initiator" in state.KIND else Role.RESPONDER
        said[role].append(progress(state))
        return UNION_INDEX.step(state, message, fetch, rng)

    watched = dataclasses.replace(UNION_INDEX, step=step)
    run_pair(watched, PARAMS, CTX, digests(range(mine)), digests(range(theirs)))
    whole = {
        Role.INITIATOR: 3 * (mine + 3) + theirs + 3,
        Role.RESPONDER: 2 * (mine + 3) + 2 * (theirs + 3),
    }
    of_peer = {Role.INITIATOR: theirs, Role.RESPONDER: mine}
    for role, steps in said.items():
        done = [step.done for step in steps]
        assert done == sorted(done)
        assert {p.total + p.per_peer_row * of_peer[role] for p in steps} == {whole[role]}
        assert done[0] == 0
        assert done[-1] == whole[role]


def test_another_record_is_no_state():
    with pytest.raises(LocalError):
        progress(PARAMS)
