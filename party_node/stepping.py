"""One party of a protocol, step by step, over a stored run: hear, step, store, then send.

Jobs are carried by it (`phase_compute.py`), and so are the runs of `accord bench psi`: what is
measured is what runs. The crash rule holds for each step: chunks are on disk before the transaction
that stores the new state, marks the inbound step consumed and queues the outbound envelope, sealed;
only then is anything sent or acknowledged.

Parties have the numbers that the job gives them: 0 is the receiver. Of two parties each hears the
other; of more, a protocol says whom it waits for and to whom it speaks (`multi_party.py`).
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from party_node.chunks import ChunkStore
from party_node.database import Database
from party_node.mail import Mail
from party_node.runs import Letter, Run, Runs
from protocols import multi_party, session
from protocols.codec import Record, decode, encode
from protocols.keys import PartyPublic
from protocols.multi_party import MultiParty, Place
from protocols.session import Chunks, Fetch, Rng, Role, TwoParty
from protocols.transcript import Transcripts

PROTOCOL, RELEASE = "protocol", "release"
"""The phase of a run that is stepped here, and the one after it."""

Transition = session.Transition | multi_party.Transition


@dataclass(frozen=True, slots=True)
class Steps:
    """What a step needs beside the run itself."""

    protocol: TwoParty | MultiParty
    number: int
    """Of this party in the job."""
    role: Role
    """Of this party in a protocol of two."""
    ctx: bytes
    peers: tuple[PartyPublic, ...]
    """The others, by number."""
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
        began = Transcripts.start(self.ctx, len(self.peers))
        given = params, self.ctx, items, self.rng
        if isinstance(self.protocol, MultiParty):
            place = Place(self.number, len(self.peers) + 1)
            return self._take(
                run, self.protocol.begin(place, *given), began, phase=PROTOCOL, **changes
            )
        return self._take(
            run, self.protocol.begin(self.role, *given), began, phase=PROTOCOL, **changes
        )

    def step(self, run: Run, wait_seconds: int, **changes: Any) -> Run | None:
        """Take the protocol one step further; None if the message that is due has not come.

        Raises: ProtocolError, as the protocol does; CoordinatorUnreachable, CoordinatorRefused.
        """
        said, body, peer = decode(Transcripts, run.transcript), None, ""
        self.mail.catch_up(run.job)
        if not run.speaking:
            peer = self._peer(run.awaits).party
            body = self.mail.receive(run, peer, wait_seconds, ahead=True)
            if body is None:
                return None
            said = said.add(self._index(run.awaits), self._role(run.awaits).other, body)
        transition = self.protocol.resume(run.state, body, self.fetch, self.rng)
        heard = run if body is None else run.heard(peer)
        stored = self._take(heard, transition, said, **changes)
        if stored.sent != run.sent:
            self.mail.send(run.job)
        if peer:
            self.mail.acknowledge(stored, peer)
        return stored

    def _take(self, run: Run, transition: Transition, said: Transcripts, **changes: Any) -> Run:
        """Store what a step returned: chunks first, then state, transcript and message in one
        transaction.
        """
        self.chunks.keep(transition.keep)
        self.on_keep(transition.keep)
        letters: list[Letter] = []
        for to, message in self._says(transition):
            body = encode(message)
            said = said.add(self._index(to), self._role(to), body)
            letters.append((self._peer(to), body))
        if isinstance(transition, session.Finish | multi_party.Finish):
            output = encode(transition.output)
            changes |= {"phase": RELEASE, "output": output, "state": b"", "speaking": False}
        else:
            speaking = isinstance(transition, session.Continue | multi_party.Continue)
            changes |= {"state": encode(transition.state), "speaking": speaking}
            changes |= {"awaits": self._awaited(transition)}
        changed = dataclasses.replace(run, transcript=encode(said), **changes)
        with self.db.writing() as writing:
            return self.runs.store(writing, changed, letters)

    # -- who ---------------------------------------------------------------------------------------

    def _says(self, transition: Transition) -> Sequence[tuple[int, Record]]:
        """Return what a step sends, with the number of whom it is for."""
        match transition:
            case multi_party.Continue():
                return [(transition.to, transition.message)]
            case session.Continue() | session.Finish() if transition.message is not None:
                return [(self._other(), transition.message)]
            case _:
                return []

    def _awaited(self, transition: Transition) -> int:
        """Return the number of the party that is to be heard next; 0 while this one speaks."""
        match transition:
            case multi_party.Wait():
                return transition.sender
            case session.Wait():
                return self._other()
            case _:
                return 0

    def _other(self) -> int:
        """Return the number of the other party of two."""
        return 1 - self.number

    def _index(self, number: int) -> int:
        return number if number < self.number else number - 1

    def _peer(self, number: int) -> PartyPublic:
        return self.peers[self._index(number)]

    def _role(self, number: int) -> Role:
        """Return this party's role towards that one: of two, the lower number is the initiator."""
        return Role.INITIATOR if self.number < number else Role.RESPONDER
