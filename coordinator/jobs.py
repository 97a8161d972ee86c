"""Jobs: what may happen to one, in one table, and the proofs that each event must carry.

    proposed ─accept by all→ accepted ─start→ running ─complete by all→ completed
        └─decline→ declined   └────────┴─fail→ failed   open ─cancel→ cancelled, ─time→ expired

*State* and *cause* are two columns; a cause is an error code. Events are idempotent: the same party
saying the same thing again changes nothing, whatever has happened since.
"""

import enum
import hashlib
import json
import re
from typing import NamedTuple

from sqlmodel import Session

from coordinator import store
from coordinator.errors import (
    AcceptanceRefused,
    BadSignature,
    CollaborationNotInForce,
    IllegalJobEvent,
    JobConflict,
    JobNotPermitted,
    MalformedRequest,
    NotYourEvent,
    TooManyOpenJobs,
    UnknownJob,
)
from coordinator.tables import (
    CollaborationRow,
    JobEventRow,
    JobPartyRow,
    JobRow,
    MailboxSideRow,
    ReceiptRow,
)
from coordinator.wire import JobEvent, JobEventBody, JobState, JobView
from protocols import registry
from protocols.codec import decode
from protocols.collaboration import Collaboration, digest
from protocols.collaboration_terms import MAX_VERSION, check_name, permits
from protocols.dp.budget import MAX_RELEASE_NANO
from protocols.errors import ForgedEnvelope, InvalidParameter, ProtocolError
from protocols.job import Acceptance, JobDescription, job_hash
from protocols.keys import PartyPublic
from protocols.signed import Signed, peek, verify

EXPIRED_CAUSE = "job-expired"
MAX_DESCRIPTION_BYTES = 16 * 1024
MAX_ACCEPTANCE_BYTES = 4 * 1024


class By(enum.Enum):
    """Who may say an event."""

    REQUESTER = "the requester"
    COUNTERPARTY = "any other party"
    COUNTERPARTIES = "every other party, each once"
    ANY = "any party"
    ALL = "all parties, each once"


class Rule(NamedTuple):
    """Where an event leads, and who may say it."""

    to: JobState
    by: By


TRANSITIONS: dict[tuple[JobState, JobEvent], Rule] = {
    (JobState.PROPOSED, JobEvent.ACCEPT): Rule(JobState.ACCEPTED, By.COUNTERPARTIES),
    (JobState.PROPOSED, JobEvent.DECLINE): Rule(JobState.DECLINED, By.COUNTERPARTY),
    (JobState.PROPOSED, JobEvent.CANCEL): Rule(JobState.CANCELLED, By.REQUESTER),
    (JobState.ACCEPTED, JobEvent.START): Rule(JobState.RUNNING, By.ANY),
    (JobState.ACCEPTED, JobEvent.FAIL): Rule(JobState.FAILED, By.ANY),
    (JobState.ACCEPTED, JobEvent.CANCEL): Rule(JobState.CANCELLED, By.REQUESTER),
    (JobState.RUNNING, JobEvent.START): Rule(JobState.RUNNING, By.ANY),
    (JobState.RUNNING, JobEvent.COMPLETE): Rule(JobState.COMPLETED, By.ALL),
    (JobState.RUNNING, JobEvent.FAIL): Rule(JobState.FAILED, By.ANY),
    (JobState.RUNNING, JobEvent.CANCEL): Rule(JobState.CANCELLED, By.REQUESTER),
    # Parties often fail at once; the next one to say so learns no news and the first cause stays.
    (JobState.FAILED, JobEvent.FAIL): Rule(JobState.FAILED, By.ANY),
}
"""Everything that is not here is illegal."""

_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
NEEDS_CAUSE = frozenset({JobEvent.DECLINE, JobEvent.FAIL, JobEvent.CANCEL})


def propose(
    session: Session, caller: PartyPublic, job: str, signed: bytes, now_ms: int, *, most_open: int
) -> tuple[JobView, bool]:
    """File a job that the caller asks for; returns it and whether it is new.

    `most_open` jobs that the caller has asked for may be open.

    Raises: JobConflict, JobNotPermitted, CollaborationNotInForce, TooManyOpenJobs, BadSignature,
        MalformedMessage.
    """
    existing = session.get(JobRow, job)
    if existing is not None:
        if existing.requester != caller.party or existing.signed != signed:
            raise JobConflict
        return view(existing), False
    asked = _open_description(caller, signed)
    if asked.job != job:
        raise JobNotPermitted("the description names another job")
    _check_asked(asked, caller.party, now_ms)
    agreed = _in_force(session, asked, now_ms)
    _check_permitted(asked, agreed)
    if store.count_open_jobs(session, caller.party, now_ms) >= most_open:
        raise TooManyOpenJobs(f"the limit is {most_open}", limit=most_open)
    row = JobRow(
        job=job,
        signed=signed,
        job_hash=job_hash(asked),
        collaboration=asked.collaboration,
        version=asked.version,
        requester=caller.party,
        counterparties=" ".join(asked.others(caller.party)),
        revision=store.next_revision(session),
        created_ms=now_ms,
        updated_ms=now_ms,
        expires_ms=asked.expires_ms,
    )
    session.add(row)
    session.flush()
    for party in parties(row):
        session.add(JobPartyRow(job=job, party=party))
        for recipient in others(row, party):
            session.add(MailboxSideRow(job=job, party=party, recipient=recipient))
    session.flush()
    return view(row), True


