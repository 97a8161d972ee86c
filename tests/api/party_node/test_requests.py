"""Every type of request from end to end through the API; roles, holds and what a person gets."""

import csv
import dataclasses
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest

from consent.audit import Outcome
from consent.bundle import verify_bundle
from consent.jws import from_jwk
from consent.milestones import OperatorAction
from consent.policy import parse_policy
from consent.receipt import parse_receipt, verify_receipt
from consent.requests import RequestType
from party_node.ledger.policies import keep_notice
from party_node.requests.csv_text import cell
from tests.support.running_node import AUDIENCE, MEASUREMENT, Node, Pair

CODE = "urn:accord:error:"
PERSON = "person0@example.com"


def opened(node: Node, kind: str, key: str = "", **changes: Any) -> dict[str, Any]:
    body = {"type": kind, "channel": "letter", "email": PERSON} | changes
    headers = {"Idempotency-Key": key or f"{kind}-{node.services.rng(4).hex()}"}
    answer = node.http.post("/v1/requests", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def step(node: Node, request: str, what: str, body: Any = None, status: int = 200) -> Any:
    node.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
    answer = node.http.post(f"/v1/requests/{request}/{what}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def verified(node: Node, kind: str, **changes: Any) -> str:
    request = str(opened(node, kind, **changes)["request"])
    step(node, request, "verify", {"method": "passport shown"})
    return request


def code(answer: Any) -> str:
    return str(answer["type"]).removeprefix(CODE)


def decision(node: Node, purpose: str = AUDIENCE, operation: str = "activate") -> str:
    body = {"email": PERSON, "purpose": purpose, "operation": operation}
    return str(node.http.post("/v1/consent/explanations", json=body).json()["reason"])


@pytest.fixture
def known(node: Node) -> Node:
    """Person 0 is in a file and has agreed to two purposes."""
    node.add_people("customers")
    node.say("given", "event-1")
    node.say("given", "event-2", purpose=MEASUREMENT)
    node.services.clock_ms.advance(seconds=60)  # type: ignore[attr-defined]
    return node


def two(node: Node) -> dict[str, str]:
    """Add an operator and a compliance officer; return the headers that show their tokens."""
    tokens = {
        role: node.http.post("/v1/roles", json={"name": name, "role": role}).json()["token"]
        for name, role in (("ops", "operator"), ("dpo", "compliance"))
    }
    return {
        "Accord-Operator-Token": tokens["operator"],
        "Accord-Compliance-Token": tokens["compliance"],
    }


# -- each type ------------------------------------------------------------------------------------


def test_opening_answers_what_is_due_and_possible(known: Node) -> None:
    made = opened(known, "access", key="ticket-1")
    assert (made["status"], made["regime"], made["repeated"]) == ("received", "uk-gdpr", False)
    assert made["possible"] == ["verified", "extended", "refused", "cancelled"]
    assert made["subject"] == known.services.identity.subject_ids([0])[0]
    body = {"type": "access", "channel": "letter", "email": PERSON.upper()}
    again = known.http.post("/v1/requests", json=body, headers={"Idempotency-Key": "ticket-1"})
    assert (again.status_code, again.json()["request"]) == (200, made["request"])
    assert again.json()["repeated"]
    other = known.http.post(
        "/v1/requests", json=body | {"type": "erase"}, headers={"Idempotency-Key": "ticket-1"}
    )
    assert (other.status_code, code(other.json())) == (409, "idempotency-conflict")
    assert known.http.get("/v1/requests").json() == [
        {k: v for k, v in made.items() if k != "repeated"}
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "everything"},
        {"channel": "pigeon"},
        {"email": None},
        {"phone": "+447700900123"},
        {"place": "Germany"},
        {"received_on": "2026-02-30"},
        {"received_on": "2026-02-20", "received_at_ms": 1},
        {"purposes": ["Not A Name"]},
        {"surprise": 1},
    ],
    ids=str,
)
def test_what_is_no_request_is_refused_without_repeating_it(
    known: Node, changes: dict[str, Any]
) -> None:
    body = {"type": "access", "channel": "letter", "email": PERSON} | changes
    answer = known.http.post("/v1/requests", json=body, headers={"Idempotency-Key": "x"})
    assert (answer.status_code, code(answer.json())) == (422, "malformed-request")
    assert PERSON not in answer.text
    assert known.http.get("/v1/requests").json() == []


