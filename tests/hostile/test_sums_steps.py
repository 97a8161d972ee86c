"""For any bytes, in any state, a step of aligned sums returns or raises ProtocolError, and nothing
else; over a bad network a run ends right or not at all. A route is a line in `NAMES`.
"""

import contextlib
import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import encode
from protocols.errors import ProtocolError
from protocols.sums import routes
from protocols.sums.layout import SumLayout
from protocols.sums.records import SumParams
from tests.support.aligned import drawn, run_sums
from tests.support.depth import examples
from tests.support.faulty_network import FAULTS, FaultyNetwork
from tests.support.pair import Stalled, TranscriptsDiffer
from tests.support.recorded import Recording, fields_of, flipped, take, watched

NAMES = ["bfv"]
LAYOUT = SumLayout(2, 3, (5,), (3,), 20, 2)
"""Small chunks, so that one side has more than one message to send."""
ENTRIES = drawn(LAYOUT, 20)
REFUSED = (ProtocolError, Stalled, TranscriptsDiffer)


def params(*, to_holder: bool) -> SumParams:
    return SumParams(LAYOUT, to_holder, (0,) * LAYOUT.columns)


@functools.cache
def recorded(name: str) -> Recording:
    """A run with each side as the receiver, and one over no rows."""
    states: list[bytes] = []
    messages: list[bytes] = []
    chunks: dict[str, bytes] = {}
    for to_holder, entries in ((True, drawn(LAYOUT, 0)), (True, ENTRIES), (False, ENTRIES)):
        protocol = watched(routes.find(name), states)
        run = run_sums(entries, params(to_holder=to_holder), protocol)
        messages += run.receiver.sent + run.sender.sent
        chunks |= run.sender.chunks | run.receiver.chunks
    return Recording(sorted(set(states)), messages, chunks)


@pytest.mark.parametrize("name", NAMES)
def test_every_message_in_every_state(name):
    recording = recorded(name)
    outcomes = {
        take(routes.find(name), recording, state, message)
        for state in recording.states
        for message in [None, *recording.messages]
    }
    assert {"went on", "unexpected-message", "context-mismatch"} <= outcomes


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_message_and_state_was_played(name):
    protocol, recording = routes.find(name), recorded(name)
    for kind in protocol.messages:
        assert any(kind.KIND.encode() in message for message in recording.messages)
    for state in protocol.states:
        assert any(state.KIND.encode() in one for one in recording.states)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(38), deadline=None)
@given(st.data())
def test_flipped_bits_in_every_state(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(st.sampled_from(recording.messages))
    places = data.draw(st.lists(st.integers(0, 8 * len(message) - 1), min_size=1, max_size=3))
    assert take(routes.find(name), recording, state, flipped(message, places)) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(25), deadline=None)
@given(st.data())
def test_truncated_messages_in_every_state(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(st.sampled_from(recording.messages))
    cut = message[: data.draw(st.integers(0, len(message) - 1))]
    assert take(routes.find(name), recording, state, cut) == "malformed-message"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(25), deadline=None)
@given(st.data())
def test_any_bytes_in_every_state(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    noise = data.draw(st.binary(max_size=200))
    assert take(routes.find(name), recording, state, noise) == "malformed-message"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(38), deadline=None)
@given(st.data())
def test_any_values_in_every_message(name, data):
    protocol, recording = routes.find(name), recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    kind = data.draw(st.sampled_from(protocol.messages))
    message = encode(data.draw(fields_of(kind)))
    assert take(protocol, recording, state, message) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(38), deadline=None)
@given(st.data())
def test_a_damaged_state_is_refused_or_read(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    places = data.draw(st.lists(st.integers(0, 8 * len(state) - 1), min_size=1, max_size=3))
    message = data.draw(st.none() | st.sampled_from(recording.messages))
    assert take(routes.find(name), recording, flipped(state, places), message) != ""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("to_holder", [True, False])
@settings(max_examples=examples(8), deadline=None)
@given(faults=st.dictionaries(st.integers(0, 5), FAULTS))
def test_a_hostile_network_gives_the_right_sums_or_none(name, to_holder, faults):
    """A flipped bit may give other sums: then the sides' transcripts differ."""
    network = FaultyNetwork(faults)
    with contextlib.suppress(*REFUSED):
        run = run_sums(
            ENTRIES, params(to_holder=to_holder), routes.find(name), deliver=network.deliver
        )
        output = run.receiver.output if to_holder else run.sender.output
        assert output.values == ENTRIES.sums()
