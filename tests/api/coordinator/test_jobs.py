"""Jobs: the state table, what each event must carry, idempotency, receipts."""

import dataclasses
from typing import Any

import pytest

from coordinator import jobs, wire
from coordinator.jobs import MAX_ACCEPTANCE_BYTES, MAX_DESCRIPTION_BYTES
from coordinator.tables import JobRow
from coordinator.wire import JobEvent, JobState
from protocols.codec import encode
from protocols.collaboration import Permitted
from protocols.job import Source, job_hash
from protocols.psi.params import PsiParams, RowParams
from protocols.signed import sign
from tests.support.coordinator import DAY_MS, JOB, START_MS, World, b64

EXPECTED = {
    ("proposed", "accept"): ("accepted", "publisher"),
    ("proposed", "decline"): ("declined", "publisher"),
    ("proposed", "cancel"): ("cancelled", "brand"),
    ("accepted", "start"): ("running", "brand publisher"),
    ("accepted", "fail"): ("failed", "brand publisher"),
    ("accepted", "cancel"): ("cancelled", "brand"),
    ("running", "start"): ("running", "brand publisher"),
    ("running", "complete"): ("running", "brand publisher"),
    ("running", "fail"): ("failed", "brand publisher"),
    ("running", "cancel"): ("cancelled", "brand"),
    ("failed", "fail"): ("failed", "brand publisher"),
}
"""State and event → the state after one party said it, and the parties that may."""

OUT_OF_RANGE = encode(RowParams(2**27)).replace((2**27).to_bytes(4, "big"), b"\xff" * 4)
"""Parameters of the right form that no one can have made."""


def code(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("urn:accord:error:")


def sent_by(*parties: str) -> tuple[Source, ...]:
    return tuple(Source(party, "readers") for party in parties)


def _put_in(world: World, state: str) -> None:
    with world.database.writing() as session:
        row = session.get_one(JobRow, JOB)
        row.state = state
        session.add(row)


@pytest.mark.parametrize("state", list(JobState))
@pytest.mark.parametrize("event", list(JobEvent))
def test_state_table(world: World, state: str, event: str) -> None:
    asked = world.proposed()
    cause = "no-reason" if event in ("decline", "fail", "cancel") else ""
    yes = world.acceptance(asked) if event == "accept" else b""
    to, by = EXPECTED.get((state, event), ("", ""))
    for who in (world.brand, world.publisher):
        _put_in(world, state)
        answer = world.say(who, event, cause, yes)
        if not to:
            assert (answer.status_code, code(answer)) == (409, "illegal-job-event")
            assert (answer.json()["state"], answer.json()["event"]) == (state, event)
        elif who.id not in by:
            assert (answer.status_code, code(answer)) == (403, "not-your-event")
        elif (who.id, event) == ("publisher", "complete"):
            assert answer.json()["state"] == "completed", "the brand has said it before"
        else:
            assert answer.json()["state"] == to


def test_the_table_has_no_way_out_of_an_end() -> None:
    ends = {JobState.COMPLETED, JobState.DECLINED, JobState.EXPIRED, JobState.CANCELLED}
    assert not [key for key in jobs.TRANSITIONS if key[0] in ends]
    assert {key[0] for key, rule in jobs.TRANSITIONS.items() if rule.to is key[0]} == {
        JobState.RUNNING,
        JobState.FAILED,
    }


def test_a_whole_life(world_on_each: World) -> None:
    world = world_on_each
    world.running()
    first = world.say(world.brand, "complete").json()
    assert first["state"] == "running", "one side alone does not complete a job"
    last = world.say(world.publisher, "complete").json()
    assert (last["state"], last["cause"]) == ("completed", "")
    assert last["revision"] > first["revision"]


@pytest.mark.parametrize("event", ["accept", "start", "complete"])
def test_the_same_event_again_changes_nothing(world: World, event: str) -> None:
    asked = world.running()
    world.say(world.publisher, "complete")
    world.say(world.brand, "complete")
    before = world.brand.get(f"/v1/jobs/{JOB}").json()
    who = world.publisher if event == "accept" else world.brand
    yes = world.acceptance(asked) if event == "accept" else b""
    answer = world.say(who, event, "", yes)
    assert (answer.status_code, answer.json()) == (200, before)


def test_another_acceptance_is_not_the_same_event(world: World) -> None:
    asked = world.running()
    other = world.acceptance(asked, by="rule:always")
    answer = world.say(world.publisher, "accept", acceptance=other)
    assert (answer.status_code, code(answer)) == (409, "illegal-job-event")


def test_both_sides_may_fail_and_the_first_cause_stays(world: World) -> None:
    world.running()
    assert world.say(world.brand, "fail", "forged-envelope").json()["cause"] == "forged-envelope"
    answer = world.say(world.publisher, "fail", "malformed-message")
    assert (answer.status_code, answer.json()["cause"]) == (200, "forged-envelope")


@pytest.mark.parametrize(
    "body",
    [
        {"event": "fail"},
        {"event": "fail", "cause": "Some words about anna@example.com"},
        {"event": "fail", "cause": "x" * 65},
        {"event": "start", "cause": "x"},
        {"event": "start", "acceptance": "eA=="},
        {"event": "accept"},
        {"event": "explode"},
        {"event": "start", "extra": 1},
        [],
    ],
)
def test_malformed_events(world: World, body: Any) -> None:
    world.proposed()
    answer = world.brand.post(f"/v1/jobs/{JOB}/events", body)
    assert (answer.status_code, code(answer)) == (422, "malformed-request")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"job_hash": bytes(32)}, "acceptance-refused"),
        ({"party": "brand"}, "acceptance-refused"),
    ],
)
def test_an_acceptance_is_over_this_job(
    world: World, changes: dict[str, Any], expected: str
) -> None:
    asked = world.proposed()
    yes = world.acceptance(asked, **changes)
    answer = world.say(world.publisher, "accept", acceptance=yes)
    assert (answer.status_code, code(answer)) == (422, expected)