def test_withdraw(known: Node) -> None:
    request = verified(known, "withdraw")
    done = step(known, request, "complete", {"results": [{"system": "crm", "outcome": "stopped"}]})
    assert [(r["system"], r["outcome"]) for r in done["results"]] == [
        ("accord", "withdrawn"), ("crm", "stopped"),
    ]  # fmt: skip
    assert (done["ended"], done["possible"]) == (True, [])
    assert decision(known) == decision(known, MEASUREMENT, "psi") == "withdrawn"


def test_object_and_opt_out_of_sale(known: Node) -> None:
    step(known, verified(known, "object"), "complete")
    assert decision(known) == "not-personalised"
    assert decision(known, AUDIENCE, "psi") == "permitted"
    request = verified(known, "opt-out-of-sale", place="US-CA", relation="agent")
    assert step(known, request, "complete")["results"][0]["outcome"] == "opted-out"
    assert decision(known, AUDIENCE, "psi") == "withdrawn"
    assert decision(known, MEASUREMENT, "psi") == "permitted"
    step(known, verified(known, "object", purposes=[MEASUREMENT]), "complete")
    assert decision(known, MEASUREMENT, "psi") == "withdrawn"


def test_restrict_and_lift(known: Node) -> None:
    request = verified(known, "restrict")
    step(known, request, "complete")
    assert decision(known) == decision(known, MEASUREMENT, "dp.stat") == "restricted"
    contact = {"email": PERSON, "purpose": AUDIENCE, "channel": "email"}
    answer = known.http.post("/v1/decisions/contact", json=contact)
    assert answer.json()["reason"] == "restricted"
    assert step(known, request, "lift")["lifted_ms"] is not None
    known.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
    assert decision(known) == "permitted"
    assert code(step(known, request, "lift", status=409)) == "step-not-possible"


def test_rectify_refuse_extend_and_cancel(known: Node) -> None:
    request = verified(known, "rectify", place="DE")
    later = step(known, request, "extend", {"reason": "it takes research", "days": 60})
    assert later["extended"]
    assert later["status"] == "extended"
    assert code(step(known, request, "extend", {"reason": "more"}, 409)) == "step-not-possible"
    assert code(step(known, request, "refuse", {}, 422)) == "malformed-request"
    refused = step(known, request, "refuse", {"reason": "the record is right"})
    assert (refused["status"], refused["reason"]) == ("refused", "the record is right")
    answer = step(known, request, "complete", status=409)
    assert "is refused" in answer["detail"]
    other = opened(known, "rectify")["request"]
    assert code(step(known, other, "cancel", {"reason": PERSON}, 422)) == "identifier-in-text"
    assert step(known, other, "cancel")["status"] == "cancelled"
    assert known.http.get("/v1/requests").json() == []
    ended = known.http.get("/v1/requests", params={"ended": True}).json()
    assert {r["status"] for r in ended} == {"refused", "cancelled"}


def test_a_phone_number_names_a_person_too(known: Node) -> None:
    body = {"type": "access", "channel": "phone", "phone": "020 7946 0001"}
    answer = known.http.post("/v1/requests", json=body, headers={"Idempotency-Key": "p"})
    assert (answer.status_code, answer.json()["subject"]) == (201, None)


def test_an_unknown_request_is_not_found(known: Node) -> None:
    for method, path in (
        ("GET", ""), ("POST", "/cancel"), ("POST", "/export"), ("POST", "/lift"),
        ("POST", "/complete"), ("POST", "/erase"),
    ):  # fmt: skip
        answer = known.http.request(method, f"/v1/requests/{'0' * 32}{path}")
        assert (answer.status_code, code(answer.json())) == (404, "not-found")


# -- access and port ------------------------------------------------------------------------------


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


