"""Runs: this side's execution of a job, stored so that `kill -9` at any moment loses nothing.

The crash rule: one transaction stores the new state, marks the inbound step consumed and queues
the outbound envelope, already sealed; only then is anything sent. Envelopes are sent again until
the relay has confirmed them, with the same bytes, so each peer sees each step once.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlmodel import Session, col, delete, select

from party_node.chunks import ChunkStore
from party_node.database import Database
from party_node.errors import NotFound
from party_node.home import Home
from party_node.job_tables import OutboxRow, RunRow
from party_node.vault import Vault
from protocols.codec import Record, encode
from protocols.envelope import Header, seal
from protocols.keys import PartyKeys, PartyPublic

Letter = tuple[PartyPublic, Record | bytes]
"""To whom, and what: a record, or its encoding where that is made already."""

LARGE_BYTES = 2**16
"""A longer envelope lies among the run's chunks, and only its row in the database: a database
writes each byte into its log and its file, and over it once more when the row goes.
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Where a run stands."""

    job: str
    phase: str
    sent: Mapping[str, int] = field(default_factory=dict)
    """By peer: step of the next envelope to it."""
    received: Mapping[str, int] = field(default_factory=dict)
    """By peer: step of the next envelope from it."""
    speaking: bool = False
    awaits: int = 0
    """Number of the party whose message the protocol takes next."""
    state: bytes = field(default=b"", repr=False)
    transcript: bytes = b""
    output: bytes = field(default=b"", repr=False)
    facts: dict[str, Any] = field(default_factory=dict)

    def expects(self, peer: str) -> int:
        """Return the step of the next envelope from a peer."""
        return self.received.get(peer, 0)

    def heard(self, peer: str) -> "Run":
        """Return the run once the next envelope of a peer is consumed."""
        received = {**self.received, peer: self.expects(peer) + 1}
        return dataclasses.replace(self, received=received)


DONE = "done"
_NO_FACTS: Mapping[str, Any] = MappingProxyType({})


class Runs:
    """Storage of runs, their outboxes and their chunks."""

    def __init__(self, db: Database, vault: Vault, home: Home) -> None:
        self._db, self._vault, self._home = db, vault, home
        self.keys: PartyKeys = home.keys

    def chunks(self, job: str) -> ChunkStore:
        """Return the chunk store of a job."""
        return ChunkStore(self._home.runs, self._vault, job)

    def create(self, session: Session, run: Run) -> None:
        """Add a run, once: a second call for the same job changes nothing."""
        if session.get(RunRow, run.job) is None:
            session.add(self._row(run))

    def active(self) -> list[str]:
        """Return the jobs whose runs have not ended."""
        with self._db.reading() as session:
            return list(session.exec(select(RunRow.job).where(RunRow.phase != DONE)).all())

    def load(self, job: str) -> Run:
        """Return a run. Raises: NotFound."""
        with self._db.reading() as session:
            row = session.get(RunRow, job)
            if row is None:
                raise NotFound(f"there is no run of job {job}")
            return Run(
                job, row.phase, json.loads(row.sent), json.loads(row.received), row.speaking,
                row.awaits,
                self._open(job, "state", row.state), row.transcript,
                self._open(job, "output", row.output), json.loads(row.facts),
            )  # fmt: skip

    def store(self, session: Session, run: Run, letters: Sequence[Letter] = ()) -> Run:
        """Store `run` and queue what it says, sealed, in the caller's transaction."""
        sent = dict(run.sent)
        for to, message in letters:
            step = sent.get(to.party, 0)
            header = Header(run.job, self.keys.party, to.party, step)
            body = message if isinstance(message, bytes) else encode(message)
            envelope = seal(self.keys, to, header, body)
            if len(envelope) > LARGE_BYTES:
                self.chunks(run.job).keep({_outbound(to.party, step): envelope})
                envelope = b""
            session.add(OutboxRow(job=run.job, recipient=to.party, step=step, envelope=envelope))
            sent[to.party] = step + 1
        run = dataclasses.replace(run, sent=sent)
        session.merge(self._row(run))
        return run

    def next_outbound(self, job: str) -> OutboxRow | None:
        """Return the first envelope that the relay has not confirmed."""
        with self._db.reading() as session:
            oldest = col(OutboxRow.step), col(OutboxRow.recipient)
            query = select(OutboxRow).where(OutboxRow.job == job).order_by(*oldest).limit(1)
            row = session.exec(query).first()
            if row is None:
                return None
            session.expunge(row)
        if not row.envelope:
            row.envelope = self.chunks(job).fetch(_outbound(row.recipient, row.step))
        return row

    def confirmed(self, job: str, recipient: str, step: int) -> None:
        """Forget an envelope that the relay has."""
        with self._db.writing() as session:
            row = session.get(OutboxRow, (job, step, recipient))
            if row is not None:
                session.delete(row)
        self.chunks(job).drop(_outbound(recipient, step))

    def end(self, session: Session, job: str, facts: Mapping[str, Any] = _NO_FACTS) -> None:
        """Mark a run as ended, with these further facts, and erase its secrets; the caller erases
        the chunks after the commit.
        """
        row = session.get(RunRow, job)
        if row is not None:
            if facts:
                row.facts = json.dumps({**json.loads(row.facts), **facts}, sort_keys=True)
            row.phase, row.state, row.output, row.speaking = DONE, b"", b"", False
            session.add(row)
        session.exec(delete(OutboxRow).where(col(OutboxRow.job) == job))

    def _row(self, run: Run) -> RunRow:
        return RunRow(
            job=run.job, phase=run.phase, sent=json.dumps(run.sent, sort_keys=True),
            received=json.dumps(run.received, sort_keys=True),
            speaking=run.speaking, awaits=run.awaits,
            state=self._sealed(run.job, "state", run.state),
            transcript=run.transcript, output=self._sealed(run.job, "output", run.output),
            facts=json.dumps(run.facts, sort_keys=True),
        )  # fmt: skip

    def _sealed(self, job: str, what: str, data: bytes) -> bytes:
        return self._vault.seal(f"run/{job}/{what}", data) if data else b""

    def _open(self, job: str, what: str, data: bytes) -> bytes:
        return self._vault.open(f"run/{job}/{what}", data) if data else b""


def _outbound(recipient: str, step: int) -> str:
    """Return the name of the chunk of an envelope to this party."""
    return f"outbound/{recipient}/{step:08}"
