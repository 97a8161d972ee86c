"""One job being executed at this node: what every phase needs, worked out once."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from party_node import job_checks
from party_node.accounts import Account
from party_node.chunks import ChunkStore
from party_node.mail import Mail
from party_node.runs import Letter, Run
from party_node.services import Services
from party_node.stepping import Steps
from party_node.workers.choosing import backend_of
from protocols.codec import Record
from protocols.collaboration import Collaboration
from protocols.context import context
from protocols.errors import LocalError
from protocols.job import JobDescription
from protocols.keys import PartyPublic
from protocols.multi_party import MultiParty
from protocols.registry import find, find_ring
from protocols.session import Role, TwoParty

WAIT_SECONDS = 5
"""How long one look into the mailbox waits; short, so that a cancelled job is noticed soon."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A job, the agreement it stands under, the other parties, and this node's services."""

    services: Services
    job: JobDescription
    agreed: Collaboration
    peers: tuple[PartyPublic, ...]
    """The other parties, in the job's order."""
    mail: Mail
    chunks: ChunkStore

    @classmethod
    def of(cls, services: Services, job: str) -> "Execution":
        """Gather what a run needs. Raises: NodeError if the job stands under no agreement."""
        description = services.jobs.description(job)
        agreed = services.jobs.agreement(description)
        me = services.home.keys.party
        others = description.others(me)
        peers = tuple(job_checks.member(agreed, party).public for party in others)
        mail = services.mails.of(job, *peers)
        return cls(services, description, agreed, peers, mail, services.runs.chunks(job))

    @property
    def me(self) -> str:
        """The name of this node's party."""
        return self.services.home.keys.party

    @property
    def peer(self) -> PartyPublic:
        """The other party of two. Raises: LocalError if there are more."""
        if len(self.peers) > 1:
            raise LocalError("the job has more than two parties")
        return self.peers[0]

    @property
    def role(self) -> Role:
        """What this party is in the protocol."""
        return self.job.role_of(self.me)

    @property
    def is_receiver(self) -> bool:
        """Tell whether this party learns the protocol's output."""
        return self.me == self.job.receiver

    @property
    def keys(self) -> tuple[PartyPublic, ...]:
        """All parties' keys, in the job's order."""
        number = self.job.number_of(self.me)
        return (*self.peers[:number], self.services.home.keys.public(), *self.peers[number:])

    @property
    def dataset(self) -> str:
        """The dataset that this side brings."""
        return self.job.dataset_of(self.me)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """What this side charges for what each other party learns, in the job's order."""
        found = self.services.collaborations
        return tuple(
            found.account(self.agreed, peer, self.dataset) for peer in self.job.others(self.me)
        )

    @property
    def protocol(self) -> TwoParty | MultiParty:
        """The protocol that the job names."""
        set_here = self.services.home.settings
        backend = backend_of(set_here.x25519_backend, set_here.workers, set_here.ray_address)
        named = find if self.job.is_of_two() else find_ring
        return named(self.job.protocol, backend)

    @property
    def ctx(self) -> bytes:
        """What binds every message to this job and these keys; 32 bytes."""
        return context(self.job, *self.keys)

    @property
    def steps(self) -> Steps:
        """The protocol as this party takes it, step by step."""
        parts = self.services
        return Steps(
            self.protocol, self.job.number_of(self.me), self.role, self.ctx, self.peers,
            parts.db, parts.runs, self.mail, self.chunks, parts.rng, self.chunks.fetch,
        )  # fmt: skip

    def store(
        self, session: Session, run: Run, messages: Sequence[Record | Letter] = (), **changes: Any
    ) -> Run:
        """Store the run with `changes` and queue `messages`, in the caller's transaction.

        A message that names no recipient is for each of the other parties.
        """
        letters = [
            letter
            for one in messages
            for letter in (
                [one] if isinstance(one, tuple) else [(peer, one) for peer in self.peers]
            )
        ]
        return self.services.runs.store(session, dataclasses.replace(run, **changes), letters)

    def go(self, run: Run, messages: Sequence[Record | Letter] = (), **changes: Any) -> Run:
        """The same in a transaction of its own."""
        with self.services.db.writing() as session:
            return self.store(session, run, messages, **changes)

    def hear(self, run: Run, peer: str) -> bytes | None:
        """Return the next body from a peer, waiting a little; None if it has not come."""
        return self.mail.receive(run, peer, WAIT_SECONDS)
