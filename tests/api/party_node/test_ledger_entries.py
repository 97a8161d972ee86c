"""Single entries of the ledger by the local API: appended, shown, proved, replayed, checked."""

from typing import Any

import httpx2
import pytest

from consent.ledger import open_payload
from consent.merkle import leaf_hash
from consent.milestones import OperatorAction, StateSnapshot
from consent.note import parse_vkey
from consent.proof import parse_proof, verify_proof
from consent.records import ENTRY_KINDS
from tests.support.records import RECORDS, preference
from tests.support.running_node import AUDIENCE, Node, Pair


def statement(node: Node, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a consent of person0 as an engineer writes it."""
    dense = node.services.identity.resolve(["person0@example.com"], [None]).dense[0]
    subject = node.services.identity.subject_ids([int(dense)])[int(dense)]
    return {
        "schema": "accord/consent-event/1", "subject_id": subject, "state": "given",
        "purpose": AUDIENCE, "recipient": "shop", "channel": "*", "event_type": "expressed",
        "event_time": "2026-01-15T08:00:00.000Z", "source_id": "crm",
        "source_event_id": f"e{number}", "source_trust": 5, "jurisdiction": "GB",
        "method": "web-form", "relation": "subject", "purpose_version": 1, "separate": True,
        "written": False, "listed": [], "evidence": [],
    } | changes  # fmt: skip


def append(node: Node, *entries: dict[str, Any]) -> httpx2.Response:
    return node.http.post("/v1/ledger/entries", json={"entries": list(entries)})


def problem(answer: httpx2.Response) -> tuple[int, str, str]:
    found = answer.json()
    return answer.status_code, found["type"].rsplit(":", 1)[1], found["detail"]


# -- appending -----------------------------------------------------------------------------------


def test_statements_are_appended_and_each_has_a_fate(node: Node) -> None:
    chosen = preference().to_payload() | {"subject_id": statement(node)["subject_id"]}
    answer = append(node, statement(node), statement(node, 2), chosen)
    assert answer.status_code == 201, answer.text
    assert answer.json() == {
        "entries": [{"index": n, "fate": "accepted"} for n in (1, 2, 3)],
    }
    again = append(node, statement(node), statement(node, 2, state="withdrawn"))
    assert again.json()["entries"] == [
        {"index": 1, "fate": "repeated"},
        {"index": 2, "fate": "conflict"},
    ]
    records = [e.record for e in node.services.ledger.entries()]
    assert [r.TYPE for r in records if r is not None] == [
        "ledger-opened", "consent-event", "consent-event", "preference-event", "anomaly",
    ]  # fmt: skip
    assert [getattr(r, "subject_seq", None) for r in records] == [None, 1, 2, 3, None]


def test_nothing_else_can_be_forged_through_it(node: Node) -> None:
    before = node.services.ledger.head()
    statements = {"consent-event", "preference-event"}
    assert {kind.TYPE for kind in ENTRY_KINDS} == {record.TYPE for record in RECORDS}
    for record in RECORDS:
        if record.TYPE not in statements:
            status, code, said = problem(append(node, statement(node), record.to_payload()))
            assert (status, code) == (422, "not-a-statement"), record.TYPE
            assert said.startswith("entry 2: ")
    assert node.services.ledger.head() == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject_seq": 1}, "not-a-statement"),
        ({"previous": "0" * 64}, "not-a-statement"),
        ({"source_id": "accord:anomalies"}, "not-a-statement"),
        ({"schema": "accord/consent-event/2"}, "not-a-statement"),
        ({"schema": 7}, "not-a-statement"),
        ({"source_trust": 9}, "malformed-record"),
        ({"state": "granted"}, "malformed-record"),
        ({"written": 0}, "malformed-record"),
        ({"event_time": "2026-01-15"}, "malformed-record"),
        ({"control_label": "cafe\u0301"}, "malformed-record"),
        ({"colour": "red"}, "malformed-record"),
        ({"purpose": "world-peace"}, "unknown-purpose"),
        ({"subject_id": "f" * 32}, "unknown-subject"),
    ],
)
def test_a_wrong_statement_is_refused_with_its_number_and_nothing_is_written(
    node: Node, changes: dict[str, Any], code: str
) -> None:
    before = node.services.ledger.head()
    status, found, said = problem(append(node, statement(node), statement(node, 2, **changes)))
    assert (status, found) == (422, code)
    assert said.startswith("entry 2: ")
    assert "person0" not in said
    assert statement(node)["subject_id"] not in said
    assert node.services.ledger.head() == before


def test_a_body_of_another_form_is_refused(node: Node) -> None:
    for body in ({}, {"entries": []}, {"entries": [1]}, {"entries": [{}] * 1001}, {"entry": {}}):
        answer = node.http.post("/v1/ledger/entries", json=body)
        assert problem(answer)[:2] == (422, "malformed-request"), body


# -- showing -------------------------------------------------------------------------------------


def test_an_entry_is_shown_and_looking_at_a_person_is_an_entry_itself(node: Node) -> None:
    append(node, statement(node, control_label="I agree"))
    ledger = node.services.ledger
    leaf_only = node.http.get("/v1/ledger/entries/1").json()
    assert leaf_only["about_a_person"]
    assert not {"payload", "salt"} & set(leaf_only)
    assert ledger.head()[0] == 2
    whole = node.http.post("/v1/ledger/entries/1/views", json={"by": "ann"}).json()
    assert whole["payload"]["control_label"] == "I agree"
    assert {k: whole[k] for k in leaf_only} == leaf_only
    assert leaf_hash(whole["leaf"].encode()).hex() == whole["leaf_hash"]
    record = ledger.entry(1).record
    salt = bytes.fromhex(whole["salt"])
    assert record is not None
    assert open_payload(whole["leaf"].encode(), salt=salt, payload=record.canonical()) == record
    looked = ledger.entry(2).record
    assert isinstance(looked, OperatorAction)
    assert (looked.action, looked.by, looked.detail) == ("payload-viewed", "person:ann", "entry 1")
    # What is about nobody may be looked at without that.
    opened = node.http.post("/v1/ledger/entries/0/views").json()
    assert opened["payload"]["schema"] == "accord/ledger-opened/1"
    assert ledger.head()[0] == 3
    assert problem(node.http.get("/v1/ledger/entries/99"))[:2] == (404, "not-found")
    assert node.stranger.get("/v1/ledger/entries/1").status_code == 401


def test_an_erased_entry_says_under_which_request(node: Node) -> None:
    append(node, statement(node))
    parts = node.services
    subject = parts.identity.find("email", "person0@example.com")
    assert subject is not None
    erased = parts.aftermath.erasing.erase(subject, "request-17")
    found = node.http.post("/v1/ledger/entries/1/views").json()
    assert found["erased"] == {"entry": erased.entry, "request": "request-17"}
    assert (found["payload"], found["salt"], found["about_a_person"]) == (None, None, True)
    assert parts.ledger.head()[0] == 3  # nothing was seen


# -- proving and checking ------------------------------------------------------------------------


def test_a_proof_leads_from_the_leaf_to_what_witnesses_have_seen(pair: Pair) -> None:
    append(pair.shop, statement(pair.shop))
    parts = pair.shop.services
    found = pair.shop.http.get("/v1/ledger/entries/2/proof").json()
    hashed = leaf_hash(found["leaf"].encode())
    said = verify_proof(parse_proof(found["proof"]), hashed, parts.witnessing.trust.policy)
    assert (said.origin, said.size, found["size"]) == (parse_vkey(parts.ledger.vkey).name, 3, 3)
    assert hashed.hex() == found["leaf_hash"]


def test_what_no_witness_has_seen_cannot_be_proved(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(pair.shop, statement(pair.shop))
    witnessing = pair.shop.services.witnessing
    monkeypatch.setattr(type(witnessing), "published", lambda _: None)
    answer = pair.shop.http.get("/v1/ledger/entries/1/proof")
    assert problem(answer)[:2] == (409, "not-published")


def test_state_is_logged_decisions_are_replayed_and_all_is_checked(pair: Pair) -> None:
    shop = pair.shop
    append(shop, statement(shop, recipient="paper"))
    pair.world.clock.advance(seconds=1)
    index = shop.http.post("/v1/ledger/snapshots").json()["index"]
    assert isinstance(shop.services.ledger.entry(index).record, StateSnapshot)
    given = shop.services.gate.permit(
        "a" * 32, b"h" * 32, "customers", AUDIENCE, "paper", ("psi",), "paper", 60_000
    )
    found = shop.http.get(f"/v1/ledger/entries/{given.grant.use_entry}/replay").json()
    assert (found["outcome"], found["allowed"], found["denied"]) == ("same", 1, {"no-evidence": 2})
    answer = shop.http.get(f"/v1/ledger/entries/{index}/replay")
    assert problem(answer)[:2] == (422, "not-a-use")
    size = shop.services.ledger.head()[0]
    assert shop.http.post("/v1/ledger/fsck").json() == {
        "sound": True, "entries": size, "findings": [], "total": 0,
    }  # fmt: skip
    begun = shop.http.post("/v1/ledger/fsck", json={"wait": False})
    assert (begun.status_code, begun.json()["size"]) == (202, size)
    path = f"/v1/ledger/fsck/{begun.json()['fsck']}"
    ended = shop.http.get(path, params={"wait": 25, "known": size}).json()
    while ended["state"] == "running":
        ended = shop.http.get(path, params={"wait": 25, "known": ended["entries"]}).json()
    assert (ended["state"], ended["report"]["sound"], ended["problem"]) == ("completed", True, None)
    assert problem(shop.http.get(f"/v1/ledger/fsck/{'0' * 32}"))[:2] == (404, "not-found")