@pytest.mark.parametrize("kind", ["access", "port"])
def test_access_and_port_give_the_person_everything(pair: Pair, kind: str) -> None:
    node = pair.shop
    notice = b"We share with partners. You may say no."
    with node.services.db.writing() as session:
        keep_notice(session, notice, 1)
    node.say("given", "event-1", recipient="paper", separate=True)
    event = node.services.ledger.entry(node.services.ledger.head()[0] - 1).record
    told = {"notice_hash": hashlib.sha256(notice).digest(), "source_event_id": "event-n"}
    node.services.ledger.append([dataclasses.replace(event, **told)])
    use = ("customers", AUDIENCE, "paper", ("psi",), "shop", 60_000)
    node.services.gate.permit("1" * 32, b"\x01" * 32, *use)
    node.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
    node.say("withdrawn", "event-3", recipient="paper")
    node.services.gate.permit("2" * 32, b"\x02" * 32, *use)
    request = verified(node, kind)
    assert code(step(node, request, "complete", status=409)) == "step-not-possible"
    answer = node.http.post(f"/v1/requests/{request}/export")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    files = unzipped(answer.content)
    entries = json.loads(files["entries.json"])
    assert [e["content"].get("state") for e in entries] == ["given", "given", "withdrawn"]
    consents = rows(files["consents.csv"])
    assert [c["state"] for c in consents] == ["given", "given", "withdrawn"]
    (used,) = rows(files["uses.csv"])
    assert (used["job"], used["purpose"], used["recipient"]) == ("1" * 32, AUDIENCE, "paper")
    digest = hashlib.sha256(notice).hexdigest()
    assert files[f"notices/{digest}.txt"] == notice
    person = json.loads(files["person.json"])
    assert [f["dataset"] for f in person["in_files"]] == ["customers"]
    assert [r["request"] for r in person["requests"]] == [request]
    readme = files["README.txt"].decode()
    assert "Your data at The shop & Co" in readme
    assert "1 decisions" in readme
    # No identifier is in it: the node has none.
    assert not any(PERSON.encode() in data for data in files.values())
    _proved(node, files, [e["entry"] for e in entries])
    actions = [e.record for e in node.services.ledger.entries() if e.type == "operator-action"]
    assert [(a.action, a.detail) for a in actions[1:]] == [("export", f"request {request}")]
    done = step(node, request, "complete")
    assert done["results"][0]["outcome"] == "exported"
    assert code(node.http.post(f"/v1/requests/{request}/export").json()) == "step-not-possible"


