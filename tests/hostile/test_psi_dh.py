"""For any bytes, in any state, a step returns or raises ProtocolError, and nothing else."""

import dataclasses
import functools
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import Record, encode
from protocols.errors import LocalError, ProtocolError
from protocols.psi import prepared
from protocols.psi.dh import PsiParams
from protocols.psi.prepared_records import What
from protocols.registry import REGISTRY
from protocols.session import Continue, Finish, Role, Transition, TwoParty, Wait
from tests.support.pair import CTX, Stalled, TranscriptsDiffer, run_pair
from tests.support.prepared_sets import laid_for
from tests.support.seeded import digests, seeded

PARAMS = PsiParams(max_items=60, chunk_items=8, tag_bytes=12, strict=False)
MINE, THEIRS = list(range(20)), list(range(12, 30))
NAMES = sorted(REGISTRY)


@dataclasses.dataclass(frozen=True)
class Recording:
    """All states and messages of a run, and the chunks that both sides ended with."""

    states: list[bytes]
    messages: list[bytes]
    chunks: dict[str, bytes]

    def fetch(self, name: str) -> bytes:
        if name not in self.chunks:
            raise LocalError("there is no such chunk")
        return self.chunks[name]


def laid(name: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return the chunks that both sides find before a run of this protocol."""
    return laid_for(PARAMS, digests(THEIRS)) if name == prepared.NAME else ({}, {})


@functools.cache
def recorded(name: str) -> Recording:
    protocol, states = REGISTRY[name], []

    def step(state: Record, *rest: typing.Any) -> Transition:
        states.append(encode(state))
        return protocol.step(state, *rest)

    watched = dataclasses.replace(protocol, step=step)
    played = run_pair(watched, PARAMS, CTX, digests(MINE), digests(THEIRS), laid=laid(name))
    return Recording(
        sorted(set(states)),
        played.receiver.sent + played.sender.sent,
        played.sender.chunks | played.receiver.chunks,
    )


def take(protocol: TwoParty, recording: Recording, state: bytes, message: bytes | None) -> str:
    try:
        transition = protocol.resume(state, message, recording.fetch, seeded("hostile"))
    except ProtocolError as e:
        return e.code
    assert isinstance(transition, Wait | Continue | Finish)
    return "went on"


def flipped(message: bytes, places: list[int]) -> bytes:
    changed = bytearray(message)
    for place in places:
        changed[place // 8 % len(changed)] ^= 1 << place % 8
    return bytes(changed)


@pytest.mark.parametrize("name", NAMES)
def test_every_message_in_every_state(name):
    recording = recorded(name)
    outcomes = {
        take(REGISTRY[name], recording, state, message)
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
    assert take(REGISTRY[name], recording, state, flipped(message, places)) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=200)
@given(st.data())
def test_any_bytes_in_every_state(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    noise = data.draw(st.binary(max_size=200))
    assert take(REGISTRY[name], recording, state, noise) == "malformed-message"


def fields_of(kind: type[Record]) -> st.SearchStrategy[Record]:
    """Return records of that kind with any values in their fields."""
    strategies = {
        int: st.integers(-3, 30) | st.integers(-(2**63), 2**64 - 1),
        bytes: st.binary(max_size=40)
        | st.sampled_from([bytes(32 * 8), bytes(12 * 8), b"\xff" * 256]),
        Role: st.sampled_from(Role),
        What: st.sampled_from(What),
        bool: st.booleans(),
    }
    hints = typing.get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return st.builds(
        kind,
        **{
            n: strategies[hints[n]] if hints[n] in strategies else fields_of(hints[n])
            for n in names
        },
    )


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=300)
@given(st.data())
def test_any_values_in_every_message(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    kind = data.draw(st.sampled_from(REGISTRY[name].messages))
    message = encode(data.draw(fields_of(kind)))
    assert take(REGISTRY[name], recording, state, message) != ""


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=100)
@given(st.data())
def test_a_damaged_state_is_refused_or_read(name, data):
    recording = recorded(name)
    state = data.draw(st.sampled_from(recording.states))
    places = data.draw(st.lists(st.integers(0, 8 * len(state) - 1), min_size=1, max_size=3))
    message = data.draw(st.none() | st.sampled_from(recording.messages))
    assert take(REGISTRY[name], recording, flipped(state, places), message) != ""


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
            REGISTRY[name],
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
