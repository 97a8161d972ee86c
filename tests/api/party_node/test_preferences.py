"""Preferences through the local API: what comes in is what is shown, and it narrows at once."""

from typing import Any

import httpx2
import pytest

from tests.support.running_node import AUDIENCE, Node

WHO = {"email": "person0@example.com"}
ALL: list[dict[str, Any]] = [
    {"kind": "channel", "channel": "email", "allowed": False},
    {"kind": "topic", "topic": "sport", "allowed": False},
    {"kind": "pause", "until_ms": 4_000_000_000_000, "channel": "sms"},
    {"kind": "frequency-cap", "limit": 3, "per": "week", "basis": "calendar", "channel": "*"},
    {"kind": "quiet-hours", "start": "22:00", "end": "06:00", "days": [1, 7], "channel": "*"},
    {"kind": "language", "tag": "de-CH"},
    {"kind": "time-zone", "zone": "Europe/Zurich"},
    {"kind": "automated-decisions", "allowed": False},
]


def choose(node: Node, *choices: dict[str, Any], key: str = "p1", **more: Any) -> httpx2.Response:
    body = {**WHO, "choices": list(choices), **more}
    return node.http.post("/v1/consent/preferences", json=body, headers={"Idempotency-Key": key})


def current(node: Node) -> list[dict[str, Any]]:
    answer = node.http.post("/v1/consent/preferences/current", json=WHO)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["preferences"]
    return found


def without_place(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in p.items() if k not in ("entry", "since_ms")} for p in found]


def test_every_kind_comes_back_as_it_went_in(node: Node) -> None:
    answer = choose(node, *ALL)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["new_person"], answer.json()["repeated"]) == (True, False)
    found = current(node)
    assert sorted(without_place(found), key=str) == sorted(ALL, key=str)
    assert {p["entry"] for p in found} == set(answer.json()["indices"])


def test_the_same_choices_again_are_no_new_entries(node: Node) -> None:
    first = choose(node, *ALL).json()
    node.running.services.clock_ms.advance(seconds=60)  # type: ignore[attr-defined]
    again = choose(node, *ALL).json()
    assert (again["repeated"], again["indices"]) == (True, first["indices"])
    changed = choose(node, {"kind": "channel", "channel": "email", "allowed": True})
    assert changed.status_code == 409


def test_a_switch_turns_on_again_by_an_act_and_not_by_a_copy(node: Node) -> None:
    off = {"kind": "channel", "channel": "email", "allowed": False}
    choose(node, off)
    for number, method in ((2, "batch-sync"), (3, "web-form")):
        node.running.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
        choose(node, off | {"allowed": True}, key=f"p{number}", method=method)
        (found,) = current(node)
        assert found["allowed"] == (method == "web-form")


def test_a_pause_and_quiet_hours_end_when_they_are_ended(node: Node) -> None:
    quiet = {"kind": "quiet-hours", "start": "22:00", "end": "06:00"}
    choose(node, {"kind": "pause", "until_ms": 4_000_000_000_000}, quiet)
    assert len(current(node)) == 2
    node.running.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
    choose(node, {"kind": "pause", "until_ms": 0}, quiet | {"days": []}, key="p2")
    assert current(node) == []


def test_a_preference_narrows_the_next_decision(node: Node) -> None:
    node.say("given")
    asked = {**WHO, "purpose": AUDIENCE, "operation": "activate"}
    choose(node, {"kind": "channel", "channel": "*", "allowed": False})
    found = node.http.post("/v1/consent/explanations", json=asked).json()
    assert (found["decision"], found["reason"]) == ("deny", "channel-refused")


def test_the_policy_says_what_a_source_is_worth(node: Node) -> None:
    text = node.http.get("/v1/policy").json()["yaml"]
    text += "\nsources: {crm: {first_hand: false, trust: 1}}\n"
    assert node.http.put("/v1/policy", json={"text": text, "by": "dana"}).status_code == 200
    answer = choose(node, ALL[0], source="crm", method="web-form", jurisdiction="CH")
    record: Any = node.services.ledger.entry(answer.json()["indices"][0]).record
    assert (record.method, record.source_trust, record.source_id) == ("import", 1, "crm")
    assert (record.source_event_id, record.jurisdiction) == ("p1/channel/email", "CH")


@pytest.mark.parametrize(
    "choice",
    [
        {"kind": "channel", "channel": "email"},
        {"kind": "colour", "channel": "email"},
        {"kind": "time-zone", "zone": "Mars/Olympus"},
        {"kind": "language", "tag": "german!"},
        {"kind": "quiet-hours", "start": "25:00", "end": "06:00"},
        {"kind": "quiet-hours", "start": "22:00", "end": "06:00", "days": [8]},
        {"kind": "frequency-cap", "limit": -1, "per": "week"},
        {"kind": "frequency-cap", "limit": 1, "per": "year"},
        {"kind": "pause", "until_ms": -1},
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(node: Node, choice: dict[str, Any]) -> None:
    answer = choose(node, choice)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":malformed-request")
    assert "person0" not in answer.text
    assert node.services.identity.count() == 0


def test_two_choices_about_one_thing_are_refused(node: Node) -> None:
    answer = choose(node, ALL[0], ALL[0] | {"allowed": True})
    assert answer.status_code == 422
    assert "about the same thing" in answer.json()["detail"]


def test_nobody_has_no_preferences(node: Node) -> None:
    answer = node.http.post("/v1/consent/preferences/current", json=WHO)
    assert answer.status_code == 404
    node.say("given")
    assert current(node) == []
