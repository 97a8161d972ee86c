"""A recorded run, and what a hostile peer makes of it: steps from any state with any bytes."""

import dataclasses
import enum
import functools
import typing

from hypothesis import strategies as st

from protocols.codec import Record, encode
from protocols.errors import LocalError, ProtocolError
from protocols.registry import REGISTRY
from protocols.session import Continue, Finish, Transition, TwoParty, Wait
from tests.support.pair import CTX, NOTHING_LAID, Laid, run_pair
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


def recorded(
    name: str, params: Record, mine: range, theirs: range, laid: Laid = NOTHING_LAID
) -> Recording:
    """Return the run of these items, as numbers; `laid` is what each side finds beside them."""
    return _recorded(name, params, mine, theirs, *(tuple(chunks.items()) for chunks in laid))


@functools.cache
def _recorded(
    name: str,
    params: Record,
    mine: range,
    theirs: range,
    *laid: tuple[tuple[str, bytes], ...],
) -> Recording:
    protocol, states = REGISTRY[name], []

    def step(state: Record, *rest: typing.Any) -> Transition:
        states.append(encode(state))
        return protocol.step(state, *rest)

    watched = dataclasses.replace(protocol, step=step)
    here = dict(laid[0]), dict(laid[1])
    played = run_pair(watched, params, CTX, digests(mine), digests(theirs), laid=here)
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
        bool: st.booleans(),
    }
    hints = typing.get_type_hints(kind)
    fields = {}
    for name in (f.name for f in dataclasses.fields(kind)):  # type: ignore[arg-type]
        hint = hints[name]
        if hint in strategies:
            fields[name] = strategies[hint]
        elif issubclass(hint, enum.Enum):
            fields[name] = st.sampled_from(hint)
        else:
            fields[name] = fields_of(hint)
    return st.builds(kind, **fields)
