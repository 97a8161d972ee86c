"""Plays both sides of a two-party protocol in memory.

Every state and every message crosses its encoding at each step, and each side keeps its chunks in a
dictionary: so each protocol test is also a test of crash and resume. Messages wait in a queue for
each direction, and the sides take turns, one step each: so one side sends on while the other
answers.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from protocols.codec import Record, decode, encode
from protocols.errors import LocalError
from protocols.psi.params import PsiParams
from protocols.session import Continue, Finish, Items, Rng, Role, Transition, TwoParty
from protocols.transcript import Transcript
from tests.support.seeded import seeded

CTX = bytes(range(32))

Deliver = Callable[[bytes], Sequence[bytes]]

Laid = tuple[Mapping[str, bytes], Mapping[str, bytes]]
"""The chunks that receiver and sender find beside their input."""

NOTHING_LAID: Laid = (MappingProxyType({}), MappingProxyType({}))


class Stalled(Exception):
    """Nobody can go on, or messages are left over: what a network that loses or repeats brings."""


class TranscriptsDiffer(Exception):
    """The two sides did not see the same messages."""


@dataclass
class Side:
    """One party of a run, between two steps."""

    protocol: TwoParty
    role: Role
    rng: Rng
    chunks: dict[str, bytes]
    transcript: Transcript
    state: bytes = b""
    has_more_to_say: bool = False
    output: Record | None = None
    sent: list[bytes] = field(default_factory=list)

    def fetch(self, name: str) -> bytes:
        if name not in self.chunks:
            raise LocalError(f"there is no chunk {name}")
        return self.chunks[name]

    def begin(self, params: Record, ctx: bytes, own: Record) -> list[bytes]:
        params = decode(self.protocol.params, encode(params))
        return self._take(self.protocol.begin(self.role, params, ctx, own, self.rng))

    def step(self, message: bytes | None) -> list[bytes]:
        """Take one step; return the messages that it sends."""
        if message is not None:
            other = next(r for r in Role if r is not self.role)
            self.transcript = self.transcript.add(other, message)
        return self._take(self.protocol.resume(self.state, message, self.fetch, self.rng))

    def _take(self, transition: Transition) -> list[bytes]:
        self.chunks.update(transition.keep)
        self.has_more_to_say = isinstance(transition, Continue)
        message = None
        if isinstance(transition, Finish):
            assert type(transition.output) in self.protocol.outputs
            self.output = decode(self.protocol.outputs, encode(transition.output))
            message = transition.message
        else:
            self.state = encode(transition.state)
            message = transition.message if isinstance(transition, Continue) else None
        if message is None:
            return []
        encoded = encode(message)
        self.sent.append(encoded)
        self.transcript = self.transcript.add(self.role, encoded)
        return [encoded]


@dataclass(frozen=True)
class Played:
    """Both sides after the run."""

    receiver: Side
    sender: Side

    @property
    def output(self) -> Record | None:
        return self.receiver.output

    def matched(self) -> list[int]:
        """Return the positions in the receiver's items that the `matched` chunk holds."""
        data = self.receiver.chunks["matched"]
        return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


def params_for(protocol: TwoParty, params: PsiParams, **changes: int) -> PsiParams:
    """Return the same parameters as the record that a protocol takes."""
    same = {f.name: getattr(params, f.name) for f in dataclasses.fields(PsiParams)}
    found = protocol.params(**same | changes)
    assert isinstance(found, PsiParams)
    return found


def items_of(digests: Sequence[bytes], chunk_items: int) -> tuple[Items, dict[str, bytes]]:
    """Cut digests, in this order, into the chunks of a run's input."""
    items = Items(len(digests), chunk_items)
    return items, {
        f"own/{i:05}": b"".join(digests[i * chunk_items : (i + 1) * chunk_items])
        for i in range(items.chunk_count())
    }


def run_pair(
    protocol: TwoParty,
    params: Record,
    ctx: bytes,
    receiver_items: Sequence[bytes],
    sender_items: Sequence[bytes],
    *,
    seed: str = "run",
    deliver: Deliver = lambda message: [message],
    laid: Laid = NOTHING_LAID,
) -> Played:
    """Play a run to its end and check that both sides saw the same.

    `deliver` stands for the network: it turns a message into the messages that arrive. `laid` has
    the chunks that each side finds beside its input.

    Raises: Stalled or TranscriptsDiffer where that network does not bring everything in order.
    """
    chunk_items: int = params.chunk_items  # type: ignore[attr-defined]
    inputs = []
    for own, beside in zip((receiver_items, sender_items), laid, strict=True):
        items, chunks = items_of(own, chunk_items)
        inputs.append((items, chunks | dict(beside)))
    return play(protocol, params, ctx, inputs, seed=seed, deliver=deliver)


def play(
    protocol: TwoParty,
    params: Record,
    ctx: bytes,
    inputs: Sequence[tuple[Record, Mapping[str, bytes]]],
    *,
    seed: str = "run",
    deliver: Deliver = lambda message: [message],
) -> Played:
    """Play a run as `run_pair` does, with any inputs: initiator's and responder's, and chunks."""
    sides = []
    mailboxes: list[deque[bytes]] = [deque(), deque()]
    for i, (role, (own, chunks)) in enumerate(zip(Role, inputs, strict=True)):
        side = Side(protocol, role, seeded(f"{seed}/{role}"), dict(chunks), Transcript.start(ctx))
        sides.append(side)
        _post(side.begin(params, ctx, own), mailboxes[1 - i], deliver)
    while any(side.output is None for side in sides):
        # Both take their turn: a list, because `any` would stop at the first that can.
        turns = [
            _turn(side, mailboxes[i], mailboxes[1 - i], deliver) for i, side in enumerate(sides)
        ]
        if not any(turns):
            raise Stalled("both sides wait for each other")
    if any(mailboxes):
        raise Stalled("messages are left over")
    if sides[0].transcript != sides[1].transcript:
        raise TranscriptsDiffer
    return Played(*sides)


def _turn(side: Side, inbox: deque[bytes], outbox: deque[bytes], deliver: Deliver) -> bool:
    """Let a side take one step; return whether it could."""
    if side.output is not None or not (side.has_more_to_say or inbox):
        return False
    _post(side.step(None if side.has_more_to_say else inbox.popleft()), outbox, deliver)
    return True


def _post(messages: list[bytes], outbox: deque[bytes], deliver: Deliver) -> None:
    for message in messages:
        outbox.extend(deliver(message))
