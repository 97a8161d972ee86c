"""Who may call: everything under /v1 needs the node's token, and no body is larger than 1 MiB.

It is checked before a route is looked up or a body is read, so a new route cannot forget it.
"""

import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from party_node import problems
from party_node.surface_errors import RequestTooLarge, Unauthorised

PROTECTED = "/v1"
MAX_BODY_BYTES = 1024 * 1024
_SCHEME = "bearer "


class Doorkeeper:
    """ASGI middleware: lets in who holds the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path: str = scope["path"]
        if (path == PROTECTED or path.startswith(PROTECTED + "/")) and not self._knows(headers):
            await problems.respond(Unauthorised())(scope, receive, send)
            return
        if _announced(headers) > MAX_BODY_BYTES:
            await problems.respond(RequestTooLarge())(scope, receive, send)
            return
        await self._app(scope, _Limited(receive), send)

    def _knows(self, headers: Headers) -> bool:
        given = headers.get("authorization", "")
        if not given.lower().startswith(_SCHEME):
            return False
        return hmac.compare_digest(given[len(_SCHEME) :].strip().encode(), self._token)


class _Limited:
    """A request body that ends with an error when it grows too large, whatever its header said."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._seen = receive, 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > MAX_BODY_BYTES:
            raise RequestTooLarge
        return message


def _announced(headers: Headers) -> int:
    stated = headers.get("content-length", "0")
    return int(stated) if stated.isascii() and stated.isdigit() else 0
