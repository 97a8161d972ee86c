"""A coordinator process and two enrolled homes, with an agreement and a job for each run: what the
relay wants to see before it carries anything.
"""

import secrets
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from coordinator import wire
from party_node import enrolment
from party_node.bench.asking import Asked
from party_node.clock import system_clock
from party_node.coordinator_client import CoordinatorClient
from party_node.database import Database
from party_node.demo import processes
from party_node.demo.network import start_coordinator
from party_node.demo.processes import Service
from party_node.home import Home
from party_node.migrations import migrate
from protocols.codec import decode, encode
from protocols.collaboration import Collaboration, DatasetOffer, Member, Permitted, digest
from protocols.collaboration_terms import REVEALING
from protocols.job import Acceptance, JobDescription, Source, job_hash
from protocols.job_params import kind_of_params
from protocols.keys import PartyKeys, PartyPublic
from protocols.psi.params import STRICT_BELOW, MatchingParams
from protocols.signed import sign

RECEIVER, SENDER = "receiver", "sender"
PARTIES = (RECEIVER, SENDER)
NAME, PURPOSE = "bench", "bench"
_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Stage:
    """Where runs are measured."""

    folder: Path
    coordinator: Service
    agreed: Collaboration
    asked: Asked

    def job(self) -> JobDescription:
        """Put one more job on the board, accepted and running. Raises: CoordinatorRefused."""
        now = system_clock()
        job = JobDescription(
            job=secrets.token_hex(16),
            collaboration=NAME,
            version=1,
            collaboration_hash=digest(self.agreed),
            kind=self.asked.kind,
            protocol=self.asked.protocol,
            params=encode(params_for(self.asked)),
            purpose=PURPOSE,
            requester=RECEIVER,
            receiver=RECEIVER,
            receiver_dataset=RECEIVER,
            senders=(Source(SENDER, SENDER),),
            identifiers=("email",),
            minimum_size=self.agreed.minimum_size,
            rho_nano=1,
            created_ms=now,
            expires_ms=now + _DAY_MS // 2,
        )
        asking, owning = (Home.open(self.folder / party, {}) for party in PARTIES)
        with closing(client_of(asking)) as receiver, closing(client_of(owning)) as sender:
            receiver.put_job(job.job, encode(sign(asking.keys, job)))
            sender.say(job.job, self._yes(job, owning.keys))
            receiver.say(job.job, wire.JobEventBody(event=wire.JobEvent.START))
        return job

    def _yes(self, job: JobDescription, keys: PartyKeys) -> wire.JobEventBody:
        reveal = self.asked.kind in REVEALING
        yes = Acceptance(job_hash(job), SENDER, "rule:bench", reveal, job.created_ms)
        return wire.JobEventBody(event=wire.JobEvent.ACCEPT, acceptance=encode(sign(keys, yes)))


def set_up(folder: Path, asked: Asked) -> Stage:
    """Start the coordinator, enrol both parties, and put their agreement in force.

    The coordinator's process is the caller's to stop. Raises: DemoFailed, NodeError.
    """
    coordinator = start_coordinator(folder)
    try:
        homes = [_enrolled(folder, party) for party in PARTIES]
        return Stage(folder, coordinator, _agree(homes, asked), asked)
    except BaseException:
        coordinator.stop()
        raise


def client_of(home: Home) -> CoordinatorClient:
    """Return a home's client of its coordinator."""
    return CoordinatorClient(home.settings.coordinator_url, home.keys, system_clock)


def params_for(asked: Asked) -> MatchingParams:
    """Return the parameters by which a node would run this, for these sizes."""
    made = kind_of_params(asked.protocol).for_job()
    small = min(asked.receiver_items, asked.sender_items) < STRICT_BELOW
    return made.strictly() if small else made


def _enrolled(folder: Path, party: str) -> Home:
    where = ("--home", str(folder / "coordinator"))
    invited = processes.command("coordinator", "invite", *where, "--party", party)["text"]
    home = Home.create(folder / party, party, party.title(), rng=secrets.token_bytes)
    with closing(CoordinatorClient(enrolment.read(invited).url, None, system_clock)) as client:
        enrolment.enrol(home, invited, lambda _url: client)
    db = Database(home.database_url)
    migrate(db)
    db.close()
    return home


def _agree(homes: list[Home], asked: Asked) -> Collaboration:
    with closing(client_of(homes[0])) as first, closing(client_of(homes[1])) as second:
        agreed = _agreement(
            [client.party(p) for client, p in zip((first, second), PARTIES, strict=True)], asked
        )
        first.propose(NAME, 1, encode(sign(homes[0].keys, agreed)))
        second.countersign(NAME, 1, encode(sign(homes[1].keys, agreed)))
    return agreed


def _agreement(views: list[wire.PartyView], asked: Asked) -> Collaboration:
    members = []
    for view in views:
        public = decode(PartyPublic, view.public)
        members.append(Member(view.party, view.name, public, view.ledger_vkey))
    return Collaboration(
        collaboration=NAME,
        version=1,
        title="Bench",
        members=tuple(members),
        datasets=tuple(DatasetOffer(party, party, ("email",), ()) for party in PARTIES),
        permitted=(
            Permitted(asked.kind, asked.protocol, PURPOSE, RECEIVER, asked.kind in REVEALING),
        ),
        minimum_size=2,
        rho_nano_each=10**9,
        delta_exponent=8,
        expires_ms=system_clock() + _DAY_MS,
    )
