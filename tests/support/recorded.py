"""A recorded run, and what a hostile peer makes of it: steps from any state with any bytes."""

import dataclasses
import functools
import typing

from hypothesis import strategies as st

from protocols.codec import Record, encode
from protocols.errors import LocalError, ProtocolError
from protocols.registry import REGISTRY
from protocols.session import Continue, Finish, Role, Transition, TwoParty, Wait
from tests.support.pair import CTX, run_pair
from tests.support.seeded import digests, seeded


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


@functools.cache
def recorded(name: str, params: Record, mine: range, theirs: range, **chunks: bytes) -> Recording:
    """Return the run of these items, as numbers; the sender brings `chunks` too."""
    protocol, states = REGISTRY[name], []

    def step(state: Record, *rest: typing.Any) -> Transition:
        states.append(encode(state))
        return protocol.step(state, *rest)

    watched = dataclasses.replace(protocol, step=step)
    played = run_pair(watched, params, CTX, digests(mine), digests(theirs), sender_chunks=chunks)
    return Recording(
        sorted(set(states)),
        played.receiver.sent + played.sender.sent,
        played.sender.chunks | played.receiver.chunks,
    )


def take(protocol: TwoParty, recording: Recording, state: bytes, message: bytes | None) -> str:
    """Return the code of the error that a step ends with, or that it went on."""
    try:
        transition = protocol.resume(state, message, recording.fetch, seeded("hostile"))
    except ProtocolError as e:
        return e.code
    assert isinstance(transition, Wait | Continue | Finish)
    return "went on"


def flipped(message: bytes, places: list[int]) -> bytes:
    """Return the message with the bits at these places turned over."""
    changed = bytearray(message)
    for place in places:
        changed[place // 8 % len(changed)] ^= 1 << place % 8
    return bytes(changed)


def fields_of(kind: type[Record]) -> st.SearchStrategy[Record]:
    """Return records of that kind with any values in their fields."""
    strategies = {
        int: st.integers(-3, 30) | st.integers(-(2**63), 2**64 - 1),
        bytes: st.binary(max_size=40)
        | st.sampled_from([bytes(32 * 8), bytes(12 * 8), b"\xff" * 256]),
        Role: st.sampled_from(Role),
    }
    hints = typing.get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return st.builds(kind, **{name: strategies[hints[name]] for name in names})
