"""What people say comes in by the policy: ends, trust, methods, notices, and a thousand at once."""

from typing import Any

import httpx2
import pytest

from consent.durations import add, from_text
from consent.events import ConsentEvent
from consent.statements import Method
from party_node.contact.time_zones import time_zone
from tests.support.running_node import AUDIENCE, Node

POLICY = """
controller: {place: CH, zone: Europe/Zurich}
purposes:
  marketing: {title: Marketing, validity: P1Y}
  joint-audience:
    title: Joint audience
    under: [marketing]
    operations: [activate, psi]
    version: 3
    validity: P13M
    legal_basis: {CN: explicit-consent}
sources:
  crm: {first_hand: false, trust: 2}
  centre: {trust: 8}
"""
START = 1_900_000_000_000


def apply(node: Node, text: str = POLICY) -> None:
    answer = node.http.put("/v1/policy", json={"text": text, "by": "dana"})
    assert answer.status_code == 200, answer.text


def recorded(node: Node, answer: httpx2.Response) -> ConsentEvent:
    assert answer.status_code == 201, answer.text
    record = node.services.ledger.entry(answer.json()["index"]).record
    assert isinstance(record, ConsentEvent)
    return record


def months(start: int, duration: str, zone: str) -> int:
    found = time_zone(zone)
    assert found is not None
    return add(start, from_text(duration), found)


def test_a_yes_without_an_end_gets_the_purposes_in_the_controllers_zone(node: Node) -> None:
    apply(node)
    answer = node.say("given", event_time_ms=START)
    event = recorded(node, answer)
    assert event.validity == "P13M"
    assert event.valid_until_ms == months(START, "P13M", "Europe/Zurich")
    assert answer.json()["valid_until_ms"] == event.valid_until_ms
    assert event.purpose_version == 3


def test_the_persons_own_zone_counts_before_the_controllers(node: Node) -> None:
    apply(node)
    # 30 January in Zurich and 31 January in Kiritimati: a month later it is 28 February in both.
    start = 1_896_004_800_000
    in_zurich = months(start, "P1M", "Europe/Zurich")
    in_kiritimati = months(start, "P1M", "Pacific/Kiritimati")
    assert in_zurich - in_kiritimati == 86_400_000
    zone = {"kind": "time-zone", "zone": "Pacific/Kiritimati"}
    body = {"email": "person0@example.com", "choices": [zone]}
    key = {"Idempotency-Key": "zone"}
    assert node.http.post("/v1/consent/preferences", json=body, headers=key).status_code == 201
    said = {"event_time_ms": start, "validity": "P1M"}
    chosen = recorded(node, node.say("given", "e1", **said))
    assert chosen.valid_until_ms == in_kiritimati
    stated = recorded(node, node.say("given", "e2", time_zone="Europe/Zurich", **said))
    assert (stated.valid_until_ms, stated.time_zone) == (in_zurich, "Europe/Zurich")
    other = recorded(node, node.say("given", "e3", email="x@example.com", **said))
    assert other.valid_until_ms == in_zurich


def test_an_end_that_was_said_stays_and_a_no_has_none(node: Node) -> None:
    apply(node)
    said = recorded(node, node.say("given", "e1", valid_until_ms=START))
    assert (said.valid_until_ms, said.validity) == (START, None)
    no = recorded(node, node.say("withdrawn", "e2"))
    assert (no.valid_until_ms, no.validity) == (None, None)
    for end in ({"valid_until_ms": START}, {"validity": "P1D"}):
        assert "only a yes has an end" in node.say("withdrawn", "e3", **end).json()["detail"]


def test_trust_method_and_regime_come_from_the_policy(node: Node) -> None:
    apply(node)
    copy = recorded(node, node.say("given", "e1", source="crm", method="web-form"))
    assert (copy.method, copy.source_trust) == (Method.IMPORT, 2)
    own = recorded(node, node.say("given", "e2", source="centre", method="web-form"))
    assert (own.method, own.source_trust) == (Method.WEB_FORM, 8)
    assert recorded(node, node.say("given", "e3", jurisdiction="US")).legal_regime == "strictest"
    found = recorded(node, node.say("given", "e4", jurisdiction="GB", residence="CN-31"))
    assert (found.legal_regime, found.residence) == ("pipl", "CN-31")


def test_everything_that_was_said_is_kept(node: Node) -> None:
    apply(node)
    event = recorded(
        node,
        node.say(
            "given",
            purpose="marketing",
            channel="email",
            separate=True,
            written=True,
            listed=["joint-audience"],
            notice="ab" * 32,
            residence="DE",
            age_band="16-17",
            age_assurance="verified",
            relation="guardian",
        ),
    )
    assert (event.channel, event.separate, event.written) == ("email", True, True)
    assert (event.listed, event.notice_hash) == (("joint-audience",), b"\xab" * 32)
    assert (event.age_band, event.age_assurance) == ("16-17", "verified")
    assert (event.residence, event.relation) == ("DE", "guardian")


def test_a_channel_is_asked_about_by_itself(node: Node) -> None:
    apply(node)
    node.say("given", channel="email", event_time_ms=node.services.clock_ms())
    body = {"email": "person0@example.com", "purpose": AUDIENCE, "operation": "activate"}
    by_mail = node.http.post("/v1/consent/explanations", json=body | {"channel": "email"}).json()
    by_any = node.http.post("/v1/consent/explanations", json=body).json()
    assert (by_mail["decision"], by_any["reason"]) == ("allow", "no-evidence")