def test_an_acceptance_is_signed_by_the_counterparty(world: World) -> None:
    asked = world.proposed()
    yes = jobs.Acceptance(job_hash(asked), "publisher", "person:x", False, START_MS)
    forged = dataclasses.replace(sign(world.brand.keys, yes), signer="publisher")
    answer = world.say(world.publisher, "accept", acceptance=encode(forged))
    assert (answer.status_code, code(answer)) == (422, "bad-signature")
    answer = world.say(world.publisher, "accept", acceptance=b"not a record")
    assert (answer.status_code, code(answer)) == (422, "malformed-message")


def test_a_revealing_job_needs_a_second_yes(world: World) -> None:
    asked = world.proposed(
        kind="audience",
        protocol="psi-dh-members/1",
        params=encode(PsiParams(1000)),
        purpose="advertising",
        receiver="publisher",
        receiver_dataset="readers",
        senders=(Source("brand", "customers"),),
    )
    plain = world.acceptance(asked)
    answer = world.say(world.publisher, "accept", acceptance=plain)
    assert (answer.status_code, code(answer)) == (422, "acceptance-refused")
    twice = world.acceptance(asked, reveal=True)
    assert world.say(world.publisher, "accept", acceptance=twice).json()["state"] == "accepted"


@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"purpose": "advertising"}, 422, "job-not-permitted"),
        ({"protocol": "psi-dh-members/1"}, 422, "job-not-permitted"),
        ({"kind": "audience"}, 422, "job-not-permitted"),
        ({"receiver": "publisher", "senders": sent_by("brand")}, 422, "job-not-permitted"),
        ({"senders": sent_by("brand")}, 422, "job-not-permitted"),
        ({"senders": sent_by("outsider")}, 422, "job-not-permitted"),
        ({"senders": sent_by("publisher", "outsider")}, 422, "job-not-permitted"),
        ({"senders": sent_by("publisher", "publisher")}, 422, "job-not-permitted"),
        ({"senders": ()}, 422, "job-not-permitted"),
        ({"requester": "publisher"}, 422, "job-not-permitted"),
        ({"minimum_size": 49}, 422, "job-not-permitted"),
        ({"expires_ms": START_MS}, 422, "job-not-permitted"),
        ({"expires_ms": START_MS + 91 * DAY_MS}, 422, "job-not-permitted"),
        ({"expires_ms": 2**64 - 1}, 422, "job-not-permitted"),
        ({"rho_nano": 0}, 422, "job-not-permitted"),
        ({"rho_nano": -1}, 422, "job-not-permitted"),
        ({"rho_nano": 10**10 + 1}, 422, "job-not-permitted"),
        ({"rho_nano": 2**63}, 422, "job-not-permitted"),
        ({"params": b""}, 422, "job-not-permitted"),
        ({"params": b"\xff"}, 422, "job-not-permitted"),
        ({"params": encode(Permitted("overlap", "p", "m", "b", False))}, 422, "job-not-permitted"),
        ({"params": OUT_OF_RANGE}, 422, "job-not-permitted"),
        ({"receiver_dataset": "d" * MAX_DESCRIPTION_BYTES}, 422, "job-not-permitted"),
        ({"version": 2}, 409, "collaboration-not-in-force"),
        ({"collaboration": "autumn"}, 409, "collaboration-not-in-force"),
        ({"collaboration_hash": bytes(32)}, 409, "collaboration-not-in-force"),
    ],
)
def test_only_permitted_jobs_are_taken(
    world: World, changes: dict[str, Any], status: int, expected: str
) -> None:
    world.agree()
    answer = world.propose(world.job(**changes))
    assert (answer.status_code, code(answer)) == (status, expected)


