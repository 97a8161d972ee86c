"""Signals through the local API: in, confirmed over, out and in again; and what strangers send."""

import base64
import json
from typing import Any

import httpx2
import pytest
import structlog

from consent.signal_records import SignalReceived
from consent.signals.gpp import parse_gpp
from consent.signals.ids import Ids
from consent.signals.tcf import parse_tc_string
from tests.support.running_node import AUDIENCE, MEASUREMENT, Node
from tests.support.signals import NOT_OPTED_OUT, tc_text, us_text

ADDRESS = "person0@example.com"
SIGNALS = "/v1/consent/signals"
OPTED_OUT = us_text(NOT_OPTED_OUT | {"SaleOptOut": 1})


def send(node: Node, key: str = "visit-1", **body: Any) -> httpx2.Response:
    body = {"email": ADDRESS} | body
    return node.http.post(SIGNALS, json=body, headers={"Idempotency-Key": key})


def taken(node: Node, key: str = "visit-1", **body: Any) -> list[dict[str, Any]]:
    answer = send(node, key, **body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["signals"]
    return found


def explained(node: Node, recipient: str = "self", purpose: str = AUDIENCE) -> str:
    body = {
        "email": ADDRESS, "purpose": purpose, "recipient": recipient,
        "operation": "psi" if purpose == MEASUREMENT else "activate",
    }  # fmt: skip
    found = node.http.post("/v1/consent/explanations", json=body)
    return str(found.json().get("reason", found.status_code))


def advance(node: Node, seconds: int = 3600) -> None:
    node.running.services.clock_ms.advance(seconds=seconds)  # type: ignore[attr-defined]


def entries(node: Node) -> int:
    return node.services.ledger.head()[0]


# -- rule 5 ----------------------------------------------------------------------------------------


def test_rule_5_gpc_against_a_standing_opt_in(node: Node) -> None:
    node.say("given", "yes", recipient="paper")
    advance(node)
    assert explained(node, "paper") == "permitted"
    (found,) = taken(node, gpc=["1"])
    assert found["conclusion"] == "conflict"
    assert found["against"] == [AUDIENCE]
    assert found["meanings"] == [{"purpose": AUDIENCE, "recipient": "self", "state": "withdrawn"}]
    assert len(found["events"]) == 2
    assert explained(node, "paper") == "withdrawn"
    assert explained(node, "self") == "withdrawn"


def test_rule_5_asked_answered_and_left_in_peace(node: Node) -> None:
    node.say("given", "yes", recipient="paper")
    advance(node)
    taken(node, gpc=["1"])
    advance(node, 3)
    said = {"email": ADDRESS, "purpose": AUDIENCE, "recipients": ["paper"]}
    key = {"Idempotency-Key": "answer"}
    answer = node.http.post(f"{SIGNALS}/confirmations", json=said, headers=key)
    assert answer.status_code == 201, answer.text
    again = node.http.post(f"{SIGNALS}/confirmations", json=said, headers=key)
    assert again.json() == answer.json()
    assert explained(node, "paper") == "permitted"
    advance(node)
    (found,) = taken(node, "visit-2", gpc=["1"])
    assert (found["conclusion"], found["events"]) == ("confirmed-over", [])
    assert explained(node, "paper") == "permitted"


def test_rule_5_the_signal_comes_before_the_default_of_the_same_visit(node: Node) -> None:
    found = taken(node, gpc=["1"], gpp=us_text(), tcf=tc_text(), jurisdiction="US-CA")
    assert [one["signal"] for one in found] == ["gpc", "gpp", "tcf"]
    assert [one["conclusion"] for one in found] == ["applied", "nothing-said", "nothing-said"]
    assert [one["events"] for one in found[1:]] == [[], []]
    assert explained(node) == "withdrawn"


def test_rule_5_absence_is_no_consent(node: Node) -> None:
    taken(node, gpc=["1"])
    size = entries(node)
    advance(node)
    for values in ([], ["0"], [""], ["true"], ["1 "], ["1,1"], ["01"]):
        (found,) = taken(node, f"v-{values}".replace(" ", "_"), gpc=values)
        assert (found["conclusion"], found["index"]) == ("nothing-said", None)
    assert entries(node) == size
    assert explained(node) == "withdrawn"


def test_rule_5_one_good_header_of_several_is_enough(node: Node) -> None:
    (found,) = taken(node, gpc=["0", "1", "true"])
    assert found["conclusion"] == "applied"


def test_nobody_confirms_what_was_never_signalled(node: Node) -> None:
    node.say("given")
    said = {"email": ADDRESS, "purpose": AUDIENCE}
    key = {"Idempotency-Key": "answer"}
    answer = node.http.post(f"{SIGNALS}/confirmations", json=said, headers=key)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:accord:error:illegal-state")
    said["email"] = "nobody@example.com"
    answer = node.http.post(f"{SIGNALS}/confirmations", json=said, headers=key)
    assert answer.status_code == 404


# -- in --------------------------------------------------------------------------------------------


def test_the_string_is_kept_as_it_came(node: Node) -> None:
    raw = OPTED_OUT.replace("DBABLA~", "DBABL~")  # the other padding
    assert raw != OPTED_OUT
    (found,) = taken(node, gpp=raw)
    assert found["conclusion"] == "applied"
    record = node.services.ledger.entry(found["index"]).record
    assert isinstance(record, SignalReceived)
    assert (record.raw, record.source_event_id) == (raw, "visit-1/gpp")


def test_a_visit_that_is_sent_again_changes_nothing(node: Node) -> None:
    first = taken(node, gpc=["1"], gpp=OPTED_OUT)
    size = entries(node)
    advance(node, 90_000)
    again = taken(node, gpc=["1"], gpp=OPTED_OUT)
    assert [one["index"] for one in again] == [one["index"] for one in first]
    assert all(one["repeated"] for one in again)
    assert entries(node) == size


def test_another_string_for_the_same_visit_is_a_conflict(node: Node) -> None:
    taken(node, gpp=OPTED_OUT)
    answer = send(node, gpp=us_text())
    assert (answer.status_code, answer.json()["type"]) == (
        409, "urn:accord:error:idempotency-conflict",
    )  # fmt: skip
    assert OPTED_OUT not in answer.text


def test_a_no_of_somebody_new_is_remembered(node: Node) -> None:
    taken(node, email="new@example.com", gpc=["1"])
    asked = {"email": "new@example.com", "purpose": AUDIENCE, "operation": "psi"}
    assert node.http.post("/v1/consent/explanations", json=asked).json()["reason"] == "withdrawn"


def test_nothing_of_a_visit_is_taken_if_one_string_is_broken(node: Node) -> None:
    size = entries(node)
    answer = send(node, gpc=["1"], tcf="CAAAA")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":malformed-signal")
    assert entries(node) == size


