"""The relay: put a message, wait for one, acknowledge it, close the mailbox."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from coordinator import jobs, relay
from coordinator.api.described import ENVELOPE_BODY, Job, Party, Step, Wait, takes
from coordinator.auth import Caller, EnvelopeCaller, body_of
from coordinator.services import Here
from coordinator.waiting import Kind
from coordinator.wire import CloseBody, MailboxSummary

router = APIRouter(prefix="/v1/jobs/{job}", tags=["relay"])

Close = Annotated[CloseBody, Depends(body_of(CloseBody))]
OCTETS = "application/octet-stream"


@router.put(
    "/messages/{sender}/{recipient}/{step}",
    status_code=HTTPStatus.CREATED,
    openapi_extra=ENVELOPE_BODY,
)
async def put_message(
    job: Job, sender: Party, recipient: Party, step: Step, caller: EnvelopeCaller, here: Here
) -> Response:
    """Send one message. 201 when new, 200 when the same bytes came before."""
    sealed = relay.Sealed(caller.body, caller.digest)
    room = relay.Room(here.settings.max_pending_bytes, here.settings.max_party_pending_bytes)
    new = await here.write(
        lambda session: relay.put(
            session, caller.party, (job, sender, recipient, step), sealed, room
        )
    )
    if new:
        await here.bell.ring(Kind.MESSAGES)
    return Response(status_code=HTTPStatus.CREATED if new else HTTPStatus.OK)


@router.get(
    "/messages/{sender}/{recipient}/{step}",
    response_class=Response,
    responses={
        HTTPStatus.OK: {"content": {OCTETS: {}}, "description": "The envelope as it was sent."},
        HTTPStatus.NO_CONTENT: {"description": "Not sent yet."},
    },
)
async def get_message(
    job: Job,
    sender: Party,
    recipient: Party,
    step: Step,
    caller: Caller,
    here: Here,
    wait: Wait = 0,
) -> Response:
    """Return a message to its recipient, waiting for it up to `wait` seconds."""
    found = await here.until(
        caller.party,
        Kind.MESSAGES,
        lambda session: relay.get(session, caller.party, (job, sender, recipient, step)),
        wait,
    )
    if found is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return Response(found, media_type=OCTETS)


@router.delete("/messages/{sender}/{recipient}/{step}", status_code=HTTPStatus.NO_CONTENT)
async def acknowledge_message(
    job: Job, sender: Party, recipient: Party, step: Step, caller: Caller, here: Here
) -> Response:
    """Erase the bytes of a message that the caller has stored."""
    await here.write(
        lambda session: relay.acknowledge(session, caller.party, (job, sender, recipient, step))
    )
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/mailbox")
async def show_mailbox(job: Job, caller: Caller, here: Here) -> MailboxSummary:
    """Say how much was sent and how each party ended."""
    return await here.read(
        lambda session: relay.summary(session, jobs.of_party(session, caller.party, job))
    )


@router.post("/mailbox/close", openapi_extra=takes(CloseBody))
async def close_mailbox(job: Job, caller: Caller, close: Close, here: Here) -> MailboxSummary:
    """End the caller's side; when all parties have, all bytes are erased."""
    summary = await here.write(
        lambda session: relay.close(session, caller.party, job, close.outcome)
    )
    await here.bell.ring(Kind.MESSAGES)
    return summary
