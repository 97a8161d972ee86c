"""What time does: it ends jobs, invitations and agreements, and empties abandoned mailboxes."""

import asyncio
from dataclasses import dataclass

from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from coordinator import jobs, relay, store
from coordinator.observability import log, log_background_error
from coordinator.parties import DAY_MS
from coordinator.services import Services
from coordinator.waiting import Kind
from coordinator.wire import JobState

HOUR_MS = 60 * 60 * 1000
ABANDONED = "abandoned"
"""Outcome of a side that its party never closed."""
_KEEP_INVITATIONS_MS = 30 * DAY_MS  # so that a repeated enrolment still finds what it used


@dataclass(frozen=True, slots=True)
class Swept:
    """How much a sweep did."""

    jobs: int
    collaborations: int
    invitations: int
    mailboxes: int


def sweep(session: Session, now_ms: int, mailbox_grace_hours: int) -> Swept:
    """Do everything that is due at `now_ms`; a second sweep at the same time does nothing."""
    overdue = store.overdue_jobs(session, now_ms)
    for job in overdue:
        jobs.move(session, job, JobState.EXPIRED, jobs.EXPIRED_CAUSE, now_ms)
    lapsed = store.lapsed_collaborations(session, now_ms)
    for version in lapsed:
        version.in_force = False
        version.revision = store.next_revision(session)
    invitations = store.forget_invitations(session, now_ms - _KEEP_INVITATIONS_MS)
    session.flush()
    left = store.ended_with_open_mailbox(session, now_ms - mailbox_grace_hours * HOUR_MS)
    for job_id in left:
        relay.empty(session, job_id)
        for side in store.sides(session, job_id).values():
            side.outcome = side.outcome or ABANDONED
    session.flush()
    return Swept(len(overdue), len(lapsed), invitations, len(left))


async def run(services: Services) -> None:
    """Sweep now and then for ever; an error is logged and the next sweep comes all the same."""
    while True:
        try:
            await sweep_once(services)
        except Exception as error:  # noqa: BLE001, a background task that must not end
            log_background_error("sweep-error", error)
        await asyncio.sleep(services.settings.sweep_seconds)


async def sweep_once(services: Services) -> Swept:
    """Sweep at the clock's time, empty SQLite's log, and wake who waits."""
    now_ms = services.clock()
    grace = services.settings.mailbox_grace_hours
    done = await services.write(lambda session: sweep(session, now_ms, grace))
    await run_in_threadpool(services.database.erase_traces)
    await run_in_threadpool(services.trainings.sweep)
    if done != Swept(0, 0, 0, 0):
        log.info("swept", **{name: getattr(done, name) for name in Swept.__slots__})
        await services.bell.ring(*Kind)
    return done
