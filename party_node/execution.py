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
from party_node.runs import Run
from party_node.services import Services
from party_node.stepping import Steps
from party_node.workers.choosing import backend_of
from protocols.codec import Record
from protocols.collaboration import Collaboration
from protocols.context import context
from protocols.job import JobDescription
from protocols.keys import PartyPublic
from protocols.registry import find
from protocols.session import Role, TwoParty

WAIT_SECONDS = 5
"""How long one look into the mailbox waits; short, so that a cancelled job is noticed soon."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A job, the agreement it stands under, the peer, and this node's services."""

    services: Services
    job: JobDescription
    agreed: Collaboration
    peer: PartyPublic
    mail: Mail
    chunks: ChunkStore

    @classmethod
    def of(cls, services: Services, job: str) -> "Execution":
        """Gather what a run needs. Raises: NodeError if the job stands under no agreement."""
        description = services.jobs.description(job)
        agreed = services.jobs.agreement(description)
        me = services.home.keys.party
        peer = job_checks.member(agreed, description.other(me)).public
        mail = services.mails.of(job, peer)
        return cls(services, description, agreed, peer, mail, services.runs.chunks(job))

    @property
    def me(self) -> str:
        """The name of this node's party."""
        return self.services.home.keys.party

    @property
    def role(self) -> Role:
        """The receiver speaks first."""
        return Role.INITIATOR if self.me == self.job.receiver else Role.RESPONDER

    @property
    def dataset(self) -> str:
        """The dataset that this side brings."""
        return self.job.dataset_of(self.me)

    @property
    def account(self) -> Account:
        """What this side charges for what the other one learns."""
        return self.services.collaborations.account(self.agreed, self.peer.party, self.dataset)

    @property
    def protocol(self) -> TwoParty:
        """The protocol that the job names."""
        set_here = self.services.home.settings
        backend = backend_of(set_here.x25519_backend, set_here.workers, set_here.ray_address)
        return find(self.job.protocol, backend)

    @property
    def ctx(self) -> bytes:
        """What binds every message to this job and these two keys; 32 bytes."""
        mine, theirs = self.services.home.keys.public(), self.peer
        receiver, sender = (mine, theirs) if self.role is Role.INITIATOR else (theirs, mine)
        return context(self.job, receiver, sender)

    @property
    def steps(self) -> Steps:
        """The protocol as this side takes it, step by step."""
        parts = self.services
        return Steps(
            self.protocol, self.role, self.ctx, self.peer,
            parts.db, parts.runs, self.mail, self.chunks, parts.rng, self.chunks.fetch,
        )  # fmt: skip

    def store(
        self, session: Session, run: Run, messages: Sequence[Record] = (), **changes: Any
    ) -> Run:
        """Store the run with `changes` and queue `messages`, in the caller's transaction."""
        return self.services.runs.store(
            session, dataclasses.replace(run, **changes), self.peer, messages
        )

    def go(self, run: Run, messages: Sequence[Record] = (), **changes: Any) -> Run:
        """The same in a transaction of its own."""
        with self.services.db.writing() as session:
            return self.store(session, run, messages, **changes)

    def hear(self, run: Run) -> bytes | None:
        """Return the next body from the peer, waiting a little; None if it has not come."""
        return self.mail.receive(run, WAIT_SECONDS)