# -- out -------------------------------------------------------------------------------------------

ISSUER = {
    "cmp_id": 31, "language": "EN", "vendor_list_version": 120, "publisher_country": "DE",
}  # fmt: skip


def told(node: Node, **body: Any) -> dict[str, Any]:
    answer = node.http.post(f"{SIGNALS}/encode", json={"email": ADDRESS} | body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_is_permitted_is_said_in_strings(node: Node) -> None:
    node.say("given", "yes", jurisdiction="US-CA")
    found = told(node, tcf=ISSUER)
    assert found["purposes"][AUDIENCE] == "permitted"
    assert found["purposes"][MEASUREMENT] == "not-permitted"
    assert found["jurisdiction"] == "US-CA"
    sections = parse_gpp(found["gpp"]).us_sections
    assert [s.layout.prefix for s in sections] == ["usnat", "usca"]
    assert {s.numbers("SaleOptOut") for s in sections} == {(2,)}
    tcf = parse_tc_string(found["tcf"])
    assert tcf.is_valid
    assert (tcf.cmp_id, tcf.purposes_consent) == (31, Ids.of([1, 3, 4]))


def test_in_and_out_and_in_again(node: Node) -> None:
    taken(node, gpp=OPTED_OUT, jurisdiction="US-VA")
    found = told(node, jurisdiction="US-VA", tcf=ISSUER)
    assert found["purposes"][AUDIENCE] == "objected"
    sections = parse_gpp(found["gpp"]).us_sections
    assert [s.layout.prefix for s in sections] == ["usnat", "usva"]
    assert {s.numbers("SaleOptOut") for s in sections} == {(1,)}
    advance(node)
    (again,) = taken(node, "back", gpp=found["gpp"], jurisdiction="US-VA")
    assert (again["conclusion"], again["events"]) == ("applied", [])
    (again,) = taken(node, "back-2", tcf=found["tcf"], jurisdiction="US-VA")
    assert again["meanings"] == [{"purpose": AUDIENCE, "recipient": "self", "state": "refused"}]
    assert again["against"] == []


def test_somebody_about_whom_nothing_is_known_is_said_nothing_about(node: Node) -> None:
    taken(node, "x", gpp=us_text({"MspaCoveredTransaction": 2}), jurisdiction="US-WY")
    found = told(node, mspa_covered=True)
    (section,) = parse_gpp(found["gpp"]).us_sections
    assert section.numbers("SaleOptOut") == (0,)
    assert section.numbers("MspaCoveredTransaction") == (1,)
    assert found["tcf"] is None
    answer = node.http.post(f"{SIGNALS}/encode", json={"email": "nobody@example.com"})
    assert answer.status_code == 404


# -- hostile ---------------------------------------------------------------------------------------

HOSTILE: dict[str, dict[str, Any]] = {
    "a string of a megabyte": {"tcf": "C" * 1_000_000},
    "a string one too long": {"gpp": "D" * 16_385},
    "not ASCII": {"tcf": "CQh7pEAé"},
    "a lone surrogate": {"tcf": "C\ud800"},
    "control characters": {"gpp": "DBAA\x00\r\nX-Injected: 1"},
    "a blank": {"gpp": "DBAA ~"},
    "nothing": {"tcf": ""},
    "no signal": {"tcf": "abc"},
    "another kind": {"tcf": us_text()},
    "a number": {"gpp": 5},
    "a list": {"tcf": ["C"]},
    "an object in a list": {"gpc": [{"1": 1}]},
    "many headers": {"gpc": ["1"] * 17},
    "a long header": {"gpc": ["1" * 201]},
    "a string for a list": {"gpc": "1"},
    "no signal at all": {},
    "an unknown field": {"gpc": ["1"], "uspv1": "1YNN"},
    "many recipients": {"gpc": ["1"], "recipients": [f"r{n}" for n in range(17)]},
    "a recipient that is no name": {"gpc": ["1"], "recipients": ["A B"]},
    "a source that is a stream of signals": {"gpc": ["1"], "source": "signal:gpc"},
    "a place that is none": {"gpc": ["1"], "jurisdiction": "California"},
    "a time before time": {"gpc": ["1"], "event_time_ms": -1},
    "a time after time": {"gpc": ["1"], "event_time_ms": 10**18},
    "tildes": {"gpp": "D" + "~" * 10_000},
    "a bomb of vendors": {"tcf": base64.urlsafe_b64encode(b"\x08" + b"\xff" * 9_000).decode()},
    "two people": {"gpc": ["1"], "phone": "+442079460001"},
    "nobody": {"gpc": ["1"], "email": None},
    "an address that is none": {"gpc": ["1"], "email": "not an address"},
    "an address that is none, without a signal": {"gpc": ["0"], "email": "not an address"},
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", HOSTILE)
def test_what_strangers_send_is_refused_and_nothing_is_kept_or_logged(
    node: Node, name: str
) -> None:
    size, people = entries(node), node.services.identity.count()
    body = json.dumps({"email": ADDRESS} | HOSTILE[name]).encode()
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    with structlog.testing.capture_logs() as logged:
        answer = node.http.post(SIGNALS, content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.text) < 1_000
    for text in (answer.text, json.dumps(logged, default=str)):
        assert ADDRESS not in text
        assert "not an address" not in text
        assert "X-Injected" not in text
        assert "C" * 100 not in text
    assert entries(node) == size
    assert node.services.identity.count() == people


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_body_of_a_mebibyte_is_refused(node: Node) -> None:
    body = b'{"email":"' + b"a" * (1024 * 1024) + b'"}'
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = node.http.post(SIGNALS, content=body, headers=headers)
    assert answer.status_code == 413
    just_below = b'{"email":"x@example.com","tcf":"' + b"C" * 1_048_000 + b'"}'
    answer = node.http.post(SIGNALS, content=just_below, headers=headers)
    assert answer.status_code == 422
    assert len(answer.content) < 1_000


@pytest.mark.parametrize("key", ["", "x" * 201, "a b", "é"])
def test_a_visit_needs_a_name(node: Node, key: str) -> None:
    headers = {"Idempotency-Key": key.encode()} if key else {}
    answer = node.http.post(SIGNALS, json={"email": ADDRESS, "gpc": ["1"]}, headers=headers)
    assert answer.status_code == 422
    assert entries(node) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"cmp_id": 4096},
        {"cmp_id": -1},
        {"language": "e"},
        {"language": "ÄÖ"},
        {"vendor_list_version": 4096},
        {"policy_version": 64},
        {"publisher_country": "DEU"},
        {"extra": 1},
    ],
)
def test_what_no_tc_string_can_hold_is_refused(node: Node, changes: dict[str, Any]) -> None:
    node.say("given")
    body = {"email": ADDRESS, "tcf": ISSUER | changes}
    assert node.http.post(f"{SIGNALS}/encode", json=body).status_code == 422


# -- the statement of a site -----------------------------------------------------------------------


def test_a_node_says_nothing_of_gpc_unless_it_is_told_to(node: Node) -> None:
    assert node.stranger.get("/.well-known/gpc.json").status_code == 404
    settings = node.services.home.settings
    node.services.home.settings = settings.model_copy(update={"gpc_support_since": "2026-11-26"})
    answer = node.stranger.get("/.well-known/gpc.json")
    assert answer.json() == {"gpc": True, "lastUpdate": "2026-11-26"}
    assert answer.headers["content-type"] == "application/json"
