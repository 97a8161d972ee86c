"""The process: uvicorn around the application, with a prompt and orderly end."""

import os
import socket
from collections.abc import Awaitable, Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from coordinator.app import create_app
from coordinator.observability import log
from coordinator.services import Services
from coordinator.settings import Settings
from protocols.linear_algebra import limit_threads

GRACE_SECONDS = 10
_BACKLOG = 2048

Closing = Callable[[], Awaitable[None]]
"""What to do when it is told to stop, before it waits for open requests."""


class Server(uvicorn.Server):
    """Ends long-polls before it waits for open requests: SIGTERM must not take 25 seconds."""

    def __init__(self, config: uvicorn.Config, closing: Closing | None = None) -> None:
        super().__init__(config)
        self._closing = closing

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal as the wish to stop; a second one stops at once.

        Uvicorn would raise it again when all is done, and a clean stop would look like a kill.
        """
        self.force_exit = self.should_exit
        self.should_exit = True

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving."""
        if self._closing is not None:
            await self._closing()
        await super().shutdown(sockets=sockets)


async def serve(settings: Settings) -> None:
    """Serve a coordinator until a signal says to stop.

    Raises: SetupError; OSError if the address cannot be listened on.
    """
    limit_threads(settings.blas_threads, os.environ)
    app = create_app(settings)
    services: Services = app.state.services
    tls = (settings.tls_certificate, settings.tls_key) if settings.tls_certificate else None
    await run(app, settings.listen_host, settings.listen_port, services.bell.close, tls)


async def run(
    app: FastAPI,
    host: str,
    port: int,
    closing: Closing | None = None,
    tls: tuple[str, str] | None = None,
) -> None:
    """Serve an application until a signal says to stop; `tls` are files: certificate and key.

    Raises: OSError if the address cannot be listened on, or a file is not there.
    """
    certificate, key = tls or (None, None)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        log_level="warning",
        access_log=False,  # it would log paths
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
        ssl_certfile=certificate,
        ssl_keyfile=key or None,
    )
    sockets = [_listen(host, port)]
    bound_host, bound_port = sockets[0].getsockname()[:2]
    log.info("listening", host=bound_host, port=bound_port)
    await Server(config, closing).serve(sockets=sockets)
    log.info("stopped")


def _listen(host: str, port: int) -> socket.socket:
    """Listen before starting: a taken port is an error and not a log line, and who comes after
    `listening` was logged waits in the queue instead of being refused.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
