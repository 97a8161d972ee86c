"""The web application of a stand-alone witness: two calls, and its health."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from coordinator import observability, problems
from coordinator.api import witness
from coordinator.clock import Clock, system_clock
from coordinator.errors import SetupError
from coordinator.intake import Intake
from coordinator.witness import Cosigning
from coordinator.witness_node import logs
from coordinator.witness_node.home import database_of, witness_of
from coordinator.witness_node.settings import WitnessSettings

health = APIRouter(tags=["health"])


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running witness."""

    cosigning: Cosigning
    intake: Intake = field(default_factory=Intake)


def create_app(settings: WitnessSettings, clock: Clock = system_clock) -> FastAPI:
    """Build the application; its home must be initialised before.

    Raises: BadSetting, NotInitialised, UnsafeKeyFile.
    """
    database = database_of(settings)
    app = FastAPI(
        title="Accord witness",
        version="1",
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    app.state.services = Services(Cosigning(witness_of(settings), database, clock, logs.trusted))
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(observability.RequestLog)
    return app


@health.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@health.get("/readyz")
async def readyz(request: Request) -> JSONResponse:
    """Say whether it can cosign: 200 with `ok`, or 503 with the code of what is wrong."""
    services: Services = request.app.state.services
    checks = {"database": "ok", "schema": "ok"}
    try:
        await run_in_threadpool(services.cosigning.database.check_schema)
    except SetupError as error:
        checks["database" if error.code == "not-ready" else "schema"] = error.code
    ready = all(value == "ok" for value in checks.values())
    return JSONResponse(
        {"status": "ready" if ready else "not-ready", "checks": checks},
        HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )


ROUTERS = (health, witness.routes(""))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    try:
        yield
    finally:
        services.cosigning.database.close()
