"""The console's page of uses: who was permitted, who was withheld and why, and how to prove it."""

import pytest

from party_node.console import audit
from party_node.roles.tokens import StaffRole
from tests.support.consoles import plain
from tests.support.running_node import AUDIENCE, Node, Pair, permit, sign_in_as


def officer(node: Node) -> None:
    sign_in_as(node, StaffRole.COMPLIANCE, "dpo")


def test_a_use_says_who_was_left_out_and_why_and_by_which_state_it_was_decided(pair: Pair) -> None:
    pair.paper.say("given", recipient="shop", separate=True)
    pair.world.clock.advance(seconds=1)
    permit(pair.paper)
    officer(pair.paper)
    text = plain(pair.paper.stranger.get("/audit"))
    (use,) = pair.paper.http.get("/v1/audit").json()
    assert f"1 of 3 people, for {AUDIENCE}" in text
    assert "2 no-evidence : nobody said anything about this" in text
    assert "psi, activate; readers" in text
    assert "asked by shop; the recipient is shop" in text
    assert "It ended not yet" in text
    assert f"the first {use['decided_at']['size']} entries of the ledger" in text
    assert use["decided_at"]["root"][:16] in text
    assert f"accord ledger replay {use['entry']} Prove it" in text
    assert f"accord ledger export evidence.zip --job {'a' * 32}" in text
    assert "nothing was published before" in text


def test_how_it_ended_is_said(pair: Pair) -> None:
    permit(pair.paper)
    pair.paper.services.gate.end("a" * 32, "readers", "peer-silent")
    officer(pair.paper)
    assert "aborted (peer-silent)" in plain(pair.paper.stranger.get("/audit"))


def test_older_uses_are_a_page_away_and_one_jobs_are_found_by_its_beginning(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PER_PAGE", 2)
    jobs = [letter * 32 for letter in "abcde"]
    for job in jobs:
        permit(pair.paper, job)
    officer(pair.paper)
    at, seen = "/audit", []
    while at:
        page = pair.paper.stranger.get(at).text
        seen += [job for job in reversed(jobs) if f"--job {job}" in page]
        links = [part.split('"')[0] for part in page.split('href="')[1:]]
        at = next((link.replace("&amp;", "&") for link in links if "before=" in link), "")
    assert seen == jobs[::-1]
    found = pair.paper.stranger.get("/audit?job=cccc").text
    assert [job for job in jobs if f"--job {job}" in found] == ["c" * 32]


@pytest.mark.parametrize("wrong", ["abc", "zzzz", "<script>", "a" * 33])
def test_what_is_no_beginning_of_a_number_is_said(pair: Pair, wrong: str) -> None:
    permit(pair.paper)
    officer(pair.paper)
    answer = pair.paper.stranger.get("/audit", params={"job": wrong})
    assert "at least four of them are needed" in plain(answer)
    assert "<script>" not in answer.text
    assert "accord ledger export" not in answer.text


def test_where_nothing_was_used_the_page_says_so(pair: Pair) -> None:
    officer(pair.paper)
    assert "No data has been used yet." in plain(pair.paper.stranger.get("/audit"))
    found = pair.paper.stranger.get("/audit?job=abcd")
    assert "No use of such a job is recorded here." in plain(found)
    assert 'href="/audit"' in pair.paper.stranger.get("/").text
