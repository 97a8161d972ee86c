"""The way to a witness by its URL: HTTPS, or HTTP on this machine; nothing it says is trusted.

No redirect is followed, no proxy of the environment is used, no more is read than a witness has to
say, and it must be said within a time. An operator's trust policy names the URL.
"""

import ipaddress
import time
from urllib.parse import urlsplit

import httpx2

from party_node.ledger.asking import NoAnswer

MOST_BYTES = 64 * 1024
"""A cosignature has about 3,400 bytes at most; some witnesses send more than one."""
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 8.0


def unusable_because(url: str) -> str:
    """Return why a witness cannot be asked at this URL; empty if it can."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if not url.isascii() or not url.isprintable() or not host:
        return "it is no URL"
    if parts.username is not None or parts.query or parts.fragment or url.endswith(("?", "#")):
        return "it has a user, a query or a fragment"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return ""
    return "it must be https://, or http:// on this machine"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HttpWitness:
    """One connection pool to one witness; safe to share between threads."""

    def __init__(
        self,
        url: str,
        transport: httpx2.BaseTransport | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`url` is the witness's submission prefix; `transport` is for tests."""
        self._url = f"{url.rstrip('/')}/add-checkpoint"
        self._seconds = answer_seconds
        self._http = httpx2.Client(
            transport=transport,
            timeout=httpx2.Timeout(answer_seconds, connect=min(CONNECT_SECONDS, answer_seconds)),
            headers={"Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    def add_checkpoint(self, request: bytes) -> tuple[int, str]:
        """Send a request and return status and body.

        Raises: NoAnswer.
        """
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        limit = time.monotonic() + self._seconds
        try:
            with self._http.stream("POST", self._url, content=request, headers=headers) as response:
                return response.status_code, read_bounded(response, MOST_BYTES, limit)
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, RuntimeError) as e:
            # RuntimeError: the pool was closed by another thread, at shutdown.
            raise NoAnswer(_reason(e)) from e

    def close(self) -> None:
        """Drop all connections; waiting calls end with NoAnswer."""
        self._http.close()


def read_bounded(response: httpx2.Response, most_bytes: int, limit: float) -> str:
    """Read a body of at most `most_bytes` until `limit` on the monotonic clock.

    Raises: NoAnswer.
    """
    if response.headers.get("content-encoding", "identity") != "identity":
        raise NoAnswer("its answer is compressed")  # a few bytes could become very many
    body = bytearray()
    for part in response.iter_raw():
        body += part
        if len(body) > most_bytes:
            raise NoAnswer(f"its answer is longer than {most_bytes} bytes")
        if time.monotonic() > limit:
            raise NoAnswer("its answer came too slowly")
    return body.decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    if isinstance(error, httpx2.TimeoutException):
        return "it took too long"
    if isinstance(error, httpx2.ConnectError):
        return "no connection"
    return "the connection broke"