def _proved(node: Node, files: dict[str, bytes], indices: list[int]) -> None:
    """The proofs verify by themselves, and each receipt with the party's key."""
    inside = {n.removeprefix("proof/"): d for n, d in files.items() if n.startswith("proof/")}
    policy = parse_policy(inside["policy.txt"])
    report = verify_bundle(inside, policy)
    assert [c for c in report.checks if c.outcome is Outcome.FAILED] == []
    assert sorted(report.records) == indices
    key = files["receipts/receipt-key.jwk"]
    assert json.loads(key) == node.http.get("/v1/ledger/receipt-key").json()
    for index in indices:
        receipt = parse_receipt(files[f"receipts/{index}.receipt.json"])
        found = verify_receipt(receipt, public=from_jwk(key), policy=policy)
        assert (found.index, found.event) == (index, report.records[index])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@sum", "'@sum"), (" =1", "' =1"),
        ("\t=1", "'\t=1"), ("＝1", "'＝1"), ("plain", "plain"), (None, ""), (3, "3"), (-3, "'-3"),
    ],
    ids=repr,
)  # fmt: skip
def test_no_cell_runs_as_a_formula(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_the_file_says_when_no_witness_has_signed_yet(known: Node, monkeypatch: Any) -> None:
    from party_node.errors import QuorumMissed

    def missed(_size: int) -> None:
        raise QuorumMissed

    monkeypatch.setattr(known.services.witnessing, "publish", missed)
    request = verified(known, "access")
    files = unzipped(known.http.post(f"/v1/requests/{request}/export").content)
    assert "No witness has signed that state yet" in files["README.txt"].decode()
    assert any(name.endswith(".tlog-proof") for name in files)


# -- explanation ----------------------------------------------------------------------------------


def test_explain_decision_of_a_job_as_it_was_made_then(pair: Pair) -> None:
    node = pair.shop
    node.say("given", "event-1", recipient="paper", separate=True)
    use = ("customers", AUDIENCE, "paper", ("psi",), "shop", 60_000)
    node.services.gate.permit("1" * 32, b"\x01" * 32, *use)
    node.services.clock_ms.advance(seconds=1)  # type: ignore[attr-defined]
    withdrawn = node.say("withdrawn", "event-2", recipient="paper").json()["index"]
    node.services.gate.permit("2" * 32, b"\x02" * 32, *use)
    request = verified(node, "explain-decision")
    (first,) = step(node, request, "explanation", {"job": "1" * 32})["decisions"]
    assert (first["allowed"], first["reason"]) == (True, "permitted")
    assert first["text"].startswith(f"Your data was used in the job {'1' * 32}: for the purpose")
    (second,) = step(node, request, "explanation", {"job": "2" * 32})["decisions"]
    assert (second["allowed"], second["reason"]) == (False, "withdrawn")
    assert second["deciding_entry"] == withdrawn
    assert f"Entry {withdrawn} decided it: withdrawn, for {AUDIENCE}" in second["text"]
    assert second["tree_size"] > first["tree_size"]
    assert step(node, request, "explanation", {"job": "3" * 32})["decisions"] == []
    assert step(node, request, "complete")["results"][0]["outcome"] == "explained"


def test_explain_decision_of_a_purpose_as_it_stands(known: Node) -> None:
    request = verified(known, "explain-decision")
    found = step(known, request, "explanation", {"purpose": AUDIENCE})["decisions"]
    assert [(d["operations"], d["allowed"]) for d in found] == [
        (["activate"], True),
        (["psi"], True),
    ]
    asked = {"purpose": AUDIENCE, "recipient": "paper", "operation": "psi"}
    (one,) = step(known, request, "explanation", asked)["decisions"]
    assert (one["allowed"], one["reason"]) == (False, "no-evidence")
    assert "Your data may not be used for the purpose joint-audience, for paper" in one["text"]
    assert code(step(known, request, "explanation", {}, 422)) == "malformed-request"
    both = {"purpose": AUDIENCE, "job": "1" * 32}
    assert code(step(known, request, "explanation", both, 422)) == "malformed-request"
    unknown = {"purpose": "nothing-like-it"}
    assert code(step(known, request, "explanation", unknown, 422)) == "unknown-purpose"


# -- erasure and holds ----------------------------------------------------------------------------


def test_erase_with_a_hold_that_two_roles_open(known: Node) -> None:
    shown = two(known)
    subject = known.services.identity.subject_ids([0])[0]
    request = verified(known, "erase")
    hold = {"ground": "GDPR 17(3)(e)", "until": "2030-12-31"}
    erased = step(known, request, "erase", {"holds": [hold]})
    assert erased["erased"] == {"entry": erased["erased"]["entry"], "entries": 2, "records": 1,
                                "held": 2, "finished": True}  # fmt: skip
    assert erased["subject"] is None
    assert erased["holds"][0]["until_ms"] == 1_924_991_999_999, "the end of that day"
    asked = {"email": PERSON, "purpose": AUDIENCE, "operation": "psi"}
    assert known.http.post("/v1/consent/explanations", json=asked).status_code == 404
    path = f"/v1/requests/{request}/hold"
    for headers in (
        {}, {"Accord-Operator-Token": shown["Accord-Operator-Token"]},
        dict.fromkeys(shown, shown["Accord-Operator-Token"]),
        dict(zip(shown, reversed(shown.values()), strict=True)),
        dict.fromkeys(shown, "accord_operator_" + "0" * 64),
    ):  # fmt: skip
        answer = known.http.post(path, headers=headers)
        assert (answer.status_code, code(answer.json())) == (403, "two-roles-needed")
    held = known.http.post(path, headers=shown).json()["holds"][0]
    assert {e["payload"]["subject_id"] for e in held["entries"]} == {subject}
    assert held["ground"] == hold["ground"]
    done = step(known, request, "complete", {"results": [{"system": "crm", "outcome": "erased"}]})
    assert [r["system"] for r in done["results"]] == ["accord", "crm"]
    assert known.services.ledger.verify().size == known.services.ledger.head()[0]


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"holds": [{"ground": "x", "until": "2030-12-31"}]}, 409, "nobody-in-role"),
        ({"holds": [{"ground": "x", "until": "soon"}]}, 422, "malformed-request"),
        ({"holds": [{"ground": PERSON, "until": "2030-12-31"}]}, 422, "identifier-in-text"),
        (
            {"holds": [{"ground": "x", "until": "2030-12-31", "purposes": ["none-such"]}]},
            422,
            "unknown-purpose",
        ),
    ],
    ids=["no role", "no date", "an identifier", "no purpose"],
)
def test_a_hold_that_cannot_be_leaves_everything(
    known: Node, body: dict[str, Any], status: int, why: str
) -> None:
    request = verified(known, "erase")
    assert code(step(known, request, "erase", body, status)) == why
    assert decision(known) == "permitted"