def test_a_notice_is_named_by_hash_or_by_name(node: Node) -> None:
    notice = {"text": "We share.", "by": "dana", "notice_id": "joint", "version": 1,
              "language": "en", "purposes": [AUDIENCE]}  # fmt: skip
    digest = node.http.post("/v1/notices", json=notice).json()["notice_hash"]
    named = {"notice_id": "joint", "version": 1, "language": "en"}
    event = recorded(node, node.say("given", notice=named))
    assert event.notice_hash == bytes.fromhex(digest)
    unknown = node.say("given", "e2", notice=named | {"version": 2})
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:accord:error:not-found")
    assert "notice list" in unknown.json()["hint"]


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_until_ms": 5, "validity": "P1D"},
        {"valid_until_ms": 5, "event_time_ms": 6},
        {"validity": "P1M1Y"},
        {"validity": "13 months"},
        {"time_zone": "Mars/Olympus"},
        {"residence": "Germany"},
        {"age_band": "old"},
        {"channel": "E Mail"},
        {"notice": "abc"},
        {"notice": {"notice_id": "joint"}},
    ],
)
def test_what_makes_no_sense_is_refused_and_makes_nobody_known(
    node: Node, changes: dict[str, Any]
) -> None:
    answer = node.say("given", email="new@example.com", **changes)
    assert (answer.status_code, answer.json()["type"]) == (
        422, "urn:accord:error:malformed-request"
    )  # fmt: skip
    assert node.services.identity.count() == 0


def test_nobody_becomes_known_by_an_event_that_cannot_be_recorded(node: Node) -> None:
    assert node.say("given", purpose="peace").json()["type"].endswith(":unknown-purpose")
    far = node.say("given", validity="P9999Y")
    assert far.json()["type"].endswith(":malformed-record")
    assert node.services.identity.count() == 0


def test_the_same_event_is_the_same_whatever_the_policy_says_by_now(node: Node) -> None:
    first = node.say("given", source="crm", method="web-form")
    apply(node)
    node.running.services.clock_ms.advance(seconds=60)  # type: ignore[attr-defined]
    again = node.say("given", source="crm", method="web-form")
    assert again.json()["repeated"], again.text
    assert again.json()["index"] == first.json()["index"]
    assert again.json()["valid_until_ms"] is None
    assert recorded(node, again).method == Method.WEB_FORM
    assert node.say("given", source="crm", method="web-form", separate=True).status_code == 409
    assert node.say("given", source="crm", method="phone").status_code == 409
    assert node.say("given", source="crm", validity="P1Y").status_code == 409
    assert node.say("given", source="crm", event_time_ms=7).status_code == 409


def test_a_withdrawal_that_hits_nobody_known_says_so(node: Node) -> None:
    first = node.say("withdrawn", "e1", email="stranger@example.com").json()
    second = node.say("withdrawn", "e2", email="stranger@example.com").json()
    assert (first["new_person"], second["new_person"]) == (True, False)


def batch(node: Node, *events: dict[str, Any]) -> dict[str, Any]:
    answer = node.http.post("/v1/consent/events/batch", json={"events": list(events)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def one(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "key": f"b{number}", "email": f"p{number}@example.com", "state": "given",
        "purpose": AUDIENCE,
    } | changes  # fmt: skip


def test_a_batch_has_a_fate_for_each_and_one_append(node: Node) -> None:
    before = node.services.ledger.head()[0]
    told = []
    node.services.ledger.on_appended.append(lambda _, entries: told.append(len(entries)))
    found = batch(
        node,
        one(1),
        one(2, purpose="peace"),
        one(3, email="no address"),
        one(1),
        one(1, state="withdrawn"),
        one(4, email="P1@example.com"),
    )
    assert [f["status"] for f in found["fates"]] == [
        "accepted", "refused", "refused", "repeated", "conflict", "accepted"
    ]  # fmt: skip
    assert [f.get("code") for f in found["fates"]] == [
        None, "unknown-purpose", "invalid-identifier", None, "idempotency-conflict", None
    ]  # fmt: skip
    assert [f["index"] for f in found["fates"]] == [
        before, None, None, before, before, before + 1
    ]  # fmt: skip
    assert [f["key"] for f in found["fates"]] == ["b1", "b2", "b3", "b1", "b1", "b4"]
    assert {k: found[k] for k in ("accepted", "repeated", "conflict", "refused")} == {
        "accepted": 2, "repeated": 1, "conflict": 1, "refused": 2
    }  # fmt: skip
    assert found["fates"][0]["new_person"]
    assert told == [3]  # two events, and that one contradicted itself
    assert node.services.identity.count() == 1
    assert "no address" not in str(found)


def test_a_batch_again_is_repeated(node: Node) -> None:
    events = [one(n) for n in range(20)]
    first = batch(node, *events)
    node.running.services.clock_ms.advance(seconds=60)  # type: ignore[attr-defined]
    again = batch(node, *events)
    assert (first["accepted"], again["repeated"]) == (20, 20)
    assert [f["index"] for f in first["fates"]] == [f["index"] for f in again["fates"]]
    assert not any(f["new_person"] for f in again["fates"])


def test_a_thousand_fit_and_more_do_not(node: Node) -> None:
    found = batch(node, *(one(n) for n in range(1_000)))
    assert found["accepted"] == 1_000
    answer = node.http.post(
        "/v1/consent/events/batch", json={"events": [one(n) for n in range(1_001)]}
    )
    assert answer.status_code == 422
    assert node.services.ledger.head()[0] == 1_001


def test_a_malformed_event_refuses_the_batch_by_its_place(node: Node) -> None:
    body = {"events": [one(1), one(2, state="perhaps")]}
    answer = node.http.post("/v1/consent/events/batch", json=body)
    assert answer.status_code == 422
    assert "events.1.state" in answer.json()["detail"]
    assert "p2@" not in answer.text
    assert node.services.ledger.head()[0] == 1
