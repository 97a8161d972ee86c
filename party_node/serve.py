"""The node process: one home, one lock, one web server, one driver, until it is told to stop.

The address goes to `url` in the home when the node answers, and leaves with the process. The lock
is the operating system's: however the process ends, the next one can take it.
"""

import ipaddress
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import structlog
import uvicorn
from typing_extensions import override

from consent.errors import ConsentError
from party_node.app import create_app
from party_node.database import Database
from party_node.driver import Driver
from party_node.durable_file import create_private
from party_node.errors import NodeError
from party_node.home import Home
from party_node.home_lock import locked
from party_node.migrations import migrate
from party_node.readiness import Readiness
from party_node.running import RunningNode
from party_node.services import assemble
from party_node.surface_errors import AddressInUse
from protocols.linear_algebra import limit_threads

log = structlog.stdlib.get_logger("party_node")

URL = "url"
_BACKLOG = 128
_GRACE_SECONDS = 2


def serve(home: Home) -> None:
    """Run a node until SIGTERM or SIGINT.

    Raises: AlreadyServed, AddressInUse, NotEnrolled, SchemaUnknown and what opening a node raises.
    """
    limit_threads(home.settings.blas_threads, os.environ)
    with locked(home.path), _until_told(), _listening(home) as listener:
        (home.path / URL).unlink(missing_ok=True)  # left behind by a process that was killed
        db = Database(home.database_url)
        try:
            migrate(db)
            services = assemble(home, db)
            driver = Driver(services)
            node = RunningNode(services, driver, Readiness(services), home.token)
            threading.Thread(target=_say_readiness, args=(node,), daemon=True).start()
            threading.Thread(target=_show_witnesses, args=(node,), daemon=True).start()
            driver.start()
            worker = services.webhooks.worker(services.clock_ms)
            worker.start()
            services.aftermath.steward.start()
            services.publisher.start()
            try:
                _Server(node, listener).run(sockets=[listener])
            finally:
                node.stopping.set()
                driver.stop()
                services.supernode.stop()
                services.aftermath.steward.stop()
                services.publisher.stop()
                worker.stop()
                services.witnessing.close()
                services.imports.stop()
                services.checking.stop()
                (home.path / URL).unlink(missing_ok=True)
        finally:
            db.close()
            log.info("node-stopped")


class _Server(uvicorn.Server):
    """Uvicorn on a socket that is bound already; announces the address when it answers."""

    def __init__(self, node: RunningNode, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(node),
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                timeout_keep_alive=30,
            )
        )
        self._node, self._listener = node, listener

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            url = address(self._listener)
            announce(self._node.services.home.path, url)
            log.info("node-ready", url=url, party=self._node.party)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._node.stopping.set()
        await super().shutdown(sockets)


def address(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    found = ipaddress.ip_address(host)
    if found.is_unspecified:
        host = "127.0.0.1" if found.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announce(home: Path, url: str) -> None:
    """Write the address where the command line finds it; whole or not at all."""
    fresh = home / f".{URL}"
    fresh.unlink(missing_ok=True)
    with create_private(fresh) as file:
        file.write(f"{url}\n".encode())
    fresh.replace(home / URL)


@contextmanager
def _listening(home: Home) -> Iterator[socket.socket]:
    host, port = home.settings.listen_host, home.settings.listen_port
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family)
    except OSError as e:
        raise AddressInUse(f"{host}:{port}: {(e.strerror or 'no such address').lower()}") from e
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(where)
            listener.listen(_BACKLOG)
        except OSError as e:
            raise AddressInUse(f"{host}:{port}: {(e.strerror or 'refused').lower()}") from e
        yield listener


@contextmanager
def _until_told() -> Iterator[None]:
    """Turn SIGTERM and SIGINT into an orderly end, also while uvicorn does not listen for them."""
    kinds = (signal.SIGTERM, signal.SIGINT)
    before = {kind: signal.signal(kind, _told) for kind in kinds}
    try:
        yield
    except _Told:
        log.info("node-told-to-stop")
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


class _Told(BaseException):
    """A signal asked the process to end."""


def _told(_number: int, _frame: FrameType | None) -> None:
    raise _Told


def _say_readiness(node: RunningNode) -> None:
    """Warn at the start of what does not hold yet; the node goes on trying."""
    for check in node.readiness.checks():
        if not check.ok:
            log.warning("not-ready", check=check.name, cause=check.code, hint=check.hint)


def _show_witnesses(node: RunningNode) -> None:
    """Show the ledger to its witnesses at the start: after a restored backup they know better."""
    services = node.services
    try:
        services.witnessing.publish(services.ledger.head()[0])
    except (NodeError, ConsentError) as e:
        if not node.stopping.is_set():
            log.warning("not-published", cause=e.code, detail=str(e))
