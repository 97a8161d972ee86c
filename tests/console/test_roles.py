"""Who signs in to the console: people in roles, each as far as their role goes."""

import httpx2

from party_node.console import model_pages, pages
from party_node.roles.callers import ADMINISTRATOR
from party_node.roles.tokens import StaffRole
from tests.support.running_node import Pair, origin, sign_in, sign_in_as

OPEN = {"/sign-in", "/sign-out"}
FORMS = sorted(
    {route.path for router in (pages.forms, model_pages.forms) for route in router.routes} - OPEN  # type: ignore[attr-defined]
)
PAGES = ("/models", "/audit")
FILLED = {
    "offer": "x", "question": "x", "size": "5", "outcomes": "x", "kind": "count", "price": "1",
}  # fmt: skip


def test_an_operator_decides_and_is_named(pair: Pair) -> None:
    approved, declined = pair.ask("audience"), pair.ask()
    sign_in_as(pair.paper, StaffRole.OPERATOR, "ops-lead")
    assert "operator:ops-lead" in pair.paper.stranger.get("/").text
    for job, what in ((approved, "approve"), (declined, "decline")):
        answer = pair.paper.stranger.post(f"/jobs/{job}/{what}", headers=origin(pair.paper))
        assert answer.status_code == 303
        assert pair.paper.services.jobs.get(job).decision == "operator:ops-lead"


def test_a_compliance_officer_reads_all_that_waits_and_has_no_button(pair: Pair) -> None:
    pair.ask("audience")
    token = sign_in_as(pair.paper, StaffRole.COMPLIANCE, "dpo")
    assert token not in pair.paper.stranger.cookies["accord-paper"]
    text = pair.paper.stranger.get("/").text
    assert "compliance:dpo" in text
    assert "Waits for an operator’s decision" in text
    assert "paper learns" in text
    assert "rho 0.005" in text
    assert "Consent ledger" in text
    assert 'href="/questions"' not in text
    assert text.count("<form") == 1, "but the one to sign out"
    assert pair.paper.stranger.get("/models").status_code == 200


def test_a_compliance_officer_changes_nothing_by_any_address(pair: Pair) -> None:
    job = pair.ask()
    sign_in_as(pair.paper, StaffRole.COMPLIANCE, "dpo")
    before, headers = pair.paper.services.ledger.head()[0], origin(pair.paper)
    for path in FORMS:
        at = path.replace("{job}", job)
        refused(pair.paper.stranger.post(at, data=FILLED, headers=headers), path)
    refused(pair.paper.stranger.get("/questions"), "/questions")
    assert pair.paper.services.jobs.get(job).state == "proposed"
    assert pair.paper.services.ledger.head()[0] == before


def refused(answer: httpx2.Response, path: str) -> None:
    assert answer.status_code == 403, path
    assert "A compliance officer reads" in answer.text, path
    assert 'role="alert"' in answer.text, path


def test_a_stranger_is_sent_to_sign_in(pair: Pair) -> None:
    job, headers = pair.ask(), origin(pair.paper)
    for path in FORMS:
        answer = pair.paper.stranger.post(path.replace("{job}", job), headers=headers)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), path
    for path in (*PAGES, "/questions", f"/models/{job}"):
        answer = pair.paper.stranger.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), path
    assert 'action="/sign-in"' in pair.paper.stranger.get("/").text
    assert pair.paper.services.jobs.get(job).state == "proposed"


def test_who_has_lost_the_role_is_signed_out_at_once(pair: Pair) -> None:
    job = pair.ask()
    token = sign_in_as(pair.paper, StaffRole.OPERATOR, "ops-lead")
    pair.paper.services.roles.revoke("ops-lead", ADMINISTRATOR)
    pair.paper.services.roles.add("ops-lead", StaffRole.OPERATOR, ADMINISTRATOR)
    assert 'action="/sign-in"' in pair.paper.stranger.get("/").text
    headers = origin(pair.paper)
    answer = pair.paper.stranger.post(f"/jobs/{job}/approve", headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert pair.paper.services.jobs.get(job).state == "proposed"
    again = sign_in(pair.paper, token)
    assert again.status_code == 403
    assert "nor of anybody in a role" in again.text
