"""Who looks at the console: begun by a token, found by a cookie, and as far as their role goes.

The node's own token makes the administrator, that of somebody in a role makes them. A compliance
officer reads every page; whoever runs jobs has buttons too. A role that was revoked ends its
sessions at once.
"""

from typing import Annotated

from fastapi import Depends, Request

from party_node.api.access import whose
from party_node.console.answering import cookie_name
from party_node.console.sessions import Sessions
from party_node.roles.callers import ADMINISTRATOR, Caller, Proven
from party_node.roles.errors import NotYourRole
from party_node.running import RunningNode, node_of

_ADMINISTRATOR = b""


class SignInFirst(Exception):
    """Only who has signed in sees this page; whoever has not is sent to where that is done."""


class ReadsOnly(NotYourRole):
    """A compliance officer reads; an operator asks, decides and uses."""


def begin(request: Request, node: RunningNode, token: str) -> str | None:
    """Return the cookie of a new session; None if this is nobody's token."""
    found = whose(token.strip(), node.token, node.services.roles)
    if found is None:
        return None
    proven = found.token if isinstance(found, Proven) else None
    return _sessions_of(request).begin(_ADMINISTRATOR if proven is None else proven.digest())


def end(request: Request) -> None:
    """End the session of whoever sends this."""
    _sessions_of(request).end(_cookie(request))


def signed_in(request: Request) -> Caller | None:
    """Return who sends this; None for a stranger, or where a role was revoked meanwhile."""
    found = _sessions_of(request).whose(_cookie(request))
    if found is None:
        return None
    return (
        ADMINISTRATOR if found == _ADMINISTRATOR else node_of(request).services.roles.holder(found)
    )


def _reads(request: Request) -> Caller:
    found = signed_in(request)
    if found is None:
        raise SignInFirst
    return found


Reading = Annotated[Caller, Depends(_reads)]
"""Who reads, in a route's parameters."""


def _runs_jobs(who: Reading) -> Caller:
    if not who.role.runs_jobs:
        raise ReadsOnly
    return who


RunningJobs = Annotated[Caller, Depends(_runs_jobs)]
"""Who asks, decides or uses, in a route's parameters."""


def _cookie(request: Request) -> str | None:
    return request.cookies.get(cookie_name(node_of(request)))


def _sessions_of(request: Request) -> Sessions:
    found: Sessions = request.app.state.sessions
    return found
