"""HTTP on one socket that is connected already: a POST with a deadline and a bounded answer.

The standard library speaks HTTP; what it reads from is a socket that counts bytes and time. Of an
answer the head is read (at most 64 KiB), and as much of a short body as lets the connection be
used again.
"""

import io
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse

from typing_extensions import override

from party_node.webhooks.addresses import Target
from party_node.webhooks.states import Cause

MAX_HEAD_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 16 * 1024
_BODY_SECONDS = 1.0
_USER_AGENT = "Accord-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one attempt."""

    cause: Cause
    status: int = 0
    """0 where no answer came."""
    retry_after: str = ""
    took_ms: int = 0

    @property
    def delivered(self) -> bool:
        """Tell whether the receiver has the message."""
        return self.cause is Cause.NONE


class Connection(HTTPConnection):
    """The standard library's HTTP on a socket that is connected already; never connects itself."""

    auto_open = 0

    def __init__(self, target: Target, wire: socket.socket) -> None:
        super().__init__(target.host, target.port)
        self._target, self._wire = target, wire
        self._timed = _Timed(wire)
        self.sock = self._timed

    def post(self, headers: Mapping[str, str], body: bytes, until: float) -> tuple[Answer, bool]:
        """Send and read; the second value tells whether the connection may be used again.

        Raises: OSError, HTTPException.
        """
        self._timed.begin(until, MAX_HEAD_BYTES)
        self.putrequest("POST", self._target.path, skip_host=True, skip_accept_encoding=True)
        self.putheader("Host", self._target.authority)
        self.putheader("User-Agent", _USER_AGENT)
        self.putheader("Content-Type", "application/json")
        self.putheader("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.putheader(name, value)
        self.endheaders(body)
        response = self.getresponse()
        answer = _answer(response)
        self._timed.begin(min(until, time.monotonic() + _BODY_SECONDS), MAX_ANSWER_BYTES)
        return answer, _read_to_end(response)

    @override
    def connect(self) -> None:
        raise ConnectionError("a line is dialled by its sender")

    def hang_up(self) -> None:
        """Close the socket itself."""
        with suppress(OSError):
            self._wire.close()


def _answer(response: HTTPResponse) -> Answer:
    status = response.status
    retry_after = (response.getheader("Retry-After") or "")[:64]
    if 200 <= status < 300:
        return Answer(Cause.NONE, status)
    if 300 <= status < 400:
        return Answer(Cause.REDIRECTED, status)
    cause = Cause.GONE if status == HTTPStatus.GONE else Cause.NOT_TAKEN
    return Answer(cause, status, retry_after)


def _read_to_end(response: HTTPResponse) -> bool:
    """Read the rest of a short answer, so that the connection can be used again."""
    try:
        response.read(MAX_ANSWER_BYTES)
        return response.isclosed() and not response.will_close
    except (OSError, HTTPException):
        return False  # the status has come: what it is worth does not depend on the rest


class _Timed:
    """As much of a socket as HTTP needs, with a deadline and a bound on what is read."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._until, self._most = 0.0, 0

    def begin(self, until: float, most_bytes: int) -> None:
        """Set the deadline and the bound for what follows."""
        self._until, self._most = until, most_bytes

    def sendall(self, data: bytes) -> None:
        self._wire.settimeout(time_left(self._until))
        self._wire.sendall(data)

    def receive(self, into: memoryview) -> int:
        if self._most <= 0:
            raise ConnectionResetError("the answer is too long")
        self._wire.settimeout(time_left(self._until))
        count = self._wire.recv_into(into[: self._most])
        self._most -= count
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """Leave the socket open: `HTTPConnection` lets go of it before the answer is read."""


class _Incoming(io.RawIOBase):
    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, into: memoryview) -> int:  # type: ignore[override]
        return self._timed.receive(into)


def time_left(until: float) -> float:
    """Return the seconds until then. Raises: TimeoutError if there are none."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline has passed")
    return left
