"""What every request needs: settings, database, time, the bell and the witness's key."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.concurrency import run_in_threadpool

from coordinator.clock import Clock
from coordinator.database import Database
from coordinator.federated.carrying import Carrier
from coordinator.fleet import Fleet
from coordinator.intake import Intake
from coordinator.settings import Settings
from coordinator.waiting import Bell, Kind, Waits
from coordinator.witness import Cosigning, enrolled
from coordinator.witness_key import Witness

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running coordinator."""

    settings: Settings
    database: Database
    clock: Clock
    bell: Bell
    witness: Witness
    intake: Intake = field(default_factory=Intake)
    waits: Waits = field(default_factory=Waits)
    fleet: Fleet = field(default_factory=Fleet)
    trainings: Carrier = field(init=False)

    def __post_init__(self) -> None:
        carrier = Carrier(
            self.database, self.clock, self.settings.federated_folder, self.fleet.open_run
        )
        object.__setattr__(self, "trainings", carrier)

    @property
    def cosigning(self) -> Cosigning:
        """The witness of the enrolled parties' ledgers."""
        return Cosigning(self.witness, self.database, self.clock, enrolled)

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run a query in a thread."""
        return await run_in_threadpool(self.database.read, work)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run a change in a thread; it is on disk when this returns."""
        return await run_in_threadpool(self.database.write, work)

    async def until(
        self, party: str, kind: Kind, look: Callable[[Session], T], asked_seconds: int
    ) -> T:
        """Run a query for `party` until it finds something or the time it asked for is over.

        Raises: TooManyWaits.
        """
        seconds = self.wait_seconds(asked_seconds)
        most = self.settings.max_waits
        with self.waits.one_more(party, most) if seconds else nullcontext():
            return await self.bell.until(kind, lambda: self.database.read(look), seconds)

    def wait_seconds(self, asked: int) -> int:
        """Return how long to wait when a party asks for `asked`."""
        return min(asked, self.settings.max_wait_seconds)


def services_of(request: Request) -> Services:
    """Return the services of the application that serves this request."""
    found: Services = request.app.state.services
    return found


Here = Annotated[Services, Depends(services_of)]
