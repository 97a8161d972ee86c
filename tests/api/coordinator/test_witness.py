"""The witness over HTTP: each status of C2SP tlog-witness, what is stored, evidence of forks."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from consent.checkpoint import open_checkpoint, with_cosignatures
from consent.merkle import HashTree, leaf_hash
from consent.note import parse_vkey
from consent.witness import add_checkpoint_request
from coordinator import store, witness
from coordinator.tables import WitnessConflictRow
from coordinator.wire import CoordinatorInfo
from coordinator.witness import FORK, UNPROVEN
from tests.support.coordinator import Party, World

ORIGIN = "accord/brand/consent"


class Ledger:
    """A ledger of the brand that grows, and asks for cosignatures."""

    def __init__(self, world: World, label: str = "entry", who: Party | None = None) -> None:
        self.world, self.label, self.tree = world, label, HashTree()
        self.signer = (who or world.brand).ledger

    def grow(self, to: int) -> "Ledger":
        for n in range(self.tree.size, to):
            self.tree.append(leaf_hash(f"{self.label} {n}".encode()))
        return self

    def note(self, size: int) -> str:
        return self.signer.sign(size, self.tree.root(size))

    def request(self, old: int, size: int) -> str:
        proof = self.tree.consistency_proof(old, size) if 0 < old < size else ()
        return add_checkpoint_request(old, proof, self.note(size))

    def submit(self, old: int, size: int) -> Any:
        return post(self.world, self.request(old, size))


def post(world: World, body: str | bytes) -> Any:
    content = body if isinstance(body, bytes) else body.encode()
    return world.http.post("/witness/add-checkpoint", content=content)


def checkpoint(world: World, origin: str = ORIGIN) -> Any:
    return world.http.get(f"/witness/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint")


def conflicts(world: World) -> list[WitnessConflictRow]:
    return list(world.database.read(store.conflicts))


@pytest.fixture
def ledger(world: World) -> Ledger:
    return Ledger(world).grow(8)


def test_200_is_a_cosignature_that_verifies(world_on_each: World) -> None:
    world = world_on_each
    ledger = Ledger(world).grow(8)
    for old, size in ((0, 3), (3, 3), (3, 8)):
        answer = ledger.submit(old, size)
        assert answer.status_code == 200, answer.text
    vkey = parse_vkey(CoordinatorInfo(**world.http.get("/v1/coordinator").json()).witness_vkey)
    whole = with_cosignatures(ledger.note(8), answer.text)
    opened = open_checkpoint(whole, ledger.signer.verifier, [vkey], quorum=1)
    assert opened.cosignatures[0].seconds == world.clock() // 1000


def test_the_latest_checkpoint_is_published_with_the_cosignature(
    world: World, ledger: Ledger
) -> None:
    assert checkpoint(world).status_code == 404
    line = ledger.submit(0, 3).text
    found = checkpoint(world)
    assert (found.status_code, found.text) == (200, ledger.note(3) + line)
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    ledger.submit(3, 8)
    assert checkpoint(world).text.split("\n")[1] == "8"


def test_signatures_that_the_witness_does_not_know_are_not_published(
    world: World, ledger: Ledger
) -> None:
    foreign = world.publisher.ledger.sign(3, bytes(32)).rsplit("\n\n", 1)[1]
    body = ledger.request(0, 3) + foreign
    assert post(world, body).status_code == 200
    assert "publisher" not in checkpoint(world).text


@pytest.mark.parametrize("body", [b"", b"old", b"old x\n\n", b"\xff\xfe", b"old 0\n\nno note\n"])
def test_400_for_what_is_no_request(world: World, body: bytes) -> None:
    assert post(world, body).status_code == 400


def test_400_for_an_old_size_above_the_checkpoint(world: World, ledger: Ledger) -> None:
    ledger.submit(0, 8)
    body = add_checkpoint_request(8, (), ledger.note(3))
    assert post(world, body).status_code == 400


def test_403_without_a_valid_signature_of_the_log(world: World, ledger: Ledger) -> None:
    stranger = type(ledger.signer)(ORIGIN, bytes(32))
    body = add_checkpoint_request(0, (), stranger.sign(3, ledger.tree.root(3)))
    assert post(world, body).status_code == 403
    text, _, signature = ledger.note(3).partition("\n\n")
    changed = text.replace("\n3\n", "\n4\n") + "\n\n" + signature
    assert post(world, add_checkpoint_request(0, (), changed)).status_code == 403
    assert checkpoint(world).status_code == 404


def test_404_for_a_ledger_of_nobody_here(world: World, ledger: Ledger) -> None:
    stranger = type(ledger.signer)("accord/stranger/consent", bytes(32))
    body = add_checkpoint_request(0, (), stranger.sign(3, ledger.tree.root(3)))
    assert post(world, body).status_code == 404


def test_409_says_the_size_that_the_witness_has(world: World, ledger: Ledger) -> None:
    ledger.submit(0, 3)
    answer = ledger.submit(0, 8)
    assert (answer.status_code, answer.text) == (409, "3\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"
    assert ledger.submit(3, 8).status_code == 200


def test_422_for_a_proof_that_proves_nothing(world: World, ledger: Ledger) -> None:
    ledger.submit(0, 3)
    wrong = add_checkpoint_request(3, (bytes(32),), ledger.note(8))
    assert post(world, wrong).status_code == 422
    with_proof_from_nothing = add_checkpoint_request(0, (bytes(32),), ledger.note(8))
    other = Ledger(world, who=world.publisher).grow(8)
    assert post(world, with_proof_from_nothing).status_code == 409
    body = add_checkpoint_request(0, (bytes(32),), other.note(8))
    assert post(world, body).status_code == 422
    assert [row.kind for row in conflicts(world)] == [UNPROVEN]


def test_a_fork_is_refused_and_both_heads_are_kept(world: World, ledger: Ledger) -> None:
    ledger.submit(0, 8)
    fork = Ledger(world, "other history").grow(8)
    for _ in range(2):
        assert fork.submit(8, 8).status_code == 422
    kept = conflicts(world)
    assert [(row.origin, row.kind) for row in kept] == [(ORIGIN, FORK)]
    assert (kept[0].held.decode(), kept[0].offered.decode()) == (ledger.note(8), fork.note(8))
    assert checkpoint(world).text.startswith(ledger.note(8))


def test_a_fork_shown_with_an_old_size_is_kept_too(world: World, ledger: Ledger) -> None:
    ledger.submit(0, 8)
    assert Ledger(world, "other history").grow(8).submit(0, 8).status_code == 409
    assert [row.kind for row in conflicts(world)] == [FORK]


def test_nobody_can_accuse_a_ledger_without_its_signature(world: World, ledger: Ledger) -> None:
    ledger.submit(0, 8)
    stranger = type(ledger.signer)(ORIGIN, bytes(32))
    body = add_checkpoint_request(8, (), stranger.sign(8, bytes(32)))
    assert post(world, body).status_code == 403
    assert conflicts(world) == []


@pytest.mark.usefixtures("overlapping")
def test_of_two_histories_at_once_only_one_is_cosigned(world_on_each: World) -> None:
    """The rollback race of the specification: both are right when asked, one when stored."""
    world = world_on_each
    start = Ledger(world).grow(4)
    start.submit(0, 4)
    requests = []
    for label in ("left", "right"):
        branch = Ledger(world).grow(4)
        branch.label = label
        requests.append(branch.grow(9).request(4, 9))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda body: post(world, body).status_code, requests))
    assert sorted(answers) == [200, 409]


@pytest.mark.usefixtures("overlapping")
def test_signatures_are_checked_outside_of_the_writers_turn(world: World, ledger: Ledger) -> None:
    ledger.submit(0, 3)
    stranger = type(ledger.signer)(ORIGIN, bytes(32))
    forged = add_checkpoint_request(3, (), stranger.sign(8, bytes(32)))
    unknown = type(ledger.signer)("accord/stranger/consent", bytes(32))
    foreign = add_checkpoint_request(0, (), unknown.sign(3, bytes(32)))
    late = ledger.request(0, 8)
    with ThreadPoolExecutor(3) as pool, world.database.writing():  # nobody else can write
        asked = [pool.submit(post, world, body) for body in (forged, foreign, late)]
        assert [answer.result(20).status_code for answer in asked] == [403, 404, 409]


@pytest.mark.usefixtures("overlapping")
def test_what_was_decided_by_an_old_checkpoint_is_decided_again(
    world_on_each: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_on_each
    ledger = Ledger(world).grow(9)
    ledger.submit(0, 3)
    decide, tried = witness.decide, []

    def overtaken(*asked: Any) -> Any:
        decided = decide(*asked)
        tried.append(decided.accepted is not None)
        if len(tried) == 1:  # before it is stored, another request is
            monkeypatch.setattr(witness, "decide", decide)
            assert ledger.submit(3, 8).status_code == 200
            monkeypatch.setattr(witness, "decide", overtaken)
        return decided

    monkeypatch.setattr(witness, "decide", overtaken)
    answer = ledger.submit(3, 5)
    assert (answer.status_code, answer.text) == (409, "8\n")
    assert tried == [True, False]
    assert checkpoint(world).text.split("\n")[1] == "8", "never rolled back"


def test_evidence_against_one_ledger_is_bounded(
    world: World, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "MOST_EVIDENCE", 2)
    ledger.submit(0, 4)
    for n in range(4):
        body = add_checkpoint_request(4, (), ledger.signer.sign(8, bytes([n]) * 32))
        assert post(world, body).status_code == 422
    assert [row.kind for row in conflicts(world)] == [UNPROVEN, UNPROVEN]
    assert Ledger(world, "other history").grow(4).submit(4, 4).status_code == 422
    assert [row.kind for row in conflicts(world)].count(FORK) == 1, "room for each kind"


def test_too_large_a_request_is_refused(world: World) -> None:
    answer = post(world, b"x" * (world.settings.max_request_bytes + 1))
    assert answer.status_code == 413
