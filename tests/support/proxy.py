"""A recording proxy on loopback: sees, keeps and can cut everything between nodes and coordinator.

It speaks HTTP/1.1 as these two do (bodies with a length, connections that are kept), one thread for
each connection. A hook is called before a request is passed on and before its answer is; what it
does there happens at exactly that moment of the conversation.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_HEAD_END = b"\r\n\r\n"
_CHUNK = 65536


class Cut(Exception):
    """Raised by a hook: drop this connection, as a broken network would."""


class _Closed(Exception):
    """The other end closed the connection between two messages."""


@dataclass(slots=True)
class Exchange:
    """One request, and its answer once there is one."""

    method: str
    target: str
    party: str
    """Who says it is calling; empty for calls that are not signed."""
    request: bytes = field(repr=False)
    response: bytes = field(default=b"", repr=False)

    @property
    def changes(self) -> bool:
        """Tell whether this request asks for a change."""
        return self.method != "GET"


Hook = Callable[[Exchange], None]


def _ignore(_exchange: Exchange) -> None:
    pass


class RecordingProxy:
    """Listens on a free port of loopback and passes on to `upstream`, another port there."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.exchanges: list[Exchange] = []
        """All requests in the order in which they came."""
        self.before_request: Hook = _ignore
        self.before_answer: Hook = _ignore
        self._recorded: dict[str, list[bytes]] = {"sent": [], "received": []}
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def traffic(self) -> dict[str, bytes]:
        """Return everything that passed: `sent` by nodes, and `received` by them."""
        with self._lock:
            return {way: b"".join(parts) for way, parts in self._recorded.items()}

    def let_be(self) -> None:
        """Take both hooks away."""
        self.before_request = self.before_answer = _ignore

    def stop(self) -> None:
        with self._lock:
            everything = [self._listener, *self._open]
        for each in everything:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, node: socket.socket) -> None:
        with contextlib.suppress(Cut, _Closed, OSError), self._held(node):
            hub = socket.create_connection(("127.0.0.1", self.upstream), timeout=60)
            with self._held(hub):
                node_said, hub_said = _Reader(node), _Reader(hub)
                while True:
                    self._pass_on(node_said, hub_said)

    @contextlib.contextmanager
    def _held(self, connection: socket.socket) -> Iterator[None]:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _pass_on(self, node: "_Reader", hub: "_Reader") -> None:
        head, request = node.message(answers="")
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        exchange = Exchange(method, target, _header(head, b"accord-party"), request)
        with self._lock:
            self.exchanges.append(exchange)
            self._recorded["sent"].append(request)
        self.before_request(exchange)
        hub.connection.sendall(request)
        _, response = hub.message(answers=method)
        exchange.response = response
        with self._lock:
            self._recorded["received"].append(response)
        self.before_answer(exchange)
        node.connection.sendall(response)


class _Reader:
    """Cuts what comes on a connection into HTTP messages."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self._rest = connection, b""

    def message(self, *, answers: str) -> tuple[bytes, bytes]:
        """Return the head, and the whole message; `answers` is the method that a response is to."""
        while _HEAD_END not in self._rest:
            self._more()
        end = self._rest.index(_HEAD_END) + len(_HEAD_END)
        head = self._rest[:end]
        assert not _header(head, b"transfer-encoding"), "this proxy reads bodies with a length"
        bodiless = answers and (answers == "HEAD" or head.split(b" ", 2)[1] in (b"204", b"304"))
        size = end + (0 if bodiless else int(_header(head, b"content-length") or 0))
        while len(self._rest) < size:
            self._more()
        whole, self._rest = self._rest[:size], self._rest[size:]
        return head, whole

    def _more(self) -> None:
        got = self.connection.recv(_CHUNK)
        if not got:
            raise _Closed
        self._rest += got


def _header(head: bytes, name: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip().decode("latin-1")
    return ""
