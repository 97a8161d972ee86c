"""The node's console: sign in, the page, decisions; and what it must never do."""

import re

import pytest

from party_node.console.answering import CSP
from party_node.console.sessions import MAX_SESSIONS, TTL_MS, Sessions
from tests.support.node import HandClock, SeededRng
from tests.support.running_node import Pair, keep_result, origin, sign_in

EVIL = "<script>alert(1)</script>"


def test_without_a_session_there_is_only_the_form(pair: Pair) -> None:
    text = pair.paper.stranger.get("/").text
    assert 'action="/sign-in"' in text
    assert "spring" not in text
    assert "readers" not in text


def test_the_token_opens_a_session_that_scripts_and_other_sites_cannot_use(pair: Pair) -> None:
    answer = sign_in(pair.paper)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("accord-paper=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert pair.paper.running.token not in cookie
    assert "Waits for your decision" in pair.paper.stranger.get("/").text


def test_a_wrong_token_opens_nothing(pair: Pair) -> None:
    answer = sign_in(pair.paper, "0" * 64)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert "not the token" in answer.text


def test_signing_out_ends_the_session(pair: Pair) -> None:
    sign_in(pair.paper)
    cookie = pair.paper.stranger.cookies["accord-paper"]
    pair.paper.stranger.post("/sign-out", headers=origin(pair.paper))
    pair.paper.stranger.cookies.set("accord-paper", cookie)
    assert 'action="/sign-in"' in pair.paper.stranger.get("/").text


def test_a_waiting_job_is_told_and_approved(pair: Pair) -> None:
    job = pair.ask("audience")
    sign_in(pair.paper)
    text = pair.paper.stranger.get("/").text
    assert "paper learns" in text
    assert f'action="/jobs/{job}/approve"' in text
    assert "rho 0.005" in text
    answer = pair.paper.stranger.post(f"/jobs/{job}/approve", headers=origin(pair.paper))
    assert answer.status_code == 303
    assert pair.paper.services.jobs.get(job).decision == "person:console"
    assert pair.paper.driver.woken == 1


def test_a_decision_that_comes_too_late_is_explained(pair: Pair) -> None:
    job = pair.ask()
    sign_in(pair.paper)
    for expected in (303, 409):
        answer = pair.paper.stranger.post(f"/jobs/{job}/approve", headers=origin(pair.paper))
        assert answer.status_code == expected
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "null"}, {"Origin": "http://evil.test"}, {"Origin": "http://paper.test.evil"}],
)
def test_forms_of_other_sites_are_refused(pair: Pair, headers: dict[str, str]) -> None:
    job = pair.ask()
    sign_in(pair.paper)
    for path in (f"/jobs/{job}/approve", f"/jobs/{job}/decline", "/sign-out", "/sign-in"):
        answer = pair.paper.stranger.post(path, headers=headers, data={"token": "x"})
        assert answer.status_code == 403, path
        assert answer.json()["type"].endswith(":foreign-origin")
    assert pair.paper.services.jobs.get(job).state == "proposed"


def test_decisions_need_a_session(pair: Pair) -> None:
    job = pair.ask()
    answer = pair.paper.stranger.post(f"/jobs/{job}/approve", headers=origin(pair.paper))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert pair.paper.services.jobs.get(job).state == "proposed"


def test_the_page_tells_results_budget_ledger_and_datasets(pair: Pair) -> None:
    job = pair.ask()
    keep_result(pair.shop, job)
    pair.paper.http.post(f"/v1/jobs/{job}/decline")
    pair.shop.services.jobs.sync(0)
    with pair.shop.services.db.writing() as session:
        pair.shop.services.runs.end(session, job)
    sign_in(pair.shop)
    text = pair.shop.stranger.get("/").text
    assert "declined (declined-by-owner)" in text
    assert "questions left" in text.lower()
    assert "at ±100 people" in text
    assert "entries" in text
    assert "customers" in text


def test_everything_is_escaped(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = pair.shop.services.home.settings
    pair.shop.services.home.settings = settings.model_copy(
        update={"name": EVIL, "coordinator_name": f'"{EVIL}'}
    )
    monkeypatch.setattr(
        "party_node.console.view.dataset_views",
        lambda _parts: [{"dataset": EVIL, "registered_ms": 0, "report": {"people": 1, "rows": 1}}],
    )
    sign_in(pair.shop)
    text = pair.shop.stranger.get("/").text
    assert EVIL not in text
    assert text.count("&lt;script&gt;") >= 3


def test_no_script_no_inline_style_nothing_from_elsewhere(pair: Pair) -> None:
    pair.ask()
    sign_in(pair.paper)
    namespace = 'xmlns="http://www.w3.org/2000/svg"'  # a name: nothing is fetched
    for path in ("/", "/static/console.css", "/static/icon.svg"):
        answer = pair.paper.stranger.get(path)
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script|style=|\son\w+=|https?://(?!coordinator)|@import|url\(",
                             answer.text.replace(namespace, ""))  # fmt: skip


def test_the_icon_is_this_nodes_own_and_browsers_guess_none(pair: Pair) -> None:
    page = pair.shop.stranger.get("/")
    assert '<link rel="icon" href="/static/icon.svg" type="image/svg+xml">' in page.text
    icon = pair.shop.stranger.get("/static/icon.svg")
    assert (icon.status_code, icon.headers["content-type"]) == (200, "image/svg+xml")


def test_no_secret_is_in_the_page(pair: Pair) -> None:
    pair.paper.say("given")
    sign_in(pair.paper)
    text = pair.paper.stranger.get("/").text
    home = pair.paper.services.home
    for secret in (home.token, home.kek.hex(), home.ledger_seed.hex(), "person0@example.com"):
        assert secret not in text
    assert pair.paper.stranger.cookies["accord-paper"] not in text


def test_sessions_end_by_themselves() -> None:
    clock = HandClock()
    sessions = Sessions(clock, SeededRng())
    cookie = sessions.begin(b"dpo")
    assert sessions.whose(cookie) == b"dpo"
    clock.advance(TTL_MS)
    assert sessions.whose(cookie) is None
    assert sessions.whose(None) is None
    assert sessions.whose("made-up") is None


def test_there_are_never_too_many_sessions() -> None:
    clock = HandClock()
    sessions = Sessions(clock, SeededRng())
    first = sessions.begin(b"")
    for _ in range(MAX_SESSIONS):
        clock.advance(1)
        last = sessions.begin(b"")
    assert sessions.whose(first) is None
    assert sessions.whose(last) == b""
