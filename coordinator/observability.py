"""Logs: one event per line on stderr, JSON in production and colour on a terminal.

A request is logged by method, route template, status and milliseconds: never a body, a query
value, a path value or a party. Messages of exceptions are not logged either, only their types and
places, because nobody can say what a library puts into them.
"""

import logging
import secrets
import sys
import time
import traceback
from http import HTTPStatus
from typing import Any, Protocol

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordinator import problems

log = structlog.stdlib.get_logger("coordinator")


class LogSettings(Protocol):
    """What settings say about logs."""

    @property
    def log_format(self) -> str:
        """`auto`, `json` or `console`."""

    @property
    def log_level(self) -> str:
        """What is logged at least."""


def configure(settings: LogSettings) -> None:
    """Send structlog's and the standard library's events to stderr in the chosen form."""
    as_json = settings.log_format == "json" or (
        settings.log_format == "auto" and not sys.stderr.isatty()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [output]
    root.setLevel(settings.log_level.upper())


def places(error: BaseException) -> list[str]:
    """Return where an exception was raised, innermost last, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]


_POLLED = frozenset({"/v1/fleet/{call}"})
"""Routes that are called several times a second: logged at `debug` where all is well."""


class RequestLog:
    """ASGI middleware: logs each request, forbids caching, and answers what nobody foresaw."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [*message["headers"], (b"cache-control", b"no-store")]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001, the edge of the application
            error_id = secrets.token_hex(8)
            _log_error("request-error", error_id, error)
            if not status:
                await problems.internal(error_id)(scope, receive, sending)
        finally:
            route = _template(scope)
            fields = {"method": scope["method"], "route": route, "status": status}
            fields["ms"] = round((time.perf_counter() - started) * 1000, 1)
            if route in _POLLED and status < HTTPStatus.BAD_REQUEST:
                log.debug("request", **fields)
            else:
                log.info("request", **fields)


def log_background_error(event: str, error: BaseException) -> None:
    """Log an error of a background task, which goes on."""
    _log_error(event, secrets.token_hex(8), error)


def _log_error(event: str, error_id: str, error: BaseException) -> None:
    log.error(event, id=error_id, error=type(error).__qualname__, places=places(error))


def _template(scope: Scope) -> str:
    route: Any = scope.get("route")
    return str(getattr(route, "path", "(none)"))
