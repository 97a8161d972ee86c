"""For any bytes, in any state, a step of a ring protocol returns or raises ProtocolError."""

import dataclasses
import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import encode
from protocols.errors import ProtocolError
from protocols.multi_party import Continue, Finish, MultiParty, Wait
from protocols.psi import ring
from protocols.psi.params import PsiParams
from tests.support.circle import run_circle
from tests.support.pair import CTX, Stalled, TranscriptsDiffer
from tests.support.recorded import Recording, fields_of, flipped
from tests.support.seeded import digests, seeded

# Chunks hold whole tables: fewer messages, so that each kind comes up often.
PARAMS = PsiParams(max_items=60, chunk_items=200, tag_bytes=12, strict=True)
SMALL = dataclasses.replace(PARAMS, chunk_items=8)
SETS = [digests(range(12)), digests(range(4, 14)), digests(range(6, 20))]
PROTOCOLS = {p.name: p for p in (ring.MEMBERS, ring.CARDINALITY)}
NAMES = sorted(PROTOCOLS)


@functools.cache
def recorded(name: str) -> Recording:
    """A run in small chunks, and one in a single chunk each."""
    protocol, states = PROTOCOLS[name], []

    def step(state, *rest):
        states.append(encode(state))
        return protocol.step(state, *rest)

    watched = dataclasses.replace(protocol, step=step)
    messages, chunks = [], {}
    for params in (PARAMS, SMALL):
        for member in run_circle(watched, params, CTX, SETS):
            messages += [message for _, message in member.sent]
            chunks |= member.chunks
    return Recording(sorted(set(states)), messages, chunks)


def take(protocol: MultiParty, recording: Recording, state: bytes, message: bytes | None) -> str:
    try:
        transition = protocol.resume(state, message, recording.fetch, seeded("hostile"))
    except ProtocolError as e:
        return e.code
    assert isinstance(transition, Wait | Continue | Finish)
    return "went on"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=400)
@given(st.data())
def test_any_message_in_any_state(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(st.none() | st.sampled_from(recording.messages))
    assert take(PROTOCOLS[name], recording, state, message) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=300)
@given(st.data())
def test_flipped_bits_in_every_state(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    message = data.draw(st.sampled_from(recording.messages))
    places = data.draw(st.lists(st.integers(0, 8 * len(message) - 1), min_size=1, max_size=3))
    assert take(PROTOCOLS[name], recording, state, flipped(message, places)) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200)
@given(st.data())
def test_any_bytes_in_every_state(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    noise = data.draw(st.binary(max_size=200))
    assert take(PROTOCOLS[name], recording, state, noise) == "malformed-message"


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=300)
@given(st.data())
def test_any_values_in_every_message(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    kind = data.draw(st.sampled_from(PROTOCOLS[name].messages))
    message = encode(data.draw(fields_of(kind)))
    assert take(PROTOCOLS[name], recording, state, message) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200)
@given(st.data())
def test_a_damaged_state_is_refused_or_read(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    places = data.draw(st.lists(st.integers(0, 8 * len(state) - 1), min_size=1, max_size=3))
    message = data.draw(st.none() | st.sampled_from(recording.messages))
    assert take(PROTOCOLS[name], recording, flipped(state, places), message) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(
    faults=st.dictionaries(
        st.integers(0, 40), st.sampled_from(["lose", "repeat", "swap", "flip"]), max_size=4
    )
)
def test_a_hostile_network_gives_the_right_result_or_none(name, faults):
    held: dict[tuple[int, int], bytes] = {}
    count = 0

    def deliver(sender: int, to: int, message: bytes) -> list[bytes]:
        nonlocal count
        fault, pair = faults.get(count), (sender, to)
        count += 1
        match fault:
            case "lose":
                return []
            case "repeat":
                return [message, message]
            case "flip":
                return [flipped(message, [8 * (len(message) - 1)])]
            case "swap" if pair not in held:
                held[pair] = message
                return []
            case _:
                return [message, held.pop(pair)] if pair in held else [message]

    try:
        played = run_circle(PROTOCOLS[name], SMALL, CTX, SETS, deliver=deliver)
    except (ProtocolError, Stalled, TranscriptsDiffer):
        return
    assert played[0].output.count == 6  # type: ignore[union-attr]
