"""Protocols of three or more parties as values: `session.py`, with a receiver and many senders.

A protocol is a `MultiParty`. Its parties are numbered: 0 is the receiver, 1, 2, … are the senders,
in the order that the job gives. Each is stepped by itself, as in `session.py`:

    Continue   send this message to that party, then step again with no message
    Wait       step again with the next message of that party, and of no other
    Finish     this party is done; it has nothing more to say

Between each two parties messages arrive in the order they were sent; between pairs there is no
order. That a step names whom it waits for makes every run the same, however messages cross.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from protocols.codec import Record, decode
from protocols.errors import InvalidParameter
from protocols.session import Chunks, Fetch, Rng

RECEIVER = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to send; step again with the next message of the party `sender`."""

    state: Record
    sender: int
    keep: Chunks = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Continue:
    """Send `message` to the party `to`, then step again without one."""

    state: Record
    to: int
    message: Record
    keep: Chunks = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Finish:
    """Done: `output` is this party's result."""

    output: Record
    keep: Chunks = field(default_factory=dict, repr=False)


Transition = Wait | Continue | Finish


@dataclass(frozen=True, slots=True)
class Place:
    """Where a party stands: its number, and how many there are.

    Raises: InvalidParameter for fewer than three, more than sixteen, or a number that is not there.
    """

    number: int
    parties: int

    def __post_init__(self) -> None:
        if not 3 <= self.parties <= MOST_PARTIES or not 0 <= self.number < self.parties:
            raise InvalidParameter(f"there are three to {MOST_PARTIES} parties, numbered from 0")

    def others(self) -> tuple[int, ...]:
        """Return the other parties, ascending."""
        return tuple(i for i in range(self.parties) if i != self.number)


MOST_PARTIES = 16


@dataclass(frozen=True, slots=True)
class MultiParty:
    """A protocol of one receiver and several senders."""

    name: str
    """Registered name with its wire version, as `psi-ring-members/1`."""
    title: str
    """One line in plain words."""
    receiver_learns: str
    senders_learn: str
    params: type[Record]
    messages: tuple[type[Record], ...]
    states: tuple[type[Record], ...]
    outputs: tuple[type[Record], ...]
    begin: Callable[[Place, Record, bytes, Any, Rng], Transition]
    """(place, params, ctx of 32 bytes, input, rng) → transition."""
    step: Callable[[Record, Record | None, Fetch, Rng], Transition]
    """(state, message or None after Continue, fetch, rng) → transition."""

    def resume(self, state: bytes, message: bytes | None, fetch: Fetch, rng: Rng) -> Transition:
        """Step from encoded state and message: what a driver calls.

        `message` is of the party that the last transition waited for: the driver sees to that.

        Raises: ProtocolError, and nothing else, for any bytes in `message`.
        """
        inbound = None if message is None else decode(self.messages, message)
        return self.step(decode(self.states, state), inbound, fetch, rng)