def test_names_and_numbers_that_no_database_holds_are_refused(world_on_each: World) -> None:
    world = world_on_each
    agreed = world.agree()
    odd: list[dict[str, Any]] = [
        {"version": 2**64 - 1},
        {"version": -1},
        {"collaboration": "spring\0"},
        {"expires_ms": 2**64 - 1},
    ]
    answers = [world.propose(world.job(agreed, **changes)) for changes in odd]
    assert [code(a) for a in answers] == 3 * ["collaboration-not-in-force"] + ["job-not-permitted"]


def test_no_job_before_the_agreement_is_in_force(world: World) -> None:
    agreed = world.collaboration()
    signed = {"signed": b64(encode(sign(world.brand.keys, agreed)))}
    world.brand.put("/v1/collaborations/spring/versions/1", signed)
    answer = world.propose(world.job(agreed))
    assert (answer.status_code, code(answer)) == (409, "collaboration-not-in-force")


def test_no_job_after_the_agreement_has_expired(world: World) -> None:
    agreed = world.agree()
    world.clock.advance(days=90)
    answer = world.propose(world.job(agreed, expires_ms=world.clock() + DAY_MS))
    assert (answer.status_code, code(answer)) == (409, "collaboration-not-in-force")


def test_a_job_is_signed_by_who_sends_it(world: World) -> None:
    world.agree()
    forged = dataclasses.replace(sign(world.publisher.keys, world.job()), signer="brand")
    answer = world.brand.put(f"/v1/jobs/{JOB}", {"signed": b64(encode(forged))})
    assert (answer.status_code, code(answer)) == (422, "bad-signature")


def test_a_description_belongs_to_its_path(world: World) -> None:
    world.agree()
    body = {"signed": b64(encode(sign(world.brand.keys, world.job())))}
    answer = world.brand.put(f"/v1/jobs/{'0' * 32}", body)
    assert (answer.status_code, code(answer)) == (422, "job-not-permitted")


def test_proposing_is_idempotent(world: World) -> None:
    asked = world.proposed()
    again = world.propose(asked)
    assert (again.status_code, again.json()["state"]) == (200, "proposed")
    answer = world.propose(dataclasses.replace(asked, minimum_size=60))
    assert (answer.status_code, code(answer)) == (409, "job-conflict")
    world.say(world.brand, "cancel", "changed-my-mind")
    assert world.propose(asked).json()["state"] == "cancelled"


def test_an_overdue_job_takes_no_events_before_the_sweep(world: World) -> None:
    asked = world.proposed()
    world.clock.advance(days=1)
    answer = world.say(world.publisher, "accept", acceptance=world.acceptance(asked))
    assert (answer.status_code, code(answer)) == (409, "illegal-job-event")
    assert answer.json()["state"] == "expired"


def test_accepting_needs_the_agreement_still_in_force(world: World) -> None:
    asked = world.proposed()
    second = world.collaboration(version=2)
    for who in (world.brand, world.publisher):
        body = {"signed": b64(encode(sign(who.keys, second)))}
        in_force = who.put("/v1/collaborations/spring/versions/2", body).json()["in_force"]
    assert in_force
    answer = world.say(world.publisher, "accept", acceptance=world.acceptance(asked))
    assert (answer.status_code, code(answer)) == (409, "collaboration-not-in-force")


