"""The console's pages: sign in, one page that says how things are, and the decisions on it."""

from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, Query, Request, Response

from party_node.api.audit import use_views
from party_node.api.jobs import JobId
from party_node.console import audit, model_pages, questions, signing_in
from party_node.console.answering import HEADERS, back, cookie_name, render, same_origin
from party_node.console.asking import Written
from party_node.console.questions import Key, Text, Typed
from party_node.console.sessions import TTL_MS
from party_node.console.signing_in import Reading, ReadsOnly, RunningJobs, SignInFirst
from party_node.console.view import page
from party_node.errors import IllegalState, NodeError
from party_node.problems import Refusal, problem_of
from party_node.roles.callers import Caller
from party_node.running import Here, RunningNode, node_of
from protocols.errors import ProtocolError

_STATIC = FilePath(__file__).parent / "static"
_STYLE = (_STATIC / "console.css").read_text(encoding="utf-8")
_ICON = (_STATIC / "icon.svg").read_text(encoding="utf-8")
_STATED = "console"
"""Who decides, as far as the node's own token tells."""

router = APIRouter(include_in_schema=False)
forms = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin)])


def install(app: FastAPI) -> None:
    """Add the console to the application."""
    for pages in (router, forms, model_pages.router, model_pages.forms):
        app.include_router(pages)
    app.add_exception_handler(SignInFirst, lambda _request, _error: back())
    app.add_exception_handler(ReadsOnly, _not_your_role)


@router.get("/")
def home(request: Request, node: Here) -> Response:
    """Show the page, or the form to sign in."""
    who = signing_in.signed_in(request)
    if who is None:
        return render("sign_in.html", {"party": node.party, "wrong": False})
    return render("home.html", _content(node), who=who)


@router.get("/static/console.css")
def style() -> Response:
    """Return the style sheet."""
    return Response(_STYLE, media_type="text/css", headers=HEADERS)


@router.get("/static/icon.svg")
def icon() -> Response:
    """Return the icon: two circles that overlap."""
    return Response(_ICON, media_type="image/svg+xml", headers=HEADERS)


@router.get("/audit")
def uses(
    node: Here,
    who: Reading,
    job: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
) -> Response:
    """Show every use of people's data."""
    return render("audit.html", audit.shown(node, job, before), who=who)


@forms.post("/sign-in")
def sign_in(request: Request, node: Here, token: Annotated[str, Form(max_length=200)]) -> Response:
    """Begin a session for whoever has the node's token, or that of a role."""
    cookie = signing_in.begin(request, node, token)
    if cookie is None:
        return render("sign_in.html", {"party": node.party, "wrong": True}, 403)
    answer = back()
    answer.set_cookie(
        cookie_name(node),
        cookie,
        max_age=TTL_MS // 1000,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@forms.post("/sign-out")
def sign_out(request: Request, node: Here) -> Response:
    """End the session."""
    signing_in.end(request)
    answer = back()
    answer.delete_cookie(cookie_name(node), httponly=True, samesite="strict")
    return answer


@forms.post("/jobs/{job}/approve")
def approve(job: JobId, node: Here, who: RunningJobs) -> Response:
    """Approve a job that waits."""
    decided_by = who.signing(_STATED)
    return _decided(node, who, lambda: node.services.jobs.approve(job, decided_by))


@forms.post("/jobs/{job}/decline")
def decline(job: JobId, node: Here, who: RunningJobs) -> Response:
    """Decline a job that waits."""
    return _decided(node, who, lambda: _decline(node, job, who.signing(_STATED)))


@router.get("/questions")
def question(node: Here, who: RunningJobs) -> Response:
    """Show the form for a question about people in common."""
    return _asking(who, *questions.empty(node))


@forms.post("/questions/write")
def write_question(
    node: Here, who: RunningJobs, offer: Key, kind: Typed = "count", by: Typed = "",
    words: Typed = "", of: Typed = "", low: Typed = "", high: Typed = "",
    price_by: Typed = "within", price: Typed = "",
) -> Response:  # fmt: skip
    """Write a question from the fields of the form, and look ahead."""
    form = Written(kind, by, words, of, low, high, price_by, price)
    return _asking(who, *questions.written(node, offer, form))


@forms.post("/questions/look")
def look_at_question(node: Here, who: RunningJobs, offer: Key, question: Text) -> Response:
    """Look ahead at a question that was changed by hand."""
    return _asking(who, *questions.looked(node, offer, question))


@forms.post("/questions/ask")
def ask_question(node: Here, who: RunningJobs, offer: Key, question: Text) -> Response:
    """Ask a question about people in common."""
    return _decided(node, who, lambda: questions.ask(node, offer, question))


def _asking(who: Caller, content: dict[str, Any], status: int) -> Response:
    return render("questions.html", content, status, who)


def _decline(node: RunningNode, job: str, by: str) -> None:
    if node.services.jobs.get(job).requester == node.party:
        raise IllegalState("a job of one's own is cancelled, not declined")
    node.services.jobs.decline(job, by)


def _decided(node: RunningNode, who: Caller, decide: Any) -> Response:
    try:
        decide()
    except (NodeError, ProtocolError) as e:
        return _refused(node, who, e)
    node.driver.wake()
    return back()


def _not_your_role(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReadsOnly)
    who = signing_in.signed_in(request)
    return back() if who is None else _refused(node_of(request), who, error)


def _refused(node: RunningNode, who: Caller, error: Refusal) -> Response:
    """Show the page with what went wrong above it."""
    problem = problem_of(error)
    return render("home.html", _content(node) | {"problem": problem}, problem.status, who)


def _content(node: RunningNode) -> dict[str, Any]:
    return page(node) | {"uses": use_views(node.services, 10), "problem": None}
