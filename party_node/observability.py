"""Logs: one event per line on stderr, JSON in production and colour on a terminal.

A request is logged by method, route template, status and milliseconds: never a body, a query
value, a path value or a token. Messages of unforeseen exceptions are not logged either, only their
types and places, because nobody can say what a library puts into them.
"""

import logging
import secrets
import sys
import time
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from party_node import problems

log = structlog.stdlib.get_logger("party_node")

_FORBIDDEN = frozenset(
    {"token", "email", "phone", "value", "secret", "authorization", "cookie", "body"}
)
"""Names under which nothing is ever logged, whoever tries."""


def configure(*, as_json: bool | None = None, level: str = "info") -> None:
    """Send all events to stderr, structlog's and the standard library's; JSON unless a terminal."""
    if as_json is None:
        as_json = not sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_secrets,
        without_messages,
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
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
            foreign_pre_chain=[_foreign_exception, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [output]
    root.setLevel(level.upper())
    # The first two log the addresses that are asked for, which name jobs and parties.
    for chatty in ("httpx2", "httpcore2", "uvicorn", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def without_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank out fields that must never be logged (a structlog processor)."""
    return {key: "(not logged)" if key in _FORBIDDEN else value for key, value in event.items()}


def without_messages(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put type and places of an exception where its text would stand (a structlog processor)."""
    found = event.pop("exc_info", None)
    error = sys.exc_info()[1] if found is True else found
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error"] = type(error).__qualname__
        event["places"] = places(error)
    return event


def _foreign_exception(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Take the exception of a standard library record to where the next processor finds it."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None and record.exc_info:
        event["exc_info"] = record.exc_info
        record.exc_info = record.exc_text = None
    return event


def places(error: BaseException) -> list[str]:
    """Return where an exception was raised, innermost last, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]


class RequestLog:
    """ASGI middleware: logs each request, forbids caching, and answers what nobody foresaw.

    A route that says itself how it may be cached is left to it.
    """

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
                status = message["status"]
                _forbid_keeping(message)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            error_id = secrets.token_hex(8)
            log.exception("request-error", id=error_id, exc_info=error)
            if not status:
                await problems.internal(error_id)(scope, receive, sending)
        finally:
            log.info(
                "request",
                method=scope["method"],
                route=_template(scope),
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )


def _forbid_keeping(message: Message) -> None:
    """Let no cache keep an answer that does not say itself for how long it may be kept."""
    if not any(name.lower() == b"cache-control" for name, _ in message["headers"]):
        message["headers"] = [*message["headers"], (b"cache-control", b"no-store")]


def _template(scope: Scope) -> str:
    route: Any = scope.get("route")
    return str(getattr(route, "path", "(none)"))
