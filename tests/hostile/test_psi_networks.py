"""Over a network that loses, repeats, swaps or damages messages a run ends right or not at all."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import ProtocolError
from protocols.psi import dh, ot, ring
from protocols.psi.blinded_join import BLINDED_JOIN
from protocols.psi.prepared import PREPARED
from protocols.psi.union import UNION_INDEX
from protocols.sums import cot
from tests.support import hostile_runs
from tests.support.aligned_runs import by_groups, groups_of, joined_sums, play_sums_by_join
from tests.support.circle import run_circle
from tests.support.depth import examples
from tests.support.faulty_network import FAULTS, FaultyNetwork
from tests.support.pair import CTX, Stalled, TranscriptsDiffer
from tests.support.union_vectors import numbers

REFUSED = (ProtocolError, Stalled, TranscriptsDiffer)
FEW = st.dictionaries(st.integers(0, 12), FAULTS)
IN_ROWS = 4
"""Of eight matches: they are neighbours, from an even position on."""


@pytest.mark.parametrize(
    ("protocol", "play", "count"),
    [
        pytest.param(dh.MEMBERS, hostile_runs.play_dh, 8, id="psi-dh-members"),
        pytest.param(dh.CARDINALITY, hostile_runs.play_dh, IN_ROWS, id="psi-dh-cardinality"),
        pytest.param(PREPARED, hostile_runs.play_first, 8, id="psi-dh-prepared, first"),
        pytest.param(PREPARED, hostile_runs.play_later, 8, id="psi-dh-prepared, later"),
    ],
)
@settings(max_examples=examples(15))
@given(faults=FEW)
def test_a_hostile_network_gives_the_right_result_or_none(protocol, play, count, faults):
    with contextlib.suppress(*REFUSED):
        played = play(protocol, deliver=FaultyNetwork(faults).deliver)
        assert played.output.count == count


@pytest.mark.parametrize("protocol", [ot.MEMBERS, ot.LABELLED], ids=lambda p: p.name)
@settings(max_examples=examples(10))
@given(faults=FEW)
def test_a_hostile_network_gives_the_right_members_by_ot_or_none(protocol, faults):
    with contextlib.suppress(*REFUSED):
        played = hostile_runs.play_ot(protocol, deliver=FaultyNetwork(faults).deliver)
        assert played.output.count == 8


@settings(max_examples=examples(10))
@given(faults=st.dictionaries(st.integers(0, 20), FAULTS))
def test_a_hostile_network_gives_the_right_index_or_none(faults):
    with contextlib.suppress(*REFUSED):
        played = hostile_runs.play_union(UNION_INDEX, deliver=FaultyNetwork(faults).deliver)
        assert numbers(played.receiver)[9:] == numbers(played.sender)[:5]
        assert len({*numbers(played.receiver), *numbers(played.sender)}) == 20


@settings(max_examples=examples(10))
@given(faults=FEW)
def test_a_hostile_network_gives_the_right_groups_or_none(faults):
    with contextlib.suppress(*REFUSED):
        played = hostile_runs.play_join(BLINDED_JOIN, deliver=FaultyNetwork(faults).deliver)
        assert groups_of(played.receiver) == [1] * 2 + [2] * 6 + [0] * 10


@pytest.mark.parametrize("to_holder", [True, False])
@settings(max_examples=examples(15))
@given(faults=FEW)
def test_a_hostile_network_gives_the_right_sums_or_none(to_holder, faults):
    groups, theirs = hostile_runs.GROUPS, hostile_runs.THEIRS
    with contextlib.suppress(*REFUSED):
        network = FaultyNetwork(faults)
        played = play_sums_by_join(groups, theirs, to_holder=to_holder, deliver=network.deliver)
        learner = played.receiver if to_holder else played.sender
        assert list(learner.output.values) == joined_sums(by_groups(groups), theirs, 2, 1)


@pytest.mark.parametrize("to_holder", [True, False], ids=["to vectors", "to matrix"])
@pytest.mark.parametrize("protocol", [cot.SUMS, cot.NARROW], ids=lambda p: p.name)
@settings(max_examples=examples(5))
@given(faults=st.dictionaries(st.integers(0, 16), FAULTS))
def test_a_hostile_network_gives_the_sums_of_a_route_or_none(protocol, to_holder, faults):
    deliver = FaultyNetwork(faults).deliver
    with contextlib.suppress(*REFUSED):
        played = hostile_runs.play_sums(protocol, to_holder=to_holder, deliver=deliver)
        sums = (played.receiver if to_holder else played.sender).output
        assert sums.values == hostile_runs.SUM_OF.sums()


@pytest.mark.parametrize("protocol", [ring.MEMBERS, ring.CARDINALITY], ids=lambda p: p.name)
@settings(max_examples=examples(10))
@given(faults=st.dictionaries(st.integers(0, 40), FAULTS, max_size=4))
def test_a_hostile_network_gives_the_right_count_of_many_or_none(protocol, faults):
    params, sets = hostile_runs.RING_IN_CHUNKS, hostile_runs.RING_SETS
    with contextlib.suppress(*REFUSED):
        played = run_circle(protocol, params, CTX, sets, deliver=FaultyNetwork(faults).between)
        assert played[0].output.count == 6