def test_the_steward_destroys_what_is_over(known: Node) -> None:
    shown = two(known)
    request = verified(known, "erase")
    step(known, request, "erase", {"holds": [{"ground": "x", "until": "2030-12-31"}]})
    (turn,) = [t for t in known.services.aftermath.steward._turns if t.name == "holds"]
    assert turn.duty() == 0
    known.services.clock_ms.now_ms = 1_925_000_000_000  # type: ignore[attr-defined]
    assert turn.duty() == 1
    answer = known.http.post(f"/v1/requests/{request}/hold", headers=shown)
    assert answer.status_code == 404
    assert known.http.get(f"/v1/requests/{request}").json()["holds"][0]["destroyed"]


def test_an_erased_person_is_not_brought_back_by_what_was_said_before(known: Node) -> None:
    clock = known.services.clock_ms
    before = clock()
    assert decision(known) == "permitted"
    request = verified(known, "erase")
    step(known, request, "erase")
    for key in ("event-1", "another-name"):  # sent once more, or by another system
        again = known.say("given", key, event_time_ms=before)
        assert (again.status_code, code(again.json())) == (422, "erased-person")
    clock.advance(seconds=60)  # type: ignore[attr-defined]
    assert known.say("given", "after", purpose=MEASUREMENT).status_code == 201
    late = known.say("given", "event-1", event_time_ms=before)
    assert (late.status_code, code(late.json())) == (422, "erased-person")
    clock.advance(seconds=1)  # type: ignore[attr-defined]
    assert decision(known) == "no-evidence"
    assert decision(known, MEASUREMENT, "psi") == "permitted"


# -- roles ----------------------------------------------------------------------------------------


def as_role(node: Node, token: str) -> Any:
    def call(method: str, path: str, **how: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} | how.pop("headers", {})
        return node.stranger.request(method, path, headers=headers, **how)

    return call


def test_what_each_role_may_do(known: Node) -> None:
    shown = two(known)
    officer = as_role(known, shown["Accord-Compliance-Token"])
    operator = as_role(known, shown["Accord-Operator-Token"])
    for call in (officer, operator):
        for path in ("/v1/status", "/v1/requests", "/v1/roles", "/v1/audit", "/v1/ledger"):
            assert call("GET", path).status_code == 200, path
    asked = {"type": "withdraw", "channel": "letter", "email": PERSON}
    made = officer("POST", "/v1/requests", json=asked, headers={"Idempotency-Key": "1"})
    assert made.status_code == 201
    request = made.json()["request"]
    officer("POST", f"/v1/requests/{request}/verify", json={"method": "passport"})
    officer("POST", f"/v1/requests/{request}/complete")
    said = [e.record for e in known.services.ledger.entries() if e.type == "subject-request"]
    assert {s.by for s in said} == {"compliance:dpo"}
    for method, path in (
        ("POST", "/v1/roles"), ("DELETE", "/v1/roles/ops"), ("POST", "/v1/jobs"),
        ("POST", "/v1/consent/events"), ("PUT", "/v1/rules/x"), ("POST", "/v1/webhooks"),
        ("POST", "/v1/requestsx"), ("PUT", "/v1/ledger/policy"), ("POST", "/v1"),
        ("POST", f"/v1/jobs/{'1' * 32}/approve"),
    ):  # fmt: skip
        answer = officer(method, path, json={})
        assert (answer.status_code, code(answer.json())) == (403, "not-your-role"), path
    for method, path in (("POST", "/v1/roles"), ("DELETE", "/v1/roles/dpo")):
        answer = operator(method, path, json={"name": "me", "role": "compliance"})
        assert (answer.status_code, code(answer.json())) == (403, "not-your-role")
    assert operator("POST", "/v1/collaborations", json={}).status_code == 422
    assert len(known.http.get("/v1/roles").json()) == 2


