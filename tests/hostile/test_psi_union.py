"""For any bytes, in any state, a step of the union index returns or raises ProtocolError."""

import dataclasses
import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import encode
from protocols.errors import ProtocolError
from protocols.psi.union import UNION_INDEX, UnionParams
from tests.support.pair import CTX, Stalled, TranscriptsDiffer, run_pair
from tests.support.recorded import Recording, fields_of, flipped, take
from tests.support.seeded import digests
from tests.support.union_vectors import numbers

PARAMS = UnionParams(max_items=60, chunk_items=8, tag_bytes=12, dummies=3)
MINE, THEIRS = list(range(14)), list(range(9, 20))


@functools.cache
def recorded() -> Recording:
    states = []

    def step(state, *rest):
        states.append(encode(state))
        return UNION_INDEX.step(state, *rest)

    watched = dataclasses.replace(UNION_INDEX, step=step)
    played = run_pair(watched, PARAMS, CTX, digests(MINE), digests(THEIRS))
    return Recording(
        sorted(set(states)),
        played.receiver.sent + played.sender.sent,
        played.sender.chunks | played.receiver.chunks,
    )


def test_every_message_in_every_state():
    recording = recorded()
    outcomes = {
        take(UNION_INDEX, recording, state, message)
        for state in recording.states
        for message in [None, *recording.messages]
    }
    assert {"went on", "unexpected-message"} <= outcomes


@settings(max_examples=300)
@given(st.data())
def test_flipped_bits_in_every_state(data):
    recording = recorded()
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(st.sampled_from(recording.messages))
    places = data.draw(st.lists(st.integers(0, 8 * len(message) - 1), min_size=1, max_size=3))
    assert take(UNION_INDEX, recording, state, flipped(message, places)) != ""


@settings(max_examples=200)
@given(st.data())
def test_any_bytes_in_every_state(data):
    recording = recorded()
    state = data.draw(st.sampled_from(recording.states))
    noise = data.draw(st.binary(max_size=200))
    assert take(UNION_INDEX, recording, state, noise) == "malformed-message"


@settings(max_examples=300)
@given(st.data())
def test_any_values_in_every_message(data):
    recording = recorded()
    state = data.draw(st.sampled_from(recording.states))
    kind = data.draw(st.sampled_from(UNION_INDEX.messages))
    message = encode(data.draw(fields_of(kind)))
    assert take(UNION_INDEX, recording, state, message) != ""


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_state_is_refused_or_read(data):
    recording = recorded()
    state = data.draw(st.sampled_from(recording.states))
    places = data.draw(st.lists(st.integers(0, 8 * len(state) - 1), min_size=1, max_size=3))
    message = data.draw(st.none() | st.sampled_from(recording.messages))
    assert take(UNION_INDEX, recording, flipped(state, places), message) != ""


@settings(max_examples=40)
@given(
    faults=st.dictionaries(st.integers(0, 20), st.sampled_from(["lose", "repeat", "swap", "flip"]))
)
def test_a_hostile_network_gives_the_right_index_or_none(faults):
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
        played = run_pair(UNION_INDEX, PARAMS, CTX, digests(MINE), digests(THEIRS), deliver=deliver)
    except (ProtocolError, Stalled, TranscriptsDiffer):
        return
    assert numbers(played.receiver)[9:] == numbers(played.sender)[:5]
    assert len({*numbers(played.receiver), *numbers(played.sender)}) == 20


@pytest.mark.parametrize("kind", UNION_INDEX.messages)
def test_every_kind_of_message_was_played(kind):
    assert any(kind.KIND.encode() in message for message in recorded().messages)
