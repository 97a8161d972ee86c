"""Jobs at this node: asked for, seen on the board, decided, followed to their end.

The coordinator's board says in what state a job is; this node keeps its own copy, checks every
signature itself and starts a run for each job that it takes part in. `Driver` carries the runs.
"""

import dataclasses
import json
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache

from sqlmodel import Session, col, select

from coordinator import wire
from party_node import count_noise, earlier_models, job_checks, job_requests
from party_node.collaborations import Collaborations
from party_node.coordinator_client import CoordinatorClient
from party_node.database import Database
from party_node.errors import (
    ClockSkewed,
    CoordinatorUnreachable,
    IllegalState,
    JobRefused,
    NodeError,
    NotFound,
    UnknownCollaboration,
)
from party_node.job_requests import Draft, Request
from party_node.job_tables import CursorRow, JobRow
from party_node.runs import Run, Runs
from protocols import question
from protocols.codec import decode, encode
from protocols.collaboration import Collaboration, Permitted, digest
from protocols.errors import ProtocolError
from protocols.job import Acceptance, JobDescription, Source, job_hash
from protocols.job_params import params_of
from protocols.keys import PartyKeys
from protocols.signed import Signed, peek, sign, verify

_CURSOR = "jobs"
_JOB_HOURS = 24
_HOUR_MS = 3_600_000
CANCELLED = "cancelled-by-party"
ENDED = frozenset(
    {wire.JobState.COMPLETED, wire.JobState.DECLINED, wire.JobState.FAILED,
     wire.JobState.EXPIRED, wire.JobState.CANCELLED}
)  # fmt: skip


