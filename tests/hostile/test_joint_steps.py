"""For any bytes, in any state, a step of a joint score returns or raises ProtocolError, and nothing
else. Its sums are in the clear here: those of the routes are tried in `test_sums_steps.py`.
"""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import encode
from protocols.joint.looks import Look
from protocols.joint.scoring import Hidden, Weights
from protocols.joint.tables import Table, Tables
from protocols.joint.widths import UNIT
from tests.support.depth import examples
from tests.support.joint_runs import AGAIN, RUN, params_of, play_joint
from tests.support.recorded import Recording, fields_of, flipped, take, watched

LOOK = Look((4, 3), (2, 2))
MINE, THEIRS = list(range(160)), list(range(20, 200))
OWN_KINDS = [Tables.KIND, Weights.KIND, Hidden.KIND]
TABLES = st.builds(
    Tables,
    st.lists(
        st.builds(
            Table, st.integers(-1, 3) | st.integers(-(2**63), 2**64 - 1), st.binary(max_size=5)
        ),
        max_size=4,
    ).map(tuple),
)


@functools.cache
def recorded() -> Recording:
    """A run in which the partner's cells say the label, so that there are tables."""
    d = np.random.default_rng(1)
    own = d.integers(0, UNIT + 1, (len(MINE), 2)).astype(np.uint8)
    labels = d.integers(0, 2, len(MINE)).astype(np.uint8)
    columns = d.integers(0, UNIT + 1, (len(THEIRS), 2)).astype(np.uint8)
    bins = d.integers(0, 2, (len(THEIRS), 4)).astype(np.uint16)
    bins[:140, 0] = labels[20:]
    states: list[bytes] = []
    params = params_of(205, 2, 2, look=LOOK, tables=3)
    protocol = watched(RUN, states)
    run = play_joint(MINE, THEIRS, own, labels, columns, protocol, params, bins)
    messages = run.receiver.sent + run.sender.sent
    return Recording(sorted(set(states)), messages, run.sender.chunks | run.receiver.chunks)


def test_every_message_in_every_state() -> None:
    recording = recorded()
    outcomes = {
        take(RUN, recording, state, message)
        for state in recording.states
        for message in [None, *recording.messages]
    }
    assert {"went on", "unexpected-message"} <= outcomes


def test_every_kind_of_its_own_messages_was_played() -> None:
    tables = [m for m in recorded().messages if Table.KIND.encode() in m]
    assert len(tables) == 1
    for kind in OWN_KINDS:
        assert any(kind.encode() in message for message in recorded().messages)


@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_flipped_bits_of_its_own_messages_in_every_state(data: st.DataObject) -> None:
    recording = recorded()
    own = [m for m in recording.messages if any(kind.encode() in m[:30] for kind in OWN_KINDS)]
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(st.sampled_from(own))
    places = data.draw(st.lists(st.integers(0, 8 * len(message) - 1), min_size=1, max_size=3))
    assert take(RUN, recording, state, flipped(message, places)) != ""


@pytest.mark.parametrize("protocol", [RUN, AGAIN], ids=lambda p: p.name)
@settings(max_examples=examples(60), deadline=None)
@given(st.data())
def test_records_with_any_values_in_every_state(protocol, data: st.DataObject) -> None:
    recording = recorded()
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(TABLES | fields_of(Weights) | fields_of(Hidden))
    assert take(protocol, recording, state, encode(message)) != ""
