"""Status, budget, audit, ledger, audiences and evidence through the local API."""

from pyroaring import BitMap

from consent.uses import UseRecord
from party_node.api.audiences import LEFT_OUT
from party_node.audience_members import SALT_BYTES, keep_audience
from tests.support.running_node import AUDIENCE, Pair, permit

NONE = "f" * 32


def test_status_at_a_glance(pair: Pair) -> None:
    pair.ask()
    found = pair.paper.http.get("/v1/status").json()
    assert (found["party"], found["datasets"]) == ("paper", 1)
    assert found["jobs"] == {"running": 1, "waiting_for_approval": 1, "ended": 0}
    assert found["fingerprint"] == pair.paper.services.home.keys.public().fingerprint()


def test_budget_in_rho_epsilon_and_questions(pair: Pair) -> None:
    parts = pair.shop.services
    parts.budgets.charge("a" * 32, "spring", "paper", "noisy-size", 5_000_000, 500_000_000, 1)
    found = pair.shop.http.get("/v1/budget").json()
    (left,) = found["budgets"]
    assert (left["to"], left["spent"]["rho"], left["left"]["rho"]) == ("paper", "0.005", "0.495")
    assert left["questions_left"] > 1000
    assert left["spent"]["epsilon"] < left["limit"]["epsilon"]
    assert [c["rho"] for c in found["charges"]] == ["0.005"]


def test_audit_tells_what_was_asked_and_withheld(pair: Pair) -> None:
    pair.paper.say("given", recipient="shop", separate=True)
    pair.world.clock.advance(seconds=1)
    permit(pair.paper)
    (use,) = pair.paper.http.get("/v1/audit").json()
    assert (use["asked"], use["allowed"], use["purpose"]) == (3, 1, AUDIENCE)
    assert use["denied"] == {"no-evidence": 2}
    assert use["recipient"] == "shop"
    assert pair.paper.http.get("/v1/audit", params={"job": "a" * 32}).json() == [use]
    assert pair.paper.http.get("/v1/audit", params={"job": NONE}).json() == []
    assert pair.paper.http.get("/v1/audit", params={"limit": 0}).status_code == 422
    assert (use["outcome"], use["cause"], use["witnessed"]) == (None, None, None)


def test_older_uses_are_reached_and_each_says_how_it_ended(pair: Pair) -> None:
    pair.paper.say("given", recipient="shop", separate=True)
    pair.world.clock.advance(seconds=1)
    jobs = [letter * 32 for letter in "abc"]
    for job in jobs:
        permit(pair.paper, job)
    gate = pair.paper.services.gate
    # The first ends last: how a use ended is found by the use, however much has ended since.
    for job, outcome in (
        ("c" * 32, "completed"),
        ("b" * 32, "peer-silent"),
        ("a" * 32, "completed"),
    ):
        gate.end(job, "readers", outcome)
    newest = pair.paper.http.get("/v1/audit", params={"limit": 2}).json()
    assert [use["job"] for use in newest] == [jobs[2], jobs[1]]
    before = newest[-1]["entry"]
    older = pair.paper.http.get("/v1/audit", params={"limit": 2, "before": before}).json()
    assert [use["job"] for use in older] == [jobs[0]]
    ended = [(use["outcome"], use["cause"]) for use in (*newest, *older)]
    assert ended == [("completed", None), ("aborted", "peer-silent"), ("completed", None)]
    only = {"job": jobs[0], "before": older[0]["entry"]}
    assert pair.paper.http.get("/v1/audit", params=only).json() == []


def test_ledger_status_and_verification(pair: Pair) -> None:
    pair.paper.say("given")
    found = pair.paper.http.get("/v1/ledger").json()
    assert (found["origin"], found["size"], found["published"]) == ("accord/paper/consent", 3, None)
    services = pair.paper.services
    services.witnessing.publish(services.ledger.head()[0])
    pair.world.clock.advance(hours=2)
    published = pair.paper.http.get("/v1/ledger").json()["published"]
    assert (published["cosigned_by"], published["size"]) == (["coordinator"], 3)
    assert published["age_seconds"] >= 7200
    verified = pair.paper.http.post("/v1/ledger/verify").json()
    assert (verified["size"], verified["published"]) == (3, 1)


def test_an_audience_goes_through_the_gate_each_time(pair: Pair) -> None:
    job = pair.ask("audience")
    parts = pair.paper.services
    with parts.db.writing() as session:
        members = bytes(SALT_BYTES) + BitMap([0, 1]).serialize()
        keep_audience(session, parts.vault, job, "readers", members, parts.clock_ms())
    for i in range(2):
        pair.paper.say("given", f"yes-{i}", email=f"person{i}@example.com", recipient="shop",
                       separate=True)  # fmt: skip
    pair.world.clock.advance(seconds=1)
    assert [a["job"] for a in pair.paper.http.get("/v1/audiences").json()] == [job]
    path = f"/v1/audiences/{job}/activations"
    first = pair.paper.http.post(path, json={}).json()
    assert (first["keys"], first["left_out"]) == (["row-0", "row-1"], 0)
    pair.world.clock.advance(seconds=1)
    pair.paper.say("withdrawn", "no", email="person1@example.com", recipient="shop")
    pair.world.clock.advance(seconds=1)
    second = pair.paper.http.post(path, json={"format": "csv"})
    assert second.text.split() == ["id", "row-0"]
    assert second.headers[LEFT_OUT] == "1"
    uses = [e for e in parts.ledger.entries() if isinstance(e.record, UseRecord)]
    assert len(uses) == 2
    assert pair.paper.http.post(path, json={"format": "xml"}).status_code == 422
    assert pair.shop.http.post(path, json={}).status_code == 404


def test_evidence_is_a_zip_file(pair: Pair) -> None:
    permit(pair.paper)
    services = pair.paper.services
    services.witnessing.publish(services.ledger.head()[0])
    answer = pair.paper.http.get("/v1/ledger/export")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.content.startswith(b"PK")
    assert "accord-paper.zip" in answer.headers["content-disposition"]
    assert pair.paper.http.get("/v1/ledger/export", params={"job": NONE}).status_code == 404
