"""A recorded run, and what a hostile peer makes of it: steps from any state with any bytes."""

import dataclasses
import enum
import typing

from hypothesis import strategies as st

from protocols import multi_party, session
from protocols.codec import Record, encode
from protocols.errors import LocalError, ProtocolError
from protocols.multi_party import MultiParty
from protocols.session import TwoParty
from tests.support.seeded import seeded

AnyProtocol = typing.TypeVar("AnyProtocol", TwoParty, MultiParty)

_TRANSITIONS = (
    *(session.Wait, session.Continue, session.Finish),
    *(multi_party.Wait, multi_party.Continue, multi_party.Finish),
)


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


def watched(protocol: AnyProtocol, states: list[bytes]) -> AnyProtocol:
    """Return the same protocol, of which every state that is stepped from is noted."""

    def step(state: Record, *rest: typing.Any) -> typing.Any:
        states.append(encode(state))
        return protocol.step(state, *rest)

    return dataclasses.replace(protocol, step=step)


def take(
    protocol: TwoParty | MultiParty, recording: Recording, state: bytes, message: bytes | None
) -> str:
    """Return the code of the error that a step ends with, or that it went on."""
    try:
        transition = protocol.resume(state, message, recording.fetch, seeded("hostile"))
    except ProtocolError as e:
        return e.code
    assert isinstance(transition, _TRANSITIONS)
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
        elif hint == tuple[int, ...]:
            fields[name] = st.lists(strategies[int], max_size=4).map(tuple)
        elif typing.get_origin(hint) is tuple:
            each = fields_of(typing.get_args(hint)[0])
            fields[name] = st.lists(each, max_size=4).map(tuple)
        elif issubclass(hint, enum.Enum):
            fields[name] = st.sampled_from(hint)
        else:
            fields[name] = fields_of(hint)
    return st.builds(kind, **fields)
