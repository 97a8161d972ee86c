"""The process: uvicorn around the application, with a prompt and orderly end."""

import socket
from types import FrameType

import uvicorn
from typing_extensions import override

from coordinator.app import create_app
from coordinator.observability import log
from coordinator.services import Services
from coordinator.settings import Settings

GRACE_SECONDS = 10


class Server(uvicorn.Server):
    """Ends long-polls before it waits for open requests: SIGTERM must not take 25 seconds."""

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
        services: Services = self.config.app.state.services  # type: ignore[union-attr]
        await services.bell.close()
        await super().shutdown(sockets=sockets)


async def serve(settings: Settings) -> None:
    """Serve until a signal says to stop.

    Raises: SetupError; OSError if the address cannot be listened on.
    """
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        log_config=None,
        log_level="warning",
        access_log=False,  # it would log paths
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )
    sockets = [_listen(settings)]
    host, port = sockets[0].getsockname()[:2]
    log.info("listening", host=host, port=port)
    await Server(config).serve(sockets=sockets)
    log.info("stopped")


def _listen(settings: Settings) -> socket.socket:
    """Bind before starting, so that a taken port is an error and not a log line."""
    family = socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.listen_host, settings.listen_port))
    except OSError:
        listener.close()
        raise
    return listener