def apply(
    session: Session, caller: PartyPublic, job: str, said: JobEventBody, now_ms: int
) -> JobView:
    """Let one party say one event.

    Raises: UnknownJob, IllegalJobEvent, NotYourEvent, AcceptanceRefused, CollaborationNotInForce,
        MalformedRequest, BadSignature, MalformedMessage.
    """
    row = of_party(session, caller.party, job)
    _check_form(said)
    mark = hashlib.sha256(said.cause.encode() + b"\x00" + said.acceptance).digest()
    earlier = store.said(session, job, caller.party, said.event)
    if earlier is not None and earlier.digest == mark:
        return view(row)
    state = state_at(row, now_ms)
    rule = TRANSITIONS.get((state, said.event))
    if rule is None:
        raise IllegalJobEvent(
            f"the job is {state}; {said.event} cannot happen to it",
            state=state.value,
            event=said.event.value,
        )
    _check_who(rule.by, row, caller.party)
    if said.event is JobEvent.ACCEPT:
        if earlier is not None:
            raise IllegalJobEvent(
                "it has accepted already, with other bytes", state=state, event=said.event.value
            )
        _check_acceptance(session, row, caller, said.acceptance, now_ms)
        _add_acceptance(session, row, caller.party, said.acceptance, now_ms)
    if earlier is None:
        session.add(
            JobEventRow(job=job, party=caller.party, event=said.event, digest=mark, said_ms=now_ms)
        )
    awaited = [p for p in _all_of(session, rule.by, row) if p != caller.party]
    awaits_other = any(store.said(session, job, party, said.event) is None for party in awaited)
    if not awaits_other and rule.to is not state:
        move(session, row, rule.to, said.cause, now_ms)
    session.flush()
    return view(row)


def move(session: Session, row: JobRow, to: JobState, cause: str, now_ms: int) -> None:
    """Write a state with its cause, as one counted change."""
    row.state, row.cause, row.updated_ms = to.value, cause, now_ms
    row.revision = store.next_revision(session)


def state_at(row: JobRow, now_ms: int) -> JobState:
    """Return the state, also where time has run out and no sweep has written it yet."""
    overdue = row.state in store.OPEN_STATES and row.expires_ms <= now_ms
    return JobState.EXPIRED if overdue else JobState(row.state)


def of_party(session: Session, party: str, job: str) -> JobRow:
    """Return a job to one of its parties; to anyone else there is none.

    Raises: UnknownJob.
    """
    row = session.get(JobRow, job)
    if row is None or party not in parties(row):
        raise UnknownJob
    return row


def parties(row: JobRow) -> tuple[str, ...]:
    """Return the parties of a job, who asked first."""
    return row.requester, *row.counterparties.split()


def others(row: JobRow, party: str) -> tuple[str, ...]:
    """Return the parties of a job that are not `party`."""
    return tuple(p for p in parties(row) if p != party)


def description(row: JobRow) -> JobDescription:
    """Return what was asked."""
    return peek(JobDescription, decode(Signed, row.signed))


def view(row: JobRow) -> JobView:
    """Return a job as its parties see it."""
    return JobView(
        job=row.job,
        signed=row.signed,
        state=JobState(row.state),
        cause=row.cause,
        acceptances={p: bytes.fromhex(s) for p, s in json.loads(row.acceptances).items()},
        requester=row.requester,
        counterparties=row.counterparties.split(),
        revision=row.revision,
        updated_ms=row.updated_ms,
    )


def _open_description(caller: PartyPublic, signed: bytes) -> JobDescription:
    if len(signed) > MAX_DESCRIPTION_BYTES:
        raise JobNotPermitted(f"a signed description has at most {MAX_DESCRIPTION_BYTES} bytes")
    try:
        return verify(JobDescription, decode(Signed, signed), caller)
    except ForgedEnvelope as e:
        raise BadSignature("a job is signed by the party that sends it") from e


def _check_asked(asked: JobDescription, caller: str, now_ms: int) -> None:
    if asked.requester != caller or caller not in asked.parties():
        raise JobNotPermitted("the requester is the party that sends it, and one of the job's")
    if len(asked.parties()) < 2 or len(set(asked.parties())) < len(asked.parties()):
        raise JobNotPermitted("receiver and senders are two parties or more, each named once")
    if asked.expires_ms <= now_ms:
        raise JobNotPermitted("the job has already expired")
    if not 0 < asked.rho_nano <= MAX_RELEASE_NANO:
        raise JobNotPermitted("a size is released with noise: rho is above 0 and at most 10")


