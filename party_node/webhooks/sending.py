"""One attempt: a POST to a checked address, with a deadline.

The name is looked up, every address is checked, and the connection goes to a checked address; the
certificate must be for the name. Redirects are not followed, proxies of the environment are not
used. A connection serves several messages in a row where the receiver keeps it open.
"""

import functools
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException

from party_node.webhooks.addresses import AddressRules, Target
from party_node.webhooks.connection import Answer, Connection, time_left
from party_node.webhooks.errors import WebhookUrlRefused
from party_node.webhooks.states import Cause

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host as text. Raises: OSError or UnicodeError if there are none."""

DEADLINE_SECONDS = 15.0
"""For one attempt, from the connection to the end of the answer's header."""
CONNECT_SECONDS = 5.0


def system_resolver(host: str, port: int) -> list[str]:
    """Ask the machine's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Sender:
    """Opens lines to receivers; safe to share between threads."""

    def __init__(
        self,
        rules: AddressRules,
        resolve: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._rules, self._resolve = rules, resolve
        self._given_tls = tls
        self._deadline_seconds = deadline_seconds

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()

    def require_callable(self, target: Target) -> None:
        """Return if the target may be called as it resolves now.

        Raises: WebhookUrlRefused, also if it does not resolve.
        """
        try:
            self._look_up(target)
        except OSError:
            raise WebhookUrlRefused("the host's name is not found") from None

    @contextmanager
    def line(self, target: Target) -> Iterator["Line"]:
        """Return a line to a target, which is closed at the end."""
        opened = Line(self, target)
        try:
            yield opened
        finally:
            opened.hang_up()

    def dial(self, target: Target, until: float) -> socket.socket:
        """Connect. Raises: OSError, WebhookUrlRefused."""
        error: OSError = ConnectionError("no address")
        for address in self._look_up(target):
            patience = min(CONNECT_SECONDS, time_left(until))
            try:
                plain = socket.create_connection((address, target.port), patience)
            except TimeoutError:
                error = ConnectionError("no connection in time")  # so nothing was sent
                continue
            except OSError as e:
                error = e
                continue
            # A head and its body are two writes: without this each message waits for an ACK.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._secured(plain, target, until) if target.secure else plain
        raise error

    def _secured(self, plain: socket.socket, target: Target, until: float) -> socket.socket:
        try:
            plain.settimeout(time_left(until))
            return self._tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise

    def _look_up(self, target: Target) -> Sequence[str]:
        try:
            found = self._resolve(target.host, target.port)
        except (OSError, UnicodeError) as e:
            raise _Unresolved from e
        self._rules.require(target, found)
        return found

    def until(self) -> float:
        """Return when an attempt that begins now must have ended."""
        return time.monotonic() + self._deadline_seconds


class _Unresolved(OSError):
    """The name was not found."""


class Line:
    """A connection to one receiver, made when the first message is sent."""

    def __init__(self, sender: Sender, target: Target) -> None:
        self._sender, self._target = sender, target
        self._open: Connection | None = None

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one message and return what became of it; raises nothing of the network's."""
        began, until = time.monotonic(), self._sender.until()
        kept = self._open is not None
        answer = self._try(headers, body, until)
        if kept and not answer.status and answer.cause is not Cause.TIMED_OUT:
            # The receiver had closed the kept connection. The id makes a repetition harmless.
            answer = self._try(headers, body, until)
        took = round((time.monotonic() - began) * 1000)
        return Answer(answer.cause, answer.status, answer.retry_after, took)

    def hang_up(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open.hang_up()
            self._open = None

    def _try(self, headers: Mapping[str, str], body: bytes, until: float) -> Answer:
        try:
            if self._open is None:
                wire = self._sender.dial(self._target, until)
                self._open = Connection(self._target, wire)
            answer, keeps = self._open.post(headers, body, until)
        except (OSError, HTTPException, WebhookUrlRefused) as e:
            self.hang_up()
            return Answer(_cause(e))
        if not keeps:
            self.hang_up()
        return answer


def _cause(error: Exception) -> Cause:
    match error:
        case WebhookUrlRefused():
            return Cause.ADDRESS_REFUSED
        case _Unresolved():
            return Cause.UNRESOLVED
        case TimeoutError():
            return Cause.TIMED_OUT
        case ssl.SSLError():
            return Cause.TLS_FAILED
        case HTTPException() | ConnectionResetError() | BrokenPipeError():
            return Cause.BAD_ANSWER
        case _:
            return Cause.UNREACHABLE
