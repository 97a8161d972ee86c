"""Receipts by the local API: which ones somebody gets, what waits, and what is written down."""

from typing import Any

import pytest

from party_node.errors import QuorumMissed
from tests.support.issuing import PERSON, entries, handed_out, issued, opened, say
from tests.support.running_node import AUDIENCE, MEASUREMENT, Node

# -- which ones ----------------------------------------------------------------------------------


def test_the_newest_word_of_each_source_in_each_scope(node: Node) -> None:
    say(node, "a")
    withdrawn = say(node, "b", "withdrawn")
    other_scope = say(node, "c", recipient="paper")
    other_source = say(node, "d", source="call-centre")
    other_channel = say(node, "e", channel="email")
    found = issued(node)
    assert entries(found) == [withdrawn, other_scope, other_source, other_channel]
    assert found["waiting"] == []
    first = found["receipts"][0]
    assert (first["state"], first["purpose"], first["recipient"]) == ("withdrawn", AUDIENCE, "self")
    assert [one.index for one in opened(node, found)] == entries(found)


def test_what_happened_last_is_the_newest_even_if_it_came_first(node: Node) -> None:
    at = node.services.clock_ms()
    newest = say(node, "late", "withdrawn", event_time_ms=at)
    older = say(node, "early", event_time_ms=at - 60_000)
    assert entries(issued(node)) == [newest]
    assert entries(issued(node, every=True)) == [newest, older]


def test_every_word_where_that_is_wanted_and_only_one_purpose(node: Node) -> None:
    given, withdrawn = say(node, "a"), say(node, "b", "withdrawn")
    counted = say(node, "c", purpose=MEASUREMENT)
    assert entries(issued(node, every=True)) == [given, withdrawn, counted]
    assert entries(issued(node, purpose=MEASUREMENT)) == [counted]
    assert entries(issued(node, purpose=AUDIENCE)) == [withdrawn]
    assert entries(issued(node, purpose=AUDIENCE, every=True)) == [given, withdrawn]
    assert entries(issued(node, purpose="something-else")) == []


def test_choices_and_signals_have_no_receipt(node: Node) -> None:
    given = say(node, "a")
    chosen = node.http.post(
        "/v1/consent/preferences",
        json={"email": PERSON, "choices": [{"kind": "language", "tag": "de"}]},
        headers={"Idempotency-Key": "p"},
    )
    assert chosen.status_code == 201, chosen.text
    assert entries(issued(node, every=True)) == [given]


def test_nobody_unknown_gets_any_and_nothing_is_noted(node: Node) -> None:
    answer = node.http.post("/v1/consent/receipts", json={"email": PERSON})
    assert (answer.status_code, answer.json()["type"].rsplit(":")[-1]) == (404, "not-found")
    assert PERSON not in answer.text
    assert handed_out(node) == []


def test_an_erased_person_gets_none_any_more(node: Node) -> None:
    given = say(node, "a")
    before = issued(node)
    parts = node.services
    dense = parts.identity.find("email", PERSON)
    assert dense is not None
    parts.aftermath.erasing.erase(dense, "request-17")
    answer = node.http.post("/v1/consent/receipts", json={"email": PERSON})
    assert answer.status_code == 404
    # What they got before is theirs, and still verifies.
    assert [one.index for one in opened(node, before)] == [given]


def test_what_was_said_under_a_record_that_was_merged_is_theirs_too(node: Node) -> None:
    given = say(node, "a")
    say(node, "b")
    newest = say(node, "c", "withdrawn", email="old@example.com")
    counted = say(node, "d", purpose=MEASUREMENT, email="old@example.com")
    merged = {
        "keep": {"email": PERSON}, "absorb": {"email": "old@example.com"},
        "ground": "both signed in with one password", "by": "dana",
    }  # fmt: skip
    assert node.http.post("/v1/persons/merges", json=merged).status_code == 201
    for address in (PERSON, "old@example.com"):
        found = issued(node, email=address)
        assert entries(found) == [newest, counted]
        assert [one.index for one in opened(node, found)] == [newest, counted]
        assert entries(issued(node, email=address, every=True))[0] == given


def test_who_comes_back_after_an_erasure_gets_only_what_they_said_since(node: Node) -> None:
    say(node, "a")
    dense = node.services.identity.find("email", PERSON)
    assert dense is not None
    node.services.aftermath.erasing.erase(dense, "request-17")
    back = say(node, "b")
    assert entries(issued(node, every=True)) == [back]


# -- what waits ----------------------------------------------------------------------------------


def test_what_no_published_checkpoint_covers_waits(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = say(node, "a")
    node.services.witnessing.publish(seen + 1)
    unseen = say(node, "b", purpose=MEASUREMENT)

    def missed(_size: int) -> None:
        raise QuorumMissed

    with monkeypatch.context() as patch:
        patch.setattr(node.services.witnessing, "publish", missed)
        found = issued(node)
        assert (entries(found), found["waiting"]) == ([seen], [unseen])
        assert len(handed_out(node)) == 1
        # The newest word waits; the one before is no substitute for it.
        newer = say(node, "c", "withdrawn")
        found = issued(node)
        assert (entries(found), found["waiting"]) == ([], [unseen, newer])
        assert len(handed_out(node)) == 1
    found = issued(node)
    assert (entries(found), found["waiting"]) == ([unseen, newer], [])


# -- who got them --------------------------------------------------------------------------------


def test_it_is_written_down_who_got_them(node: Node) -> None:
    say(node, "a")
    say(node, "b", purpose=MEASUREMENT)
    issued(node, by="ann")
    issued(node)
    noted = handed_out(node)
    assert [action.by for action in noted] == ["person:ann", "person:operator"]
    assert all("2" in (action.detail or "") for action in noted)
    assert not any(PERSON in str(action) for action in noted)


def test_who_has_a_role_is_written_down_by_that_and_not_by_what_they_say(node: Node) -> None:
    say(node, "a")
    added = node.http.post("/v1/roles", json={"name": "dpo", "role": "compliance"})
    assert added.status_code == 201, added.text
    headers = {"Authorization": f"Bearer {added.json()['token']}"}
    body = {"email": PERSON, "by": "somebody else"}
    assert node.stranger.post("/v1/consent/receipts", json=body).status_code == 401
    answer = node.stranger.post("/v1/consent/receipts", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert [action.by for action in handed_out(node)] == ["compliance:dpo"]


def test_the_key_is_the_same_everywhere_and_not_the_ledgers(node: Node) -> None:
    say(node, "a")
    key = node.http.get("/v1/ledger/receipt-key").json()
    assert issued(node)["key"] == key
    assert {"kty", "crv", "x"} <= set(key)
    assert "d" not in key
    assert node.stranger.get("/v1/ledger/receipt-key").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {}, {"email": PERSON, "phone": "+4915112345678"}, {"email": PERSON, "every": "perhaps"},
        {"email": PERSON, "by": "two\nlines"}, {"email": PERSON, "purpose": "A B"},
        {"email": PERSON, "colour": "red"},
    ],
)  # fmt: skip
def test_a_question_of_another_form_is_refused(node: Node, body: dict[str, Any]) -> None:
    say(node, "a")
    answer = node.http.post("/v1/consent/receipts", json=body)
    assert answer.status_code == 422, answer.text
    assert handed_out(node) == []