def test_jobs_are_listed_by_revision(world_on_each: World) -> None:
    world = world_on_each
    agreed = world.agree()
    names = [f"{n:032x}" for n in (3, 1, 2)]
    for name in names:
        assert world.propose(world.job(agreed, job=name)).status_code == 201
    found = world.publisher.get("/v1/jobs").json()
    assert [view["job"] for view in found] == names
    last = found[-1]["revision"]
    assert world.publisher.get(f"/v1/jobs?after={last}").json() == []
    body = {"event": "cancel", "cause": "changed-my-mind"}
    world.brand.post(f"/v1/jobs/{names[0]}/events", body)
    changed = world.publisher.get(f"/v1/jobs?after={last}&wait=0").json()
    assert [(view["job"], view["cause"]) for view in changed] == [(names[0], "changed-my-mind")]


def test_a_receipt_is_filed_once(world_on_each: World) -> None:
    world = world_on_each
    asked = world.proposed()
    target, filing = f"/v1/jobs/{JOB}/receipt", world.receipt(asked)
    answer = world.brand.get(target)
    assert (answer.status_code, code(answer)) == (404, "unknown-receipt")
    assert world.brand.put(target, filing).status_code == 201
    assert world.publisher.put(target, filing).status_code == 200
    assert wire.ReceiptFiling(**world.publisher.get(target).json()) == filing
    other = filing.model_copy(update={"receipt": filing.receipt + b"x"})
    answer = world.brand.put(target, other)
    assert (answer.status_code, code(answer)) == (409, "receipt-conflict")


def _refused_receipts(world: World) -> list[tuple[wire.ReceiptFiling, str]]:
    asked = world.job()
    good = world.receipt(asked)
    of_another_job = world.receipt(dataclasses.replace(asked, job="f" * 32))
    swapped = dict(zip(good.signatures, reversed(good.signatures.values()), strict=True))
    alone = {"brand": good.signatures["brand"]}
    return [
        (of_another_job, "receipt-refused"),
        (good.model_copy(update={"signatures": alone}), "receipt-refused"),
        (good.model_copy(update={"signatures": swapped}), "bad-signature"),
        (good.model_copy(update={"receipt": b"no record"}), "malformed-message"),
    ]


@pytest.mark.parametrize("case", range(4))
def test_receipts_that_are_refused(world: World, case: int) -> None:
    world.proposed()
    filing, expected = _refused_receipts(world)[case]
    answer = world.brand.put(f"/v1/jobs/{JOB}/receipt", filing)
    assert (answer.status_code, code(answer)) == (422, expected)


@pytest.mark.parametrize("rho_nano", [1, 10**10])
def test_a_job_at_the_ends_of_the_price_is_taken(world: World, rho_nano: int) -> None:
    assert world.proposed(rho_nano=rho_nano).rho_nano == rho_nano


def test_a_long_acceptance_is_refused_unread(world: World) -> None:
    asked = world.proposed()
    yes = world.acceptance(asked, by="x" * MAX_ACCEPTANCE_BYTES)
    answer = world.say(world.publisher, "accept", acceptance=yes)
    assert (answer.status_code, code(answer)) == (422, "acceptance-refused")


def test_open_jobs_of_a_requester_are_bounded(world_on_each: World) -> None:
    world = world_on_each
    small = world.settings.model_copy(update={"max_open_jobs": 2})
    object.__setattr__(world.app.state.services, "settings", small)
    agreed = world.agree()
    jobs_asked = [world.job(agreed, job=f"{n:032x}") for n in range(4)]
    for asked in jobs_asked[:2]:
        assert world.propose(asked).status_code == 201
    answer = world.propose(jobs_asked[2])
    assert (answer.status_code, code(answer)) == (429, "too-many-open-jobs")
    assert answer.json()["limit"] == 2
    assert len(world.publisher.get("/v1/jobs").json()) == 2
    assert world.propose(jobs_asked[0]).status_code == 200, "the same again is no new one"
    body = {"event": "cancel", "cause": "changed-my-mind"}
    world.brand.post(f"/v1/jobs/{jobs_asked[0].job}/events", body)
    assert world.propose(jobs_asked[2]).status_code == 201, "one that has ended makes room"
    assert world.propose(jobs_asked[3]).status_code == 429
    world.clock.advance(days=1)
    later = dataclasses.replace(jobs_asked[3], expires_ms=START_MS + 2 * DAY_MS)
    assert world.propose(later).status_code == 201, "those that have expired make room unswept"
