"""What every request needs: settings, database, time, the bell and the witness's key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from coordinator.clock import Clock
from coordinator.database import Database
from coordinator.settings import Settings
from coordinator.waiting import Bell
from coordinator.witness import Witness

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running coordinator."""

    settings: Settings
    database: Database
    clock: Clock
    bell: Bell
    witness: Witness

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run a query in a thread."""
        return await run_in_threadpool(self.database.read, work)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run a change in a thread; it is on disk when this returns."""
        return await run_in_threadpool(self.database.write, work)

    def wait_seconds(self, asked: int) -> int:
        """Return how long to wait when a party asks for `asked`."""
        return min(asked, self.settings.max_wait_seconds)


def services_of(request: Request) -> Services:
    """Return the services of the application that serves this request."""
    found: Services = request.app.state.services
    return found


Here = Annotated[Services, Depends(services_of)]
