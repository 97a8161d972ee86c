"""The job board: propose, say events, read, wait for changes; and the receipt at the end."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from sqlmodel import Session

from coordinator import jobs, receipts, store
from coordinator.api.described import After, Job, Wait, takes
from coordinator.auth import Caller, body_of
from coordinator.services import Here
from coordinator.waiting import Kind
from coordinator.wire import JobEventBody, JobProposal, JobView, ReceiptFiling

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

ProposalBody = Annotated[JobProposal, Depends(body_of(JobProposal))]
EventBody = Annotated[JobEventBody, Depends(body_of(JobEventBody))]
FilingBody = Annotated[ReceiptFiling, Depends(body_of(ReceiptFiling))]


@router.get("")
async def list_jobs(caller: Caller, here: Here, after: After = 0, wait: Wait = 0) -> list[JobView]:
    """List the caller's jobs that changed after a revision, oldest change first, one page."""

    def look(session: Session) -> list[JobView]:
        return [jobs.view(row) for row in store.jobs_after(session, caller.party, after)]

    return await here.until(caller.party, Kind.JOBS, look, wait)


@router.get("/{job}")
async def show_job(job: Job, caller: Caller, here: Here) -> JobView:
    """Show one job to one of its parties."""
    return await here.read(lambda session: jobs.view(jobs.of_party(session, caller.party, job)))


@router.put("/{job}", status_code=HTTPStatus.CREATED, openapi_extra=takes(JobProposal))
async def propose(
    job: Job, caller: Caller, proposal: ProposalBody, here: Here, response: Response
) -> JobView:
    """Ask for a job. 201 when new, 200 when it is the same again."""
    now_ms, most = here.clock(), here.settings.max_open_jobs
    view, new = await here.write(
        lambda session: jobs.propose(
            session, caller.public, job, proposal.signed, now_ms, most_open=most
        )
    )
    response.status_code = HTTPStatus.CREATED if new else HTTPStatus.OK
    await here.bell.ring(Kind.JOBS)
    return view


@router.post("/{job}/events", openapi_extra=takes(JobEventBody))
async def say(job: Job, caller: Caller, event: EventBody, here: Here) -> JobView:
    """Say an event about a job; the same again changes nothing."""
    now_ms = here.clock()
    view = await here.write(lambda session: jobs.apply(session, caller.public, job, event, now_ms))
    await here.bell.ring(Kind.JOBS)
    return view


@router.put("/{job}/receipt", status_code=HTTPStatus.CREATED, openapi_extra=takes(ReceiptFiling))
async def file_receipt(
    job: Job, caller: Caller, filing: FilingBody, here: Here, response: Response
) -> ReceiptFiling:
    """File the receipt that all parties signed. 201 when new, 200 when it is the same again."""
    now_ms = here.clock()
    new = await here.write(
        lambda session: receipts.file(session, caller.party, job, filing, now_ms)
    )
    response.status_code = HTTPStatus.CREATED if new else HTTPStatus.OK
    return filing


@router.get("/{job}/receipt")
async def show_receipt(job: Job, caller: Caller, here: Here) -> ReceiptFiling:
    """Show the receipt to one of the parties."""
    return await here.read(lambda session: receipts.find(session, caller.party, job))