def _in_force(session: Session, asked: JobDescription, now_ms: int) -> Collaboration:
    try:
        check_name("a collaboration", asked.collaboration)
    except InvalidParameter as e:
        raise CollaborationNotInForce from e
    if not 1 <= asked.version <= MAX_VERSION:
        raise CollaborationNotInForce
    row = session.get(CollaborationRow, (asked.collaboration, asked.version))
    if row is None or not row.in_force or row.expires_ms <= now_ms:
        raise CollaborationNotInForce
    agreed = decode(Collaboration, row.document)
    if digest(agreed) != asked.collaboration_hash:
        raise CollaborationNotInForce("the job was made for another document of this version")
    return agreed


def _check_permitted(asked: JobDescription, agreed: Collaboration) -> None:
    if set(asked.parties()) != {member.party for member in agreed.members}:
        raise JobNotPermitted("the parties must be the members of the collaboration")
    if _reveals(asked, agreed) is None:
        raise JobNotPermitted("this kind, protocol, purpose and receiver are not agreed")
    if asked.minimum_size < agreed.minimum_size:
        raise JobNotPermitted(f"the minimum size agreed is {agreed.minimum_size}")
    if asked.expires_ms > agreed.expires_ms:
        raise JobNotPermitted("the job outlives the agreement")
    try:
        decode(registry.params_of(asked.protocol), asked.params)
    except ProtocolError as e:
        raise JobNotPermitted("the parameters are not those of the protocol") from e


def _reveals(asked: JobDescription, agreed: Collaboration) -> bool | None:
    """Say whether the agreed kind of job reveals; None if none is agreed. Strictest counts."""
    key = (asked.kind, asked.protocol, asked.purpose, asked.receiver)
    found = [clause.reveal for clause in agreed.permitted if permits(clause, *key)]
    return any(found) if found else None


def _check_form(said: JobEventBody) -> None:
    if (said.event in NEEDS_CAUSE) != bool(said.cause):
        raise MalformedRequest("decline, fail and cancel have a cause, other events have none")
    if said.cause and not is_code(said.cause):
        raise MalformedRequest("a cause is an error code: lower-case words joined by hyphens")
    if (said.event is JobEvent.ACCEPT) != bool(said.acceptance):
        raise MalformedRequest("accept has an acceptance, other events have none")


def is_code(text: str) -> bool:
    """Say whether `text` has the form of an error code; free text could name people."""
    return len(text) <= 64 and _CODE.fullmatch(text) is not None


def _check_who(by: By, row: JobRow, caller: str) -> None:
    asked_it = caller == row.requester
    if (by is By.REQUESTER and not asked_it) or (
        by in (By.COUNTERPARTY, By.COUNTERPARTIES) and asked_it
    ):
        raise NotYourEvent(f"this is for {by.value} to say")


def _all_of(session: Session, by: By, row: JobRow) -> tuple[str, ...]:
    """Return the parties that must all have said an event before it has its effect.

    Who dropped out of a training has not signed its receipt and is not waited for.
    """
    if by is By.ALL:
        filed = session.get(ReceiptRow, row.job)
        return parties(row) if filed is None else tuple(json.loads(filed.signatures))
    return others(row, row.requester) if by is By.COUNTERPARTIES else ()


def _add_acceptance(session: Session, row: JobRow, party: str, signed: bytes, now_ms: int) -> None:
    """Keep a party's yes, as one counted change: the others see who has accepted so far."""
    said: dict[str, str] = json.loads(row.acceptances)
    row.acceptances = json.dumps(said | {party: signed.hex()}, sort_keys=True)
    if len(said) + 1 < len(others(row, row.requester)):
        row.updated_ms, row.revision = now_ms, store.next_revision(session)


def _check_acceptance(
    session: Session, row: JobRow, caller: PartyPublic, signed: bytes, now_ms: int
) -> None:
    if len(signed) > MAX_ACCEPTANCE_BYTES:
        raise AcceptanceRefused(f"a signed acceptance has at most {MAX_ACCEPTANCE_BYTES} bytes")
    try:
        yes = verify(Acceptance, decode(Signed, signed), caller)
    except ForgedEnvelope as e:
        raise BadSignature("an acceptance is signed by the party that accepts") from e
    if yes.job_hash != row.job_hash or yes.party != caller.party:
        raise AcceptanceRefused("it is over another job, or names another party")
    asked = description(row)
    agreed = _in_force(session, asked, now_ms)
    if _reveals(asked, agreed) and not yes.reveal:
        raise AcceptanceRefused("this job reveals who matches: reveal must be true")
