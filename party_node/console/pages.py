"""The console's pages: sign in, one page that says how things are, and the decisions on it."""

import hmac
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, Path, Request, Response

from party_node.api.audit import use_views
from party_node.console import model_pages, questions
from party_node.console.answering import (
    HEADERS,
    back,
    cookie_name,
    render,
    same_origin,
    sessions_of,
    signed_in,
)
from party_node.console.asking import Written
from party_node.console.questions import Key, Text, Typed
from party_node.console.sessions import TTL_MS
from party_node.console.view import page
from party_node.errors import IllegalState, NodeError
from party_node.problems import Refusal, problem_of
from party_node.running import Here, RunningNode
from protocols.errors import ProtocolError

_STATIC = FilePath(__file__).parent / "static"
_STYLE = (_STATIC / "console.css").read_text(encoding="utf-8")
_ICON = (_STATIC / "icon.svg").read_text(encoding="utf-8")

router = APIRouter(include_in_schema=False)
forms = APIRouter(include_in_schema=False, dependencies=[Depends(same_origin)])

JobId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


def install(app: FastAPI) -> None:
    """Add the console to the application."""
    app.include_router(router)
    app.include_router(forms)
    for pages in (model_pages.router, model_pages.forms):
        app.include_router(pages)


@router.get("/")
def home(request: Request, node: Here) -> Response:
    """Show the page, or the form to sign in."""
    if not signed_in(request):
        return render("sign_in.html", {"party": node.party, "wrong": False})
    return render("home.html", _content(node))


@router.get("/static/console.css")
def style() -> Response:
    """Return the style sheet."""
    return Response(_STYLE, media_type="text/css", headers=HEADERS)


@router.get("/static/icon.svg")
def icon() -> Response:
    """Return the icon: two circles that overlap."""
    return Response(_ICON, media_type="image/svg+xml", headers=HEADERS)


@forms.post("/sign-in")
def sign_in(request: Request, node: Here, token: Annotated[str, Form(max_length=200)]) -> Response:
    """Begin a session for whoever has the node's token."""
    if not hmac.compare_digest(token.strip().encode(), node.token.encode()):
        return render("sign_in.html", {"party": node.party, "wrong": True}, 403)
    answer = back()
    answer.set_cookie(
        cookie_name(node),
        sessions_of(request).begin(),
        max_age=TTL_MS // 1000,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@forms.post("/sign-out")
def sign_out(request: Request, node: Here) -> Response:
    """End the session."""
    sessions_of(request).end(request.cookies.get(cookie_name(node)))
    answer = back()
    answer.delete_cookie(cookie_name(node), httponly=True, samesite="strict")
    return answer


@forms.post("/jobs/{job}/approve")
def approve(job: JobId, request: Request, node: Here) -> Response:
    """Approve a job that waits."""
    return _decided(request, node, lambda: node.services.jobs.approve(job, "person:console"))


@forms.post("/jobs/{job}/decline")
def decline(job: JobId, request: Request, node: Here) -> Response:
    """Decline a job that waits."""
    return _decided(request, node, lambda: _decline(node, job))


@router.get("/questions")
def question(request: Request, node: Here) -> Response:
    """Show the form for a question about people in common."""
    if not signed_in(request):
        return back()
    return _asking(*questions.empty(node))


@forms.post("/questions/write")
def write_question(
    request: Request, node: Here, offer: Key, kind: Typed = "count", by: Typed = "",
    words: Typed = "", of: Typed = "", low: Typed = "", high: Typed = "",
    price_by: Typed = "within", price: Typed = "",
) -> Response:  # fmt: skip
    """Write a question from the fields of the form, and look ahead."""
    if not signed_in(request):
        return back()
    form = Written(kind, by, words, of, low, high, price_by, price)
    return _asking(*questions.written(node, offer, form))


@forms.post("/questions/look")
def look_at_question(request: Request, node: Here, offer: Key, question: Text) -> Response:
    """Look ahead at a question that was changed by hand."""
    if not signed_in(request):
        return back()
    return _asking(*questions.looked(node, offer, question))


@forms.post("/questions/ask")
def ask_question(request: Request, node: Here, offer: Key, question: Text) -> Response:
    """Ask a question about people in common."""
    return _decided(request, node, lambda: questions.ask(node, offer, question))


def _asking(content: dict[str, Any], status: int) -> Response:
    return render("questions.html", content, status)


def _decline(node: RunningNode, job: str) -> None:
    if node.services.jobs.get(job).requester == node.party:
        raise IllegalState("a job of one's own is cancelled, not declined")
    node.services.jobs.decline(job, "person:console")


def _decided(request: Request, node: RunningNode, decide: Any) -> Response:
    if not signed_in(request):
        return back()
    try:
        decide()
    except (NodeError, ProtocolError) as e:
        return _refused(node, e)
    node.driver.wake()
    return back()


def _refused(node: RunningNode, error: Refusal) -> Response:
    """Show the page with what went wrong above it."""
    problem = problem_of(error)
    return render("home.html", _content(node) | {"problem": problem}, problem.status)


def _content(node: RunningNode) -> dict[str, Any]:
    return page(node) | {"uses": use_views(node.services, 10), "problem": None}
