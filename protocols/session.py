"""Two-party protocols as values: what may be said, what must survive a crash, and one pure step.

A protocol is a `TwoParty`: its registered name, its parameter, message and state records, and two
pure functions. `begin` opens one side of a run; `step` takes it one arrow further. Each returns
what happens next:

    Continue   send this message, then step again with no message: this side has more to say
    Wait       nothing to send: step again when the next message has arrived
    Finish     this side is done; `message`, if any, is its last word

Refusal is an exception from `protocols.errors`. Bulk data never sits in a state: it lies in named
chunks (bytes, a few MiB each). A step reads chunks through `fetch` and returns the chunks to
`keep`; the caller stores them together with the new state, in one transaction, before it sends
anything. So a run resumes at the chunk where it stopped, and memory is bounded by chunks.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from protocols.codec import Record, decode

Rng = Callable[[int], bytes]
"""Returns that many random bytes: `secrets.token_bytes` in a node, seeded in tests."""

Fetch = Callable[[str], bytes]
"""Returns the chunk of that name: the run's own input or one that an earlier step kept."""

Chunks = Mapping[str, bytes]


class Role(enum.StrEnum):
    """Who speaks first."""

    INITIATOR = "initiator"
    RESPONDER = "responder"

    @property
    def other(self) -> "Role":
        """The role of the other side."""
        return Role.RESPONDER if self is Role.INITIATOR else Role.INITIATOR


@dataclass(frozen=True, slots=True)
class Items(Record):
    """The private input of a matching protocol: `count` digests in chunks of `chunk_items`.

    Chunk i is `own/<i:05>`: the concatenation of 32-byte digests (`identifiers.digest`). The order
    must be secret and uniformly random for each run (`shuffle.permutation`), because a position
    that an outsider can guess tells what sits there.
    """

    KIND: ClassVar[str] = "items/1"
    count: int
    chunk_items: int

    def chunk_count(self) -> int:
        """Return how many chunks there are; an empty set has none."""
        return -(-self.count // self.chunk_items)


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to send; step again with the next message."""

    state: Record
    keep: Chunks = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Continue:
    """Send `message`, then step again without one."""

    state: Record
    message: Record
    keep: Chunks = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Finish:
    """Done: `output` is this side's result, `message` its last word, if it has one."""

    output: Record
    message: Record | None = None
    keep: Chunks = field(default_factory=dict, repr=False)


Transition = Wait | Continue | Finish


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one side of a run is, in rows: a row counts each time that this side works on it."""

    done: int
    total: int
    """Rows that this side will have worked on at the end, as far as it knows."""
    per_peer_row: float = 0
    """How often each row of the other side is to be added to `total`, while nobody has said here
    how many there are; 0 once `total` has them."""


@dataclass(frozen=True, slots=True)
class TwoParty:
    """A two-party protocol: a frozen value that the registry lists and a node drives."""

    name: str
    """Registered name with its wire version, as `psi-dh-members/1`."""
    title: str
    """One line in plain words."""
    initiator_learns: str
    responder_learns: str
    params: type[Record]
    messages: tuple[type[Record], ...]
    states: tuple[type[Record], ...]
    outputs: tuple[type[Record], ...]
    begin: Callable[[Role, Record, bytes, Any, Rng], Transition]
    """(role, params, ctx of 32 bytes, input, rng) → transition. The input is a record: `Items` for
    a matching protocol, `AlignedRows` for a sum."""
    step: Callable[[Record, Record | None, Fetch, Rng], Transition]
    """(state, message or None after Continue, fetch, rng) → transition."""
    progress: Callable[[Record], Progress] | None = None
    """(state) → how far this side is; None where the protocol cannot say."""

    def resume(self, state: bytes, message: bytes | None, fetch: Fetch, rng: Rng) -> Transition:
        """Step from encoded state and message: what a driver calls.

        Raises: ProtocolError, and nothing else, for any bytes in `message`.
        """
        inbound = None if message is None else decode(self.messages, message)
        return self.step(decode(self.states, state), inbound, fetch, rng)