class Jobs:
    """The jobs of this node."""

    def __init__(
        self,
        db: Database,
        client: CoordinatorClient,
        collaborations: Collaborations,
        runs: Runs,
        keys: PartyKeys,
        clock_ms: Callable[[], int],
    ) -> None:
        self._db, self._client, self._keys = db, client, keys
        self._collaborations, self._runs, self._clock_ms = collaborations, runs, clock_ms

    # -- asking --------------------------------------------------------------------------

    def describe(self, request: Request) -> Draft:
        """Turn a request into a job under the collaboration in force, complete but for its route.

        Raises: UnknownCollaboration, ExpiredCollaboration, JobRefused.
        """
        self._collaborations.sync()
        agreed = self._collaborations.current(request.collaboration)
        able = job_requests.clauses(agreed, request)
        clause = able[0]
        me = self._keys.party
        senders = (m.party for m in agreed.members if m.party != clause.receiver)
        now, least = self._clock_ms(), max(request.minimum_size, agreed.minimum_size)
        job = JobDescription(
            job=secrets.token_hex(16),
            collaboration=agreed.collaboration,
            version=agreed.version,
            collaboration_hash=digest(agreed),
            kind=clause.kind,
            protocol=clause.protocol,
            params=encode(job_requests.params(clause.protocol, request, least)),
            purpose=clause.purpose,
            requester=me,
            receiver=clause.receiver,
            receiver_dataset=job_requests.received(agreed, clause.receiver, request),
            senders=tuple(
                Source(sender, job_requests.brought(agreed, sender, request)) for sender in senders
            ),
            identifiers=request.identifiers,
            minimum_size=least,
            rho_nano=job_requests.price(request, least),
            created_ms=now,
            expires_ms=min(now + _JOB_HOURS * _HOUR_MS, agreed.expires_ms),
            question=b"" if request.question is None else encode(request.question),
        )
        job = count_noise.with_dummies(job, params_of(job))
        job_checks.check(job, agreed, now)
        self._check_model(job)
        return Draft(job, tuple(one.protocol for one in able), request.bandwidth_mbit)

    def submit(self, job: JobDescription) -> None:
        """Sign a described job, remember it and post it; safe to repeat.

        Raises: CoordinatorUnreachable, CoordinatorRefused; the job is then not remembered.
        """
        signed = encode(sign(self._keys, job))
        view = self._client.put_job(job.job, signed)
        with self._db.writing() as session:
            self._remember(session, job, view)

    # -- following -----------------------------------------------------------------------

    def sync(self, wait_seconds: int) -> list[str]:
        """Read what changed on the board; return the jobs that did.

        Raises: CoordinatorUnreachable, ClockSkewed.
        """
        with self._db.reading() as session:
            row = session.get(CursorRow, _CURSOR)
            position = row.position if row else 0
        changed = []
        for view in self._client.jobs_after(position, wait_seconds):
            self._take(view)
            changed.append(view.job)
        return changed

    def _take(self, view: wire.JobView) -> None:
        try:
            job = self._verified(view)
        except (CoordinatorUnreachable, ClockSkewed):
            raise  # nobody's fault in the job: it is looked at again
        except (NodeError, ProtocolError) as e:
            job = None
            if view.state == wire.JobState.PROPOSED and view.requester != self._keys.party:
                self._client.say(
                    view.job, wire.JobEventBody(event=wire.JobEvent.DECLINE, cause=e.code)
                )
        with self._db.writing() as session:
            if job is not None:
                self._remember(session, job, view)
            session.merge(CursorRow(name=_CURSOR, position=view.revision))

    def _verified(self, view: wire.JobView) -> JobDescription:
        """Return the job if its requester signed it and it fits a collaboration in force here."""
        signed = decode(Signed, view.signed)
        claimed = peek(JobDescription, signed)
        agreed = self.agreement(claimed)
        requester = job_checks.member(agreed, claimed.requester)
        job = verify(JobDescription, signed, requester.public)
        if job.job != view.job or self._keys.party not in job.parties():
            raise JobRefused("the job is not this node's")
        if view.state not in ENDED:
            job_checks.check(job, agreed, self._clock_ms())
            self._check_model(job)
        if view.state == wire.JobState.PROPOSED:
            self._collaborations.require_newest(agreed)
        return job

    def _check_model(self, job: JobDescription) -> None:
        """Return if a question names no model, or one that it may. Raises: JobRefused."""
        model = earlier_models.named(job)
        if not model:
            return
        try:
            made, state = self.description(model), self.get(model).state
        except NotFound:
            made, state = None, ""
        earlier_models.check(job, made, state)

    def agreement(self, job: JobDescription) -> Collaboration:
        """Return the collaboration that a job names, asking the coordinator if it is new here.

        Raises: UnknownCollaboration, ExpiredCollaboration.
        """
        try:
            return self._collaborations.by_digest(job.collaboration_hash)
        except UnknownCollaboration:
            self._collaborations.sync()
            return self._collaborations.by_digest(job.collaboration_hash)

    def _remember(self, session: Session, job: JobDescription, view: wire.JobView) -> None:
        row = session.get(JobRow, job.job)
        if row is None:
            row = JobRow(
                job=job.job, signed=view.signed, job_hash=job_hash(job), kind=job.kind,
                collaboration=job.collaboration, requester=job.requester,
                counterparties=" ".join(job.others(self._keys.party)), state=view.state.value,
                created_ms=job.created_ms, updated_ms=view.updated_ms,
            )  # fmt: skip
            if view.state not in ENDED:
                self._runs.create(session, Run(job.job, "start"))
        ended_here = row.state in ENDED and view.state not in ENDED
        if view.revision >= row.revision and not ended_here:
            row.state, row.cause, row.revision = view.state.value, view.cause, view.revision
            row.updated_ms = view.updated_ms
            row.acceptances = _written(acceptances_of(row) | view.acceptances)
        session.add(row)

    # -- deciding ------------------------------------------------------------------------

    def approve(self, job: str, by: str) -> JobRow:
        """Accept a proposed job for this party: `by` is `rule:<name>` or `person:<name>`.

        Returns the job as it then stands: proposed still, if others have not accepted yet.

        Raises: NotFound, IllegalState if it is not ours to decide or no longer proposed.
        """
        row, description = self.get(job), self.description(job)
        if row.requester == self._keys.party or row.state != wire.JobState.PROPOSED:
            raise IllegalState(
                f"job {job} is {row.state} and not waiting for this party's approval"
            )
        self._collaborations.require_newest(self.agreement(description))
        clause = self.clause(description)
        if self._keys.party not in acceptances_of(row):
            acceptance = Acceptance(
                row.job_hash,
                self._keys.party,
                by,
                reveal=clause.reveal,
                decided_ms=self._clock_ms(),
            )
            # Kept before it is sent: a lost answer is repeated with the same bytes.
            mine = {self._keys.party: encode(sign(self._keys, acceptance))}
            kept = _written(acceptances_of(row) | mine)
            row = self._change(job, acceptances=kept, decision=by)
        signed = acceptances_of(row)[self._keys.party]
        body = wire.JobEventBody(event=wire.JobEvent.ACCEPT, acceptance=signed)
        self._decided(job, row.decision, self._client.say(job, body))
        return self.get(job)

    def decline(self, job: str, by: str, cause: str = "declined-by-owner") -> None:
        """Refuse a proposed job. Raises: NotFound, CoordinatorRefused if it is too late."""
        # Should one have been prepared, it is not sent any more.
        others = acceptances_of(self.get(job))
        others.pop(self._keys.party, None)
        self._change(job, acceptances=_written(others))
        body = wire.JobEventBody(event=wire.JobEvent.DECLINE, cause=cause)
        self._decided(job, by, self._client.say(job, body))

    def cancel(self, job: str) -> None:
        """End a job that has not ended, from either side.

        It has ended here when this returns or raises, whatever the coordinator answers.
        Raises: NotFound, IllegalState if it has ended; CoordinatorRefused, CoordinatorUnreachable.
        """
        row = self.get(job)
        if row.state in ENDED:
            raise IllegalState(f"job {job} is {row.state}")
        event = last_word(row.state, asked_here=row.requester == self._keys.party)
        self._change(job, state=wire.JobState.CANCELLED.value, cause=CANCELLED)
        self.report(job, event, CANCELLED)

    def report(self, job: str, event: wire.JobEvent, cause: str = "") -> None:
        """Tell the coordinator that a run started, completed or failed; safe to repeat."""
        self._decided(job, "", self._client.say(job, wire.JobEventBody(event=event, cause=cause)))

    def _decided(self, job: str, by: str, view: wire.JobView) -> None:
        with self._db.writing() as session:
            self._remember(session, self.description(job), view)
            row = session.get(JobRow, job)
            if row is not None and by:
                row.decision = by
                session.add(row)

    def _change(self, job: str, **columns: str | bytes) -> JobRow:
        """Set some columns of a job as it now stands in the database. Raises: NotFound."""
        with self._db.writing() as session:
            row = session.get(JobRow, job)
            if row is None:
                raise NotFound(f"there is no job {job} at this node")
            for name, value in columns.items():
                setattr(row, name, value)
            session.add(row)
            session.flush()
            session.refresh(row)
            session.expunge(row)
            return row

    # -- reading -------------------------------------------------------------------------

    def all(self) -> list[JobRow]:
        """Return all jobs, newest first."""
        with self._db.reading() as session:
            rows = session.exec(select(JobRow).order_by(col(JobRow.created_ms).desc())).all()
            session.expunge_all()
            return list(rows)

    def get(self, job: str) -> JobRow:
        """Return one job. Raises: NotFound."""
        with self._db.reading() as session:
            row = session.get(JobRow, job)
            if row is None:
                raise NotFound(f"there is no job {job} at this node")
            session.expunge(row)
            return row

    def description(self, job: str) -> JobDescription:
        """Return what was asked. Raises: NotFound."""
        return _read(self.get(job).signed)

    def clause(self, job: JobDescription) -> Permitted:
        """Return the clause of the collaboration that permits `job`. Raises: JobRefused."""
        return job_checks.check(job, self.agreement(job), self._clock_ms())

    def check_acceptances(self, job: str) -> tuple[Acceptance, ...]:
        """Return the verified acceptance of every party that did not ask, in the job's order.

        Raises: ForgedEnvelope, JobRefused if one is missing or does not cover this job.
        """
        row, description = self.get(job), self.description(job)
        agreed = self.agreement(description)
        clause = job_checks.check(description, agreed, self._clock_ms())
        found, said = [], acceptances_of(row)
        for party in description.others(description.requester):
            if party not in said:
                raise JobRefused(f"job {job} has not been accepted by {party}")
            owner = job_checks.member(agreed, party)
            yes = verify(Acceptance, decode(Signed, said[party]), owner.public)
            if (yes.job_hash, yes.party, yes.reveal) != (row.job_hash, party, clause.reveal):
                raise JobRefused("the acceptance is for something else")
            found.append(yes)
        return tuple(found)


