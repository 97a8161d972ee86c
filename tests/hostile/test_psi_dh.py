"""For any bytes, in any state, a step returns or raises ProtocolError, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.codec import encode
from protocols.errors import ProtocolError
from protocols.psi.dh import CARDINALITY, MEMBERS, PsiParams, RowParams
from protocols.registry import REGISTRY
from protocols.session import TwoParty
from tests.support.pair import CTX, Stalled, TranscriptsDiffer, params_for, run_pair
from tests.support.recorded import Recording, fields_of, flipped, take
from tests.support.recorded import recorded as recorded_run
from tests.support.seeded import digests

PARAMS = PsiParams(max_items=60, chunk_items=8, tag_bytes=12, strict=False)
MINE, THEIRS = range(20), range(12, 30)
PER_PERSON = 2
NAMES = sorted(p.name for p in (MEMBERS, CARDINALITY))


def fitting(protocol: TwoParty) -> PsiParams:
    """Return the parameters of a protocol: rows of two where it has rows."""
    counts = protocol.params is RowParams
    return params_for(protocol, PARAMS, **({"per_person": PER_PERSON} if counts else {}))


def recorded(name: str) -> Recording:
    return recorded_run(name, fitting(REGISTRY[name]), MINE, THEIRS)


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
        params = fitting(REGISTRY[name])
        played = run_pair(
            REGISTRY[name], params, CTX, digests(MINE), digests(THEIRS), deliver=deliver
        )
    except (ProtocolError, Stalled, TranscriptsDiffer):
        return
    in_rows = 4  # the matches are neighbours, from an even position on
    assert played.output.count == (in_rows if "cardinality" in name else 8)  # type: ignore[union-attr]
