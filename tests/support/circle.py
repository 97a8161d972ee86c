"""Plays all parties of a protocol of several in memory, as `pair.py` does for two.

Every state and every message crosses its encoding at each step. Messages wait in a queue for each
pair and direction. Who takes the next step is drawn from `order`, so that a run can be played in
any interleaving. At the end each two parties must have seen the same of each other.
"""

import dataclasses
import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from protocols.codec import Record, decode, encode
from protocols.errors import LocalError
from protocols.multi_party import Continue, Finish, MultiParty, Place, Transition, Wait
from protocols.psi.params import PsiParams, RowParams
from protocols.session import Items, Rng
from tests.support.pair import Stalled, TranscriptsDiffer, items_of
from tests.support.seeded import seeded

Deliver = Callable[[int, int, bytes], Sequence[bytes]]
"""(from, to, message) → what arrives."""


@dataclass
class Member:
    """One party of a run, between two steps."""

    protocol: MultiParty
    place: Place
    rng: Rng
    chunks: dict[str, bytes]
    state: bytes = b""
    awaits: int | None = None
    """Whose message is due; None where it has more to say."""
    output: Record | None = None
    sent: list[tuple[int, bytes]] = field(default_factory=list)
    heard: list[tuple[int, bytes]] = field(default_factory=list)

    def fetch(self, name: str) -> bytes:
        if name not in self.chunks:
            raise LocalError(f"there is no chunk {name}")
        return self.chunks[name]

    def begin(self, params: Record, ctx: bytes, items: Items) -> tuple[int, bytes] | None:
        params = decode(self.protocol.params, encode(params_of(self.protocol, params)))
        return self._take(self.protocol.begin(self.place, params, ctx, items, self.rng))

    def step(self, message: bytes | None) -> tuple[int, bytes] | None:
        """Take one step; return to whom it says what."""
        if message is not None:
            assert self.awaits is not None
            self.heard.append((self.awaits, message))
        return self._take(self.protocol.resume(self.state, message, self.fetch, self.rng))

    def _take(self, transition: Transition) -> tuple[int, bytes] | None:
        self.chunks.update(transition.keep)
        if isinstance(transition, Finish):
            assert type(transition.output) in self.protocol.outputs
            self.output = decode(self.protocol.outputs, encode(transition.output))
            return None
        self.state = encode(transition.state)
        self.awaits = transition.sender if isinstance(transition, Wait) else None
        if not isinstance(transition, Continue):
            return None
        assert transition.to in self.place.others()
        said = transition.to, encode(transition.message)
        self.sent.append(said)
        return said

    def matched(self) -> list[int]:
        """Return the positions that the `matched` chunk holds."""
        data = self.chunks["matched"]
        return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]

    def told(self, other: int) -> list[bytes]:
        return [message for to, message in self.sent if to == other]

    def heard_of(self, other: int) -> list[bytes]:
        return [message for sender, message in self.heard if sender == other]


def params_of(protocol: MultiParty, params: Record) -> Record:
    """Return the same parameters as the record that a protocol takes."""
    if protocol.params is not RowParams or type(params) is not PsiParams:
        return params
    same = {f.name: getattr(params, f.name) for f in dataclasses.fields(PsiParams)}
    return RowParams(**same)


def run_circle(
    protocol: MultiParty,
    params: Record,
    ctx: bytes,
    sets: Sequence[Sequence[bytes]],
    *,
    seed: str = "run",
    order: str = "order",
    deliver: Deliver = lambda sender, to, message: [message],
) -> list[Member]:
    """Play a run to its end; the receiver's set comes first.

    Raises: Stalled or TranscriptsDiffer where the network does not bring everything in order.
    """
    chunk_items: int = params.chunk_items  # type: ignore[attr-defined]
    queues: dict[tuple[int, int], deque[bytes]] = {}
    members = []

    def post(sender: int, said: tuple[int, bytes] | None) -> None:
        if said is not None:
            to, message = said
            queue = queues.setdefault((sender, to), deque())
            queue.extend(deliver(sender, to, message))

    for number, own in enumerate(sets):
        items, chunks = items_of(own, chunk_items)
        place = Place(number, len(sets))
        member = Member(protocol, place, seeded(f"{seed}/{number}"), chunks)
        members.append(member)
        post(number, member.begin(params, ctx, items))
    draw = seeded(order)
    while running := [m for m in members if m.output is None]:
        able = [m for m in running if m.awaits is None or queues.get((m.awaits, m.place.number))]
        if not able:
            raise Stalled("all wait for each other")
        member = able[int.from_bytes(draw(4), "little") % len(able)]
        inbox = None if member.awaits is None else queues[member.awaits, member.place.number]
        post(member.place.number, member.step(None if inbox is None else inbox.popleft()))
    if any(queues.values()):
        raise Stalled("messages are left over")
    for one in members:
        for other in one.place.others():
            if _digest(one.told(other)) != _digest(members[other].heard_of(one.place.number)):
                raise TranscriptsDiffer
    return members


def _digest(messages: list[bytes]) -> bytes:
    return b"".join(hashlib.sha256(message).digest() for message in messages)
