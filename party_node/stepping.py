"""One side of a two-party protocol, step by step, over a stored run: hear, step, store, then send.

Jobs are carried by it (`phase_compute.py`), and so are the runs of `accord bench psi`: what is
measured is what runs. The crash rule holds for each step: chunks are on disk before the transaction
that stores the new state, marks the inbound step consumed and queues the outbound envelope, sealed;
only then is anything sent or acknowledged.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from party_node.chunks import ChunkStore
from party_node.database import Database
from party_node.mail import Mail
from party_node.runs import Run, Runs
from protocols.codec import Record, decode, encode
from protocols.keys import PartyPublic
from protocols.session import (
    Chunks,
    Continue,
    Fetch,
    Finish,
    Rng,
    Role,
    Transition,
    TwoParty,
    Wait,
)
from protocols.transcript import Transcript

PROTOCOL, RELEASE = "protocol", "release"
"""The phase of a run that is stepped here, and the one after it."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What a step needs beside the run itself."""

    protocol: TwoParty
    role: Role
    ctx: bytes
    peer: PartyPublic
    db: Database
    runs: Runs
    mail: Mail
    chunks: ChunkStore
    rng: Rng
    fetch: Fetch
    """What steps read chunks through: the run's own, and others if there are any."""
    on_keep: Callable[[Chunks], None] = lambda _chunks: None
    """Told of the chunks that a step keeps, before its state is stored and anything is sent."""

    def begin(self, run: Run, params: Record, items: Record, **changes: Any) -> Run:
        """Open this side with its input, which lies in the chunks already; `changes` are stored
        with it.
        """
        transition = self.protocol.begin(self.role, params, self.ctx, items, self.rng)
        began = Transcript.start(self.ctx)
        return self._take(run, transition, began, phase=PROTOCOL, **changes)

    def step(self, run: Run, wait_seconds: int, **changes: Any) -> Run | None:
        """Take the protocol one step further; None if the peer's next message has not come.

        Raises: ProtocolError, as the protocol does; CoordinatorUnreachable, CoordinatorRefused.
        """
        said, body = decode(Transcript, run.transcript), None
        self.mail.catch_up(run.job)
        if not run.speaking:
            body = self.mail.receive(run, wait_seconds, ahead=True)
            if body is None:
                return None
            said = said.add(self.role.other, body)
        transition = self.protocol.resume(run.state, body, self.fetch, self.rng)
        heard = 0 if body is None else 1
        stored = self._take(run, transition, said, received=run.received + heard, **changes)
        if stored.sent > run.sent:
            self.mail.send(run.job)
        if heard:
            self.mail.acknowledge(stored)
        return stored

    def _take(self, run: Run, transition: Transition, said: Transcript, **changes: Any) -> Run:
        """Store what a step returned: chunks first, then state, transcript and message in one
        transaction.
        """
        self.chunks.keep(transition.keep)
        self.on_keep(transition.keep)
        message = None if isinstance(transition, Wait) else transition.message
        if message is not None:
            said = said.add(self.role, encode(message))
        if isinstance(transition, Finish):
            output = encode(transition.output)
            changes |= {"phase": RELEASE, "output": output, "state": b"", "speaking": False}
        else:
            speaking = isinstance(transition, Continue)
            changes |= {"state": encode(transition.state), "speaking": speaking}
        changed = dataclasses.replace(run, transcript=encode(said), **changes)
        messages: Sequence[Record] = () if message is None else (message,)
        with self.db.writing() as session:
            return self.runs.store(session, changed, self.peer, messages)
