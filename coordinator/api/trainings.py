"""Federated trainings: a partner joins the one of a job, and asks for what it ended with."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from starlette.concurrency import run_in_threadpool

from coordinator import jobs
from coordinator.api.described import Job, takes
from coordinator.auth import Caller, body_of
from coordinator.federated import joining
from coordinator.services import Here
from coordinator.wire import TrainingRun

router = APIRouter(prefix="/v1/federated/trainings", tags=["federated"])

Body = Annotated[TrainingRun, Depends(body_of(TrainingRun))]


@router.put("/{job}", status_code=HTTPStatus.NO_CONTENT, openapi_extra=takes(TrainingRun))
async def join(job: Job, caller: Caller, said: Body, here: Here) -> Response:
    """Take part in the training of a job, by these terms and keys; the same again is fine."""
    now_ms = here.clock()
    run = await here.read(
        lambda session: joining.read(session, caller.party, job, said.run, now_ms)
    )
    await run_in_threadpool(here.trainings.join, job, caller.party, run)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/{job}", response_class=Response)
async def ended(job: Job, caller: Caller, here: Here) -> Response:
    """Return what partners were told at the end: 204 before."""
    await here.read(lambda session: jobs.of_party(session, caller.party, job))
    told = await run_in_threadpool(here.trainings.told, job)
    if told is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return Response(told, media_type="application/cbor")