def test_who_looked_is_who_showed_the_token_and_not_who_was_stated(known: Node) -> None:
    officer = as_role(known, two(known)["Accord-Compliance-Token"])
    looked = officer("POST", "/v1/ledger/entries/2/views", json={"by": "ann"})
    assert looked.status_code == 200
    handed = officer("POST", "/v1/consent/receipts", json={"email": PERSON, "by": "ann"})
    assert handed.status_code == 200, handed.text
    assert officer("POST", "/v1/ledger/fsck").status_code == 200
    assert officer("POST", "/v1/ledger/entries", json={"entries": []}).status_code == 403
    for path in ("/v1/ledger/entries/1/viewsx", "/v1/ledger/entries/x/views"):
        assert officer("POST", path).status_code == 403
    said = [e.record for e in known.services.ledger.entries() if e.type == "operator-action"]
    assert [(s.action, s.by) for s in said if isinstance(s, OperatorAction)][3:] == [
        ("payload-viewed", "compliance:dpo"),
        ("receipts-issued", "compliance:dpo"),
    ]


def test_a_role_from_adding_to_revoking(node: Node) -> None:
    body = {"name": "dpo", "role": "compliance"}
    made = node.http.post("/v1/roles", json=body)
    token = made.json()["token"]
    assert made.status_code == 201
    (listed,) = node.http.get("/v1/roles").json()
    assert listed == {k: v for k, v in made.json().items() if k != "token"}
    again = node.http.post("/v1/roles", json=body)
    assert (again.status_code, code(again.json())) == (409, "role-taken")
    call = as_role(node, token)
    assert call("GET", "/v1/status").status_code == 200
    gone = node.http.delete("/v1/roles/dpo")
    assert gone.json() == {"name": "dpo", "role": "compliance", "revoked": True}
    assert call("GET", "/v1/status").status_code == 401
    assert node.http.delete("/v1/roles/dpo").status_code == 404
    for wrong in ({"name": "x", "role": "administrator"}, {"name": "A B", "role": "operator"}):
        assert node.http.post("/v1/roles", json=wrong).status_code == 422


def test_holds_are_shared_with_a_successor(known: Node) -> None:
    shown = two(known)
    request = verified(known, "erase")
    step(known, request, "erase", {"holds": [{"ground": "x", "until": "2030-12-31"}]})
    body = {"name": "dpo-2", "role": "compliance"}
    wrong = known.http.post("/v1/roles", json=body | {"share_holds_of": "nonsense"})
    assert (wrong.status_code, code(wrong.json())) == (409, "illegal-state")
    shared = body | {"share_holds_of": shown["Accord-Compliance-Token"]}
    token = known.http.post("/v1/roles", json=shared).json()["token"]
    known.http.delete("/v1/roles/dpo")
    answer = known.http.post(
        f"/v1/requests/{request}/hold", headers=shown | {"Accord-Compliance-Token": token}
    )
    assert answer.status_code == 200
    last = known.http.delete("/v1/roles/dpo-2")
    assert (last.status_code, code(last.json())) == (409, "hold-stranded")
    assert known.http.delete("/v1/roles/dpo-2?strand_holds=true").status_code == 200


def test_every_type_is_tried_here() -> None:
    assert {t.value for t in RequestType} == {
        "access", "port", "rectify", "erase", "restrict", "object", "explain-decision", "withdraw",
        "opt-out-of-sale",
    }  # fmt: skip
