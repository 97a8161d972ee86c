"""Two parties on one loopback connection: what a relay is compared with.

Envelopes are the same and arrive in the same order; what is missing is the coordinator: its checks,
its database, its acknowledgements. A frame is four bytes of length and the envelope. What has
arrived waits in memory, as much as a relay would keep for one job, and the rest in a temporary
file, as a node keeps on its disk what a full mailbox has no room for: two sides that send much at
the same time would else wait for each other.
"""

import contextlib
import socket
import tempfile
import threading
from collections import deque

from party_node.coordinator_client import Route
from party_node.errors import CoordinatorUnreachable

MOST_BYTES = 256 * 2**20
CONNECT_SECONDS = 60


class DirectPost:
    """One end of the connection; takes the coordinator client's place in `Mail`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._arrived: deque[bytes | int] = deque()
        """Envelopes, or how long one is that lies in the file."""
        self._waiting_bytes, self._ended = 0, False
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 # closed with the connection
        self._read_at, self._written_at = 0, 0
        self._news = threading.Condition()
        threading.Thread(target=self._read, name="direct", daemon=True).start()

    @classmethod
    def listen(cls, listener: socket.socket) -> "DirectPost":
        """Wait for the other side on a listening socket."""
        listener.settimeout(CONNECT_SECONDS)
        connection, _ = listener.accept()
        return cls(_ready(connection))

    @classmethod
    def connect(cls, port: int) -> "DirectPost":
        """Connect to the other side, which listens already."""
        return cls(_ready(socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS)))

    def put_message(self, _job: str, _route: Route, _step: int, envelope: bytes) -> None:
        """Hand an envelope over. Raises: CoordinatorUnreachable if the other side has gone."""
        try:
            self._connection.sendall(len(envelope).to_bytes(4, "big"))
            self._connection.sendall(envelope)
        except OSError as e:
            raise CoordinatorUnreachable("the other side has gone") from e

    def get_message(self, _job: str, _route: Route, _step: int, wait_seconds: int) -> bytes | None:
        """Return the next envelope, or None if it has not come in time.

        Raises: CoordinatorUnreachable if none can come any more.
        """
        with self._news:
            if not self._news.wait_for(lambda: self._arrived or self._ended, wait_seconds):
                return None
            if not self._arrived:
                raise CoordinatorUnreachable("the other side has gone")
            found = self._arrived.popleft()
            if isinstance(found, bytes):
                self._waiting_bytes -= len(found)
                return found
            self._file.seek(self._read_at)
            self._read_at += found
            return self._file.read(found)

    def acknowledge(self, _job: str, _route: Route, _step: int) -> None:
        """Do nothing: an envelope is handed over once."""

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()
        self._file.close()

    def _read(self) -> None:
        # ValueError: the file was closed meanwhile.
        with contextlib.suppress(OSError, EOFError, ValueError):
            while True:
                envelope = self._exactly(int.from_bytes(self._exactly(4), "big"))
                with self._news:
                    self._take(envelope)
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _take(self, envelope: bytes) -> None:
        if self._waiting_bytes < MOST_BYTES:
            self._arrived.append(envelope)
            self._waiting_bytes += len(envelope)
            return
        self._file.seek(self._written_at)
        self._file.write(envelope)
        self._written_at += len(envelope)
        self._arrived.append(len(envelope))

    def _exactly(self, size: int) -> bytes:
        data, at = bytearray(size), 0
        view = memoryview(data)
        while at < size:
            got = self._connection.recv_into(view[at:])
            if not got:
                raise EOFError
            at += got
        return bytes(data)


def _ready(connection: socket.socket) -> socket.socket:
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
