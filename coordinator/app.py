"""The coordinator's web application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from coordinator import observability, problems, sweeper
from coordinator.api import collaborations, fleet, health, jobs, parties, relay, trainings, witness
from coordinator.clock import Clock, system_clock
from coordinator.database import Database
from coordinator.services import Services
from coordinator.settings import Settings
from coordinator.waiting import Bell
from coordinator.witness_key import load_witness

ROUTERS = (
    parties.router,
    collaborations.router,
    jobs.router,
    relay.router,
    witness.router,
    health.router,
    fleet.router,
    trainings.router,
)


def create_app(settings: Settings, clock: Clock = system_clock) -> FastAPI:
    """Build the application; its home must be initialised before it starts.

    Raises: BadSetting, NotInitialised, UnsafeKeyFile.
    """
    services = Services(
        settings=settings,
        database=Database(settings.effective_database_url),
        clock=clock,
        bell=Bell(),
        witness=load_witness(settings),
    )
    app = FastAPI(
        title="Accord coordinator",
        version="1",
        openapi_url="/v1/openapi.json",
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirected request would carry a signature over another path
        lifespan=_lifespan,
    )
    app.state.services = services
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(observability.RequestLog)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    await services.fleet.start(services.settings, services.clock)
    services.trainings.start()
    sweeping = asyncio.create_task(sweeper.run(services))
    try:
        yield
    finally:
        services.trainings.stop()
        await services.fleet.stop()
        await services.bell.close()
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
        services.database.close()