def acceptances_of(row: JobRow) -> dict[str, bytes]:
    """Return the acceptances that are here, by party, as they were signed; none is verified."""
    return {party: bytes.fromhex(signed) for party, signed in json.loads(row.acceptances).items()}


def _written(acceptances: Mapping[str, bytes]) -> str:
    return json.dumps(
        {party: signed.hex() for party, signed in acceptances.items()}, sort_keys=True
    )


@lru_cache(100)
def _read(signed: bytes) -> JobDescription:
    """Read a description once: every step of a run asks for its own."""
    return peek(JobDescription, decode(Signed, signed))


def last_word(state: str, *, asked_here: bool) -> wire.JobEvent:
    """Return the event that ends a job from one side, as the coordinator's table allows it."""
    if asked_here and state == wire.JobState.PROPOSED:
        return wire.JobEvent.CANCEL
    return wire.JobEvent.DECLINE if state == wire.JobState.PROPOSED else wire.JobEvent.FAIL


def strictly(job: JobDescription) -> JobDescription:
    """Return the same job such that nothing shows in small sets either, if that is slower."""
    if job.question:  # its dummies follow from how strictly people are matched
        asked = question.read(job.question)
        params = question.params_for(asked, job.minimum_size, strict=True)
        return dataclasses.replace(job, params=encode(params))
    return count_noise.with_dummies(job, job_checks.params_of(job).strictly())
