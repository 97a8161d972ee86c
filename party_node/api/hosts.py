"""Refuses requests that were sent to another host's name, before anything is looked at."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from party_node import problems
from party_node.host_names import hosts_of, is_ours
from party_node.settings import NodeSettings
from party_node.surface_errors import UnknownHost


class HostGuard:
    """ASGI middleware: lets in what was sent to a name or an address of this node."""

    def __init__(self, app: ASGIApp, settings: NodeSettings) -> None:
        self._app = app
        self._names = hosts_of(settings.public_hosts) | {settings.listen_host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "http":
            given = Headers(scope=scope).getlist("host")
            if len(given) != 1 or not is_ours(given[0], self._names):
                await problems.respond(UnknownHost())(scope, receive, send)
                return
        await self._app(scope, receive, send)
