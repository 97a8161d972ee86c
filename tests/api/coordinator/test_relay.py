"""Mailboxes: what may be put, read, acknowledged and closed, and what remains."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from coordinator.database import Database
from coordinator.wire import path_message as message_path
from protocols import cbor
from tests.support.coordinator import JOB, World, path, running_world

CLOSE = f"/v1/jobs/{JOB}/mailbox/close"
MAILBOX = f"/v1/jobs/{JOB}/mailbox"


def code(answer: Any) -> str:
    return str(answer.json()["type"]).removeprefix("urn:accord:error:")


def test_the_mailbox_is_open_from_the_proposal(world_on_each: World) -> None:
    world = world_on_each
    world.proposed()
    body = world.envelope(world.publisher, 0, b"x")
    assert world.publisher.put(path("publisher", 0), body).status_code == 201
    assert world.brand.get(path("publisher", 0)).content == body


def test_the_same_bytes_again_are_the_same_message(world: World) -> None:
    world.proposed()
    body = world.envelope(world.brand, 0, b"x")
    assert world.brand.put(path("brand", 0), body).status_code == 201
    assert world.brand.put(path("brand", 0), body).status_code == 200
    assert world.brand.get(MAILBOX).json()["sent"]["brand"] == 1


def test_two_bodies_for_one_step_get_409(world_on_each: World) -> None:
    world = world_on_each
    world.proposed()
    first, second = (world.envelope(world.brand, 0, text) for text in (b"one", b"two"))
    assert world.brand.put(path("brand", 0), first).status_code == 201
    answer = world.brand.put(path("brand", 0), second)
    assert (answer.status_code, code(answer)) == (409, "step-conflict")
    world.publisher.delete(path("brand", 0))
    answer = world.brand.put(path("brand", 0), second)
    assert (answer.status_code, code(answer)) == (409, "step-conflict")


def test_an_acknowledged_step_may_be_sent_again_with_the_same_bytes(world: World) -> None:
    world.proposed()
    body = world.envelope(world.brand, 0, b"x")
    world.brand.put(path("brand", 0), body)
    world.publisher.delete(path("brand", 0))
    assert world.brand.put(path("brand", 0), body).status_code == 200
    answer = world.publisher.get(path("brand", 0))
    assert (answer.status_code, code(answer)) == (410, "message-acknowledged")


def test_steps_come_in_order(world: World) -> None:
    world.proposed()
    answer = world.brand.put(path("brand", 1), world.envelope(world.brand, 1, b"x"))
    assert (answer.status_code, code(answer)) == (409, "step-out-of-order")
    assert answer.json()["expected"] == 0
    world.brand.put(path("brand", 0), world.envelope(world.brand, 0, b"x"))
    answer = world.brand.put(path("brand", 5), world.envelope(world.brand, 5, b"x"))
    assert answer.json()["expected"] == 1


def test_each_side_counts_its_own_steps(world: World) -> None:
    world.proposed()
    for who in (world.brand, world.publisher):
        for step in range(3):
            body = world.envelope(who, step, b"x")
            assert who.put(path(who.id, step), body).status_code == 201
    assert world.brand.get(MAILBOX).json()["sent"] == {"brand": 3, "publisher": 3}


@pytest.mark.parametrize(
    ("sender", "step", "job"),
    [("brand", 1, JOB), ("publisher", 0, JOB), ("brand", 0, "f" * 32)],
)
def test_a_header_that_disagrees_with_the_path_is_refused(
    world: World, sender: str, step: int, job: str
) -> None:
    world.proposed()
    body = world.envelope(getattr(world, sender), step, b"x", job)
    answer = world.brand.put(path("brand", 0), body)
    assert (answer.status_code, code(answer)) == (422, "misrouted-envelope")


@pytest.mark.parametrize("body", [b"", b"\x00", b"not an envelope" * 10])
def test_other_bytes_than_an_envelope_are_refused(world: World, body: bytes) -> None:
    world.proposed()
    answer = world.brand.put(path("brand", 0), body)
    assert (answer.status_code, code(answer)) == (422, "misrouted-envelope")


def test_nobody_sends_under_the_other_partys_name(world: World) -> None:
    world.proposed()
    body = world.envelope(world.publisher, 0, b"x")
    answer = world.brand.put(path("publisher", 0), body)
    assert (answer.status_code, code(answer)) == (403, "not-your-mailbox")


def test_party_cannot_read_anothers_mailbox(world: World) -> None:
    world.proposed()
    world.brand.put(path("brand", 0), world.envelope(world.brand, 0, b"x"))
    for call in (world.outsider.get, world.outsider.delete):
        answer = call(path("brand", 0))
        assert (answer.status_code, code(answer)) == (404, "unknown-job")
    for call in (world.brand.get, world.brand.delete):
        answer = call(path("brand", 0))
        assert (answer.status_code, code(answer)) == (403, "not-your-mailbox")
    assert world.outsider.get(path("outsider", 0)).status_code == 404
    assert world.publisher.get(path("brand", 0)).status_code == 200


def test_a_message_that_was_not_sent_is_no_content(world: World) -> None:
    world.proposed()
    answer = world.publisher.get(path("brand", 0) + "?wait=0")
    assert (answer.status_code, answer.content) == (204, b"")


def test_acknowledging_is_idempotent(world: World) -> None:
    world.proposed()
    answer = world.publisher.delete(path("brand", 0))
    assert (answer.status_code, code(answer)) == (404, "unknown-message")
    world.brand.put(path("brand", 0), world.envelope(world.brand, 0, b"x"))
    for _ in range(2):
        assert world.publisher.delete(path("brand", 0)).status_code == 204


def test_too_large_an_envelope_is_refused(tmp_path: Path) -> None:
    with running_world(tmp_path / "home", max_envelope_bytes=8192) as world:
        world.proposed()
        answer = world.brand.put(path("brand", 0), world.envelope(world.brand, 0, bytes(8192)))
        assert (answer.status_code, code(answer)) == (413, "envelope-too-large")
        assert answer.json()["limit_bytes"] == 8192


def test_a_full_mailbox_asks_to_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.proposed()
    small = world.settings.model_copy(update={"max_pending_bytes": 5000})
    object.__setattr__(world.app.state.services, "settings", small)
    first = world.envelope(world.brand, 0, bytes(3000))
    assert world.brand.put(path("brand", 0), first).status_code == 201
    answer = world.brand.put(path("brand", 1), world.envelope(world.brand, 1, bytes(3000)))
    assert (answer.status_code, code(answer)) == (429, "mailbox-full")
    assert answer.headers["retry-after"] == "2"
    world.publisher.delete(path("brand", 0))
    second = world.envelope(world.brand, 1, bytes(3000))
    assert world.brand.put(path("brand", 1), second).status_code == 201


def test_one_message_always_fits(world: World) -> None:
    world.proposed()
    small = world.settings.model_copy(update={"max_pending_bytes": 100})
    object.__setattr__(world.app.state.services, "settings", small)
    body = world.envelope(world.brand, 0, bytes(3000))
    assert world.brand.put(path("brand", 0), body).status_code == 201


def test_bytes_of_a_sender_are_bounded_over_all_its_jobs(world_on_each: World) -> None:
    world = world_on_each
    agreed = world.agree()
    names = [f"{n:032x}" for n in range(3)]
    for name in names:
        world.propose(world.job(agreed, job=name))
    small = world.settings.model_copy(update={"max_party_pending_bytes": 9000})
    object.__setattr__(world.app.state.services, "settings", small)
    bodies = [world.envelope(world.brand, 0, bytes(3000), name) for name in names]
    targets = [message_path(name, "brand", "publisher", 0) for name in names]
    for target, body in zip(targets[:2], bodies, strict=False):
        assert world.brand.put(target, body).status_code == 201
    answer = world.brand.put(targets[2], bodies[2])
    assert (answer.status_code, code(answer)) == (429, "mailbox-full")
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["pending_bytes"] == len(bodies[0]) + len(bodies[1])
    theirs = world.envelope(world.publisher, 0, bytes(3000), names[2])
    target = message_path(names[2], "publisher", "brand", 0)
    assert world.publisher.put(target, theirs).status_code == 201, "the bound is the sender's own"
    world.publisher.delete(targets[0])
    assert world.brand.put(targets[2], bodies[2]).status_code == 201


def test_an_envelope_is_compared_and_never_parsed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.proposed()
    body = world.envelope(world.brand, 0, b"x")
    seen: list[int] = []
    read = cbor.read
    monkeypatch.setattr(cbor, "read", lambda data: seen.append(len(data)) or read(data))
    bomb = b"\xd8\x1e\x82" + b"\xc2\x59\xff\xff" + b"\xff" * 65535 + b"\x01"
    for hostile in (bomb, b"\x9a\x00\x0f\x42\x40" + b"\x00" * 1_000_000):
        answer = world.brand.put(path("brand", 0), hostile)
        assert (answer.status_code, code(answer)) == (422, "misrouted-envelope")
    assert world.brand.put(path("brand", 0), body).status_code == 201
    assert max(seen, default=0) < len(body), "at most the enrolled keys were read"


@pytest.mark.parametrize("length", [0, 1, 40, 70])
def test_an_envelope_cut_within_its_header_is_refused(world: World, length: int) -> None:
    world.proposed()
    body = world.envelope(world.brand, 0, b"x")[:length]
    answer = world.brand.put(path("brand", 0), body)
    assert (answer.status_code, code(answer)) == (422, "misrouted-envelope")


def test_an_outsider_is_told_nothing_of_the_envelope(world: World) -> None:
    world.proposed()
    answer = world.outsider.put(path("brand", 0), b"no envelope")
    assert (answer.status_code, code(answer)) == (404, "unknown-job")
    answer = world.brand.put(path("publisher", 0), b"no envelope")
    assert (answer.status_code, code(answer)) == (403, "not-your-mailbox")


def test_closing_says_how_it_ended(world: World) -> None:
    world.proposed()
    for _ in range(2):
        answer = world.brand.post(CLOSE, {"outcome": "small-cohort"})
        assert answer.json()["outcome"] == {"brand": "small-cohort"}
    answer = world.brand.post(CLOSE, {"outcome": "completed"})
    assert (answer.status_code, code(answer)) == (409, "mailbox-closed")


def test_a_closed_side_ends_the_others_waiting(world: World) -> None:
    world.proposed()
    world.brand.put(path("brand", 0), world.envelope(world.brand, 0, b"last words"))
    world.brand.post(CLOSE, {"outcome": "small-cohort"})
    assert world.publisher.get(path("brand", 0)).status_code == 200
    answer = world.publisher.get(path("brand", 1) + "?wait=25")
    assert (answer.status_code, code(answer)) == (409, "mailbox-closed")
    assert (answer.json()["party"], answer.json()["outcome"]) == ("brand", "small-cohort")
    answer = world.publisher.put(path("publisher", 0), world.envelope(world.publisher, 0, b"x"))
    assert (answer.status_code, code(answer)) == (409, "mailbox-closed")


@pytest.mark.parametrize("outcome", ["", "Completed", "my mail is a@b.example", "a" * 65, "a--b"])
def test_an_outcome_is_a_code(world: World, outcome: str) -> None:
    world.proposed()
    answer = world.brand.post(CLOSE, {"outcome": outcome})
    assert (answer.status_code, code(answer)) == (422, "malformed-request")


def test_when_both_have_closed_only_the_summary_remains(world_on_each: World) -> None:
    world = world_on_each
    world.proposed()
    body = world.envelope(world.brand, 0, b"never read")
    world.brand.put(path("brand", 0), body)
    for who in (world.brand, world.publisher):
        who.post(CLOSE, {"outcome": "completed"})
    answer = world.publisher.get(path("brand", 0))
    assert (answer.status_code, code(answer)) == (409, "mailbox-closed")
    assert world.brand.put(path("brand", 0), body).status_code == 200
    assert world.publisher.delete(path("brand", 0)).status_code == 204
    assert world.publisher.get(MAILBOX).json() == {
        "job": JOB,
        "sent": {"brand": 1, "publisher": 0},
        "bytes": {"brand": len(body), "publisher": 0},
        "outcome": {"brand": "completed", "publisher": "completed"},
    }
    assert _everything(world.database).find(body[-200:]) == -1


def test_acknowledged_body_is_gone_from_the_database_file(world: World) -> None:
    world.proposed()
    body = world.envelope(world.brand, 0, b"sealed " * 20_000)
    marks = [body[i : i + 48] for i in range(200, len(body) - 48, 9000)]
    world.brand.put(path("brand", 0), body)
    world.database.erase_traces()
    assert all(mark in _files(world) for mark in marks), "the test must be able to see a body"
    world.publisher.delete(path("brand", 0))
    world.database.erase_traces()
    left = _files(world)
    assert not any(mark in left for mark in marks)
    assert hashlib.sha256(body).digest() in left, "the digest stays"


def _files(world: World) -> bytes:
    found = sorted(world.settings.home.glob("coordinator.db*"))
    return b"".join(file.read_bytes() for file in found)


def _everything(database: Database) -> bytes:
    """Return all bodies that a query can find, on any driver."""
    with database.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT body FROM bodies").all()
    return b"".join(bytes(row[0]) for row in rows)
