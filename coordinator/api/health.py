"""Alive, and ready: open to whoever watches the service."""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from coordinator.errors import SetupError
from coordinator.services import Here

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@router.get("/readyz")
async def readyz(here: Here) -> JSONResponse:
    """Say whether it can serve: 200 with `ok`, or 503 with the code of what is wrong."""
    checks = {"database": "ok", "schema": "ok", "accepting": "ok"}
    try:
        await run_in_threadpool(here.database.check_schema)
    except SetupError as error:
        checks["database" if error.code == "not-ready" else "schema"] = error.code
    if here.bell.closing:
        checks["accepting"] = "shutting-down"
    ready = all(value == "ok" for value in checks.values())
    return JSONResponse(
        {"status": "ready" if ready else "not-ready", "checks": checks},
        HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )
