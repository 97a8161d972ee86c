"""Who may call: everything under /v1 needs a token, and no body is larger than 1 MiB.

    the node's own     the administrator: everything
    an operator's      everything but changing roles
    of compliance      reading everything, what a look writes down too; requests of people,
                       explanations, receipts, checks of the ledger

It is checked before a route is looked up or a body is read, so a new route cannot forget it. Routes
find who calls in their parameters (`Calling`).
"""

import hmac
import re
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from party_node import problems
from party_node.roles.callers import ADMINISTRATOR, Caller, Proven
from party_node.roles.errors import NotYourRole, TwoRolesNeeded
from party_node.roles.roles import Roles
from party_node.roles.tokens import StaffRole
from party_node.running import Here
from party_node.surface_errors import RequestTooLarge, Unauthorised

PROTECTED = "/v1"
MAX_BODY_BYTES = 1024 * 1024
_SCHEME = "bearer "
_CALLER = "accord_caller"
_READING = frozenset({"GET", "HEAD"})
_ROLES = "/v1/roles"
_OF_COMPLIANCE = (
    "/v1/requests",
    "/v1/consent/explanations",
    "/v1/consent/preferences/current",
    "/v1/consent/receipts",
    "/v1/ledger/verify",
    "/v1/ledger/fsck",
    "/v1/ledger/snapshots",
)
"""What a compliance officer may also do besides reading."""
_VIEW = re.compile(r"/v1/ledger/entries/[0-9]+/views", re.ASCII)
"""Looking at a payload, which is a POST because it is written down."""


class Doorkeeper:
    """ASGI middleware: lets in who holds a token, as far as their role goes."""

    def __init__(self, app: ASGIApp, token: str, roles: Roles) -> None:
        self._app, self._token, self._roles = app, token, roles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path: str = scope["path"]
        if _is_under(path, PROTECTED):
            caller = self._caller(headers)
            if caller is None:
                await problems.respond(Unauthorised())(scope, receive, send)
                return
            if not _may(caller.role, scope["method"], path):
                await problems.respond(NotYourRole())(scope, receive, send)
                return
            scope.setdefault("state", {})[_CALLER] = caller
        if _announced(headers) > MAX_BODY_BYTES:
            await problems.respond(RequestTooLarge())(scope, receive, send)
            return
        await self._app(scope, _Limited(receive), send)

    def _caller(self, headers: Headers) -> Caller | None:
        given = headers.get("authorization", "")
        if not given.lower().startswith(_SCHEME):
            return None
        return whose(given[len(_SCHEME) :].strip(), self._token, self._roles)


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


def whose(token: str, own: str, roles: Roles) -> Caller | None:
    """Return whose token this is, the node's own or that of somebody in a role; None if nobody's.

    How long it takes says nothing about any token.
    """
    if hmac.compare_digest(token.encode(), own.encode()):
        return ADMINISTRATOR
    return roles.caller(token)


def caller_of(request: Request) -> Caller:
    """Return who sends this request. Raises: Unauthorised outside of what the doorkeeper guards."""
    found: Caller | None = getattr(request.state, _CALLER, None)
    if found is None:
        raise Unauthorised
    return found


Calling = Annotated[Caller, Depends(caller_of)]
"""Who calls, in a route's parameters."""

RoleTokenHeader = Annotated[str | None, Header(max_length=200)]


def two_of(
    node: Here,
    accord_operator_token: RoleTokenHeader = None,
    accord_compliance_token: RoleTokenHeader = None,
) -> tuple[Proven, Proven]:
    """Return the operator and the compliance officer whose tokens the request shows.

    Raises: TwoRolesNeeded.
    """
    if accord_operator_token is None or accord_compliance_token is None:
        raise TwoRolesNeeded
    return node.services.roles.two(accord_operator_token, accord_compliance_token)


TwoCalling = Annotated[tuple[Proven, Proven], Depends(two_of)]
"""An operator and a compliance officer who agree, in a route's parameters."""


def shown_two(
    node: Here,
    accord_operator_token: RoleTokenHeader = None,
    accord_compliance_token: RoleTokenHeader = None,
) -> tuple[Proven, Proven] | None:
    """Return as `two_of`, or None if the request shows no token of a role at all.

    Raises: TwoRolesNeeded if it shows one, or two that do not hold.
    """
    if accord_operator_token is None and accord_compliance_token is None:
        return None
    return two_of(node, accord_operator_token, accord_compliance_token)


TwoShown = Annotated[tuple[Proven, Proven] | None, Depends(shown_two)]
"""The same where one person may suffice."""


def _may(role: StaffRole, method: str, path: str) -> bool:
    match role:
        case StaffRole.ADMINISTRATOR:
            return True
        case StaffRole.OPERATOR:
            return method in _READING or not _is_under(path, _ROLES)
        case StaffRole.COMPLIANCE:
            own = any(_is_under(path, root) for root in _OF_COMPLIANCE)
            return method in _READING or own or _VIEW.fullmatch(path) is not None


def _is_under(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _announced(headers: Headers) -> int:
    stated = headers.get("content-length", "0")
    return int(stated) if stated.isascii() and stated.isdigit() else 0
