"""For any bytes, in any state, a step of a matching protocol returns or raises ProtocolError, and
nothing else.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import encode
from protocols.multi_party import MultiParty
from protocols.registry import REGISTRY
from tests.support.depth import examples
from tests.support.hostile_runs import RUNS
from tests.support.recorded import fields_of, flipped, take

NAMES = list(RUNS)
PAIRS = [name for name, run in RUNS.items() if not isinstance(run.protocol, MultiParty)]


def test_no_protocol_of_the_registry_is_forgotten():
    assert set(REGISTRY) <= {run.protocol.name for run in RUNS.values()}


@pytest.mark.parametrize("name", PAIRS)
def test_every_message_in_every_state(name):
    protocol, recording = RUNS[name].protocol, RUNS[name].recording()
    outcomes = {
        take(protocol, recording, state, message)
        for state in recording.states
        for message in [None, *recording.messages]
    }
    assert {"went on", "unexpected-message"} <= outcomes


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(PAIRS)))
@settings(max_examples=examples(100))
@given(st.data())
def test_any_message_in_any_state(name, data):
    protocol, recording = RUNS[name].protocol, RUNS[name].recording()
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(st.none() | st.sampled_from(recording.messages))
    assert take(protocol, recording, state, message) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(75))
@given(st.data())
def test_flipped_bits_in_every_state(name, data):
    protocol, recording = RUNS[name].protocol, RUNS[name].recording()
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(st.sampled_from(recording.messages))
    places = data.draw(st.lists(st.integers(0, 8 * len(message) - 1), min_size=1, max_size=3))
    assert take(protocol, recording, state, flipped(message, places)) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(50))
@given(st.data())
def test_any_bytes_in_every_state(name, data):
    protocol, recording = RUNS[name].protocol, RUNS[name].recording()
    state = data.draw(st.sampled_from(recording.states))
    noise = data.draw(st.binary(max_size=200))
    assert take(protocol, recording, state, noise) == "malformed-message"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(75))
@given(st.data())
def test_any_values_in_every_message(name, data):
    protocol, recording = RUNS[name].protocol, RUNS[name].recording()
    state = data.draw(st.sampled_from(recording.states))
    kind = data.draw(st.sampled_from(protocol.messages))
    message = encode(data.draw(fields_of(kind)))
    assert take(protocol, recording, state, message) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=examples(50))
@given(st.data())
def test_a_damaged_state_is_refused_or_read(name, data):
    protocol, recording = RUNS[name].protocol, RUNS[name].recording()
    state = data.draw(st.sampled_from(recording.states))
    places = data.draw(st.lists(st.integers(0, 8 * len(state) - 1), min_size=1, max_size=3))
    message = data.draw(st.none() | st.sampled_from(recording.messages))
    assert take(protocol, recording, flipped(state, places), message) != ""


@pytest.mark.parametrize(
    "name",
    [
        "psi-union-index/1",
        "join-blinded/1",
        "sums-union-clear/1",
        "sums-cot/1",
        "sums-cot-narrow/1",
    ],
)
def test_every_kind_of_message_was_played(name):
    messages = RUNS[name].recording().messages
    for kind in RUNS[name].protocol.messages:
        assert any(kind.KIND.encode() in message for message in messages)
