"""How every page of the console is answered: to whom, with which headers, and escaped.

No script, nothing from elsewhere. A form is taken only from a page of this node: the session cookie
is SameSite=Strict, and the Origin of every form is compared with the address that it was sent to.
"""

from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from party_node.asked_words import forecast, how, price
from party_node.console.model_quality import percent, span
from party_node.console.model_words import STATES
from party_node.console.view import age, when
from party_node.job_words import stage
from party_node.roles.callers import Caller
from party_node.running import RunningNode
from party_node.surface_errors import ForeignOrigin
from protocols.verdict import Verdict

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    # `no-referrer` would make browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_SEE_OTHER = 303

_templates = Environment(
    loader=PackageLoader("party_node.console"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters |= {
    "when": when,
    "age": age,
    "stage": stage,
    "how": how,
    "price": price,
    "forecast": forecast,
}
_templates.filters |= {"percent": percent, "verdict": lambda said: STATES[Verdict(said)]}
_templates.globals["span"] = span
_templates.filters["count"] = lambda number: f"{number:,}"


def same_origin(request: Request) -> None:
    """Return if the form was sent from a page of this node.

    Raises: ForeignOrigin, also if the browser does not say where it was sent from.
    """
    origin = urlsplit(request.headers.get("origin", ""))
    if not origin.netloc or origin.netloc != request.headers.get("host"):
        raise ForeignOrigin


def cookie_name(node: RunningNode) -> str:
    """Return the cookie's name; browsers share cookies between the ports of one machine."""
    return f"accord-{node.party}"


def back(to: str = "/") -> RedirectResponse:
    """Send the browser to a page of this node."""
    return RedirectResponse(to, _SEE_OTHER, HEADERS)


def render(
    template: str, content: dict[str, Any], status: int = 200, who: Caller | None = None
) -> Response:
    """Return a page for somebody who has signed in, or for a stranger; everything in it is
    escaped.
    """
    text = _templates.get_template(template).render(content | {"who": who})
    return Response(text, status, HEADERS, "text/html; charset=utf-8")
