"""For any bytes, in any state, a step against a prepared set returns or raises ProtocolError, and
nothing else: in a first run, where the whole set comes, and in a later one with a difference.
"""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import encode
from protocols.errors import ProtocolError
from protocols.psi.params import PreparedParams
from protocols.psi.prepared import PREPARED
from tests.support.pair import CTX, Laid, Stalled, TranscriptsDiffer, run_pair
from tests.support.prepared_sets import Receiver, Sender, laid_for
from tests.support.recorded import Recording, fields_of, flipped, take
from tests.support.recorded import recorded as recorded_run
from tests.support.seeded import digests

PARAMS = PreparedParams(max_items=60, chunk_items=8, tag_bytes=12)
MINE, THEIRS, BEFORE = range(20), range(12, 30), range(5, 25)
NAMES = ["first", "later"]


@functools.cache
def laid(name: str) -> Laid:
    """Return the chunks that both sides find before a first run, or before a later one."""
    if name == "first":
        return laid_for(PARAMS, digests(THEIRS))
    sender, receiver = Sender(PARAMS), Receiver(PARAMS)
    sender.take(digests(BEFORE))
    played = run_pair(
        PREPARED,
        PARAMS,
        CTX,
        digests(MINE),
        digests(BEFORE),
        laid=(receiver.chunks(), sender.chunks()),
    )
    receiver.adopt(played.receiver.chunks)
    sender.take(digests(THEIRS))
    return receiver.chunks(), sender.chunks()


def recorded(name: str) -> Recording:
    return recorded_run(PREPARED.name, PARAMS, MINE, THEIRS, laid(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_message_in_every_state(name):
    recording = recorded(name)
    outcomes = {
        take(PREPARED, recording, state, message)
        for state in recording.states
        for message in [None, *recording.messages]
    }
    assert {"went on", "unexpected-message"} <= outcomes


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=300)
@given(st.data())
def test_flipped_bits_in_every_state(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(st.sampled_from(recording.messages))
    places = data.draw(st.lists(st.integers(0, 8 * len(message) - 1), min_size=1, max_size=3))
    assert take(PREPARED, recording, state, flipped(message, places)) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200)
@given(st.data())
def test_any_bytes_in_every_state(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    noise = data.draw(st.binary(max_size=200))
    assert take(PREPARED, recording, state, noise) == "malformed-message"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=300)
@given(st.data())
def test_any_values_in_every_message(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    kind = data.draw(st.sampled_from(PREPARED.messages))
    message = encode(data.draw(fields_of(kind)))
    assert take(PREPARED, recording, state, message) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100)
@given(st.data())
def test_a_damaged_state_is_refused_or_read(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    places = data.draw(st.lists(st.integers(0, 8 * len(state) - 1), min_size=1, max_size=3))
    message = data.draw(st.none() | st.sampled_from(recording.messages))
    assert take(PREPARED, recording, flipped(state, places), message) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60)
@given(
    faults=st.dictionaries(st.integers(0, 12), st.sampled_from(["lose", "repeat", "swap", "flip"]))
)
def test_a_hostile_network_gives_the_right_result_or_none(name, faults):
    held: list[bytes] = []
    count = 0

    def deliver(message: bytes) -> list[bytes]:
        nonlocal count
        fault = faults.get(count)
        count += 1
        match fault:
            case "lose":
                return []
            case "repeat":
                return [message, message]
            case "flip":
                return [flipped(message, [8 * (len(message) - 1)])]
            case "swap" if not held:
                held.append(message)
                return []
            case _:
                return [message, held.pop()] if held else [message]

    try:
        played = run_pair(
            PREPARED,
            PARAMS,
            CTX,
            digests(MINE),
            digests(THEIRS),
            deliver=deliver,
            laid=laid(name),
        )
    except (ProtocolError, Stalled, TranscriptsDiffer):
        return
    assert played.output.count == 8  # type: ignore[union-attr]
