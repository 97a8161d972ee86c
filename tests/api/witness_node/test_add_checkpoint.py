"""The stand-alone witness over HTTP: each status of C2SP tlog-witness, forks, races, restarts."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.checkpoint import LogSigner, open_checkpoint, with_cosignatures
from consent.witness import add_checkpoint_request
from coordinator.witness import FORK, UNPROVEN
from coordinator.witness_node import logs
from tests.support.coordinator import FakeClock
from tests.support.depth import examples
from tests.support.witness import ORIGIN, GrowingLedger, WitnessWorld, running_witness


def test_200_is_a_cosignature_that_verifies(world: WitnessWorld, ledger: GrowingLedger) -> None:
    for old, size in ((0, 3), (3, 3), (3, 8)):
        answer = world.post(ledger.request(old, size))
        assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("— witness.example/w1 ")
    assert answer.text.count("\n") == 1
    whole = with_cosignatures(ledger.note(8), answer.text)
    opened = open_checkpoint(whole, ledger.signer.verifier, [world.verifier], quorum=1)
    assert opened.cosignatures[0].seconds == world.clock() // 1000


def test_monitors_get_the_latest_with_both_signatures(
    world: WitnessWorld, ledger: GrowingLedger
) -> None:
    assert world.checkpoint().status_code == 404
    line = world.post(ledger.request(0, 3)).text
    found = world.checkpoint()
    assert (found.status_code, found.text) == (200, ledger.note(3) + line)
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    line = world.post(ledger.request(3, 8)).text
    assert world.checkpoint().text == ledger.note(8) + line


@pytest.mark.parametrize("path", ["/x/checkpoint", f"/{'F' * 64}/checkpoint", "/%00/checkpoint"])
def test_404_for_a_checkpoint_of_nothing(world: WitnessWorld, path: str) -> None:
    assert world.http.get(path).status_code == 404


@pytest.mark.parametrize("body", [b"", b"old", b"old x\n\n", b"\xff\xfe", b"old 0\n\nno note\n"])
def test_400_for_what_is_no_request(world: WitnessWorld, body: bytes) -> None:
    assert world.post(body).status_code == 400


def test_400_for_an_old_size_above_the_checkpoint(
    world: WitnessWorld, ledger: GrowingLedger
) -> None:
    world.post(ledger.request(0, 8))
    assert world.post(add_checkpoint_request(8, (), ledger.note(3))).status_code == 400


def test_403_without_a_valid_signature_of_a_trusted_key(
    world: WitnessWorld, ledger: GrowingLedger
) -> None:
    stranger = LogSigner(ORIGIN, bytes(32))
    body = add_checkpoint_request(0, (), stranger.sign(3, ledger.tree.root(3)))
    assert world.post(body).status_code == 403
    text, _, signature = ledger.note(3).partition("\n\n")
    changed = text.replace("\n3\n", "\n4\n") + "\n\n" + signature
    assert world.post(add_checkpoint_request(0, (), changed)).status_code == 403
    assert world.checkpoint().status_code == 404


def test_404_for_a_ledger_that_is_not_trusted(world: WitnessWorld) -> None:
    other = GrowingLedger(origin="accord.example/stranger").grow(3)
    assert world.post(other.request(0, 3)).status_code == 404


def test_409_says_the_size_that_the_witness_has(world: WitnessWorld, ledger: GrowingLedger) -> None:
    world.post(ledger.request(0, 3))
    answer = world.post(ledger.request(0, 8))
    assert (answer.status_code, answer.text) == (409, "3\n")
    assert answer.headers["content-type"] == "text/x.tlog.size"
    assert world.post(ledger.request(3, 8)).status_code == 200


def test_422_for_a_proof_that_proves_nothing(world: WitnessWorld, ledger: GrowingLedger) -> None:
    from_nothing = add_checkpoint_request(0, (bytes(32),), ledger.note(8))
    assert world.post(from_nothing).status_code == 422
    wrong_empty = add_checkpoint_request(0, (), ledger.signer.sign(0, bytes(32)))
    assert world.post(wrong_empty).status_code == 422
    world.post(ledger.request(0, 3))
    assert world.post(add_checkpoint_request(3, (bytes(32),), ledger.note(8))).status_code == 422


def test_two_checkpoints_of_one_size_are_refused_and_both_are_kept(
    world: WitnessWorld, ledger: GrowingLedger
) -> None:
    world.post(ledger.request(0, 8))
    fork = GrowingLedger("another past").grow(8)
    for old in (8, 8, 0):
        assert world.post(fork.request(old, 8)).status_code == (422 if old else 409)
    (kept,) = world.conflicts()
    assert (kept.origin, kept.kind) == (ORIGIN, FORK)
    assert (kept.held.decode(), kept.offered.decode()) == (ledger.note(8), fork.note(8))
    for note in (kept.held, kept.offered):
        assert open_checkpoint(note, ledger.signer.verifier).size == 8, "needs no trust in us"
    assert world.checkpoint().text.startswith(ledger.note(8))


def test_a_rollback_is_refused_and_what_grew_from_it_is_kept(
    world: WitnessWorld, ledger: GrowingLedger
) -> None:
    """An old backup is restored and goes on: first it is too short, then it does not continue."""
    world.post(ledger.request(0, 8))
    restored = GrowingLedger().grow(5).grow(9, "after the backup")
    assert world.post(restored.request(5, 6)).text == "8\n"
    assert world.post(restored.request(8, 9)).status_code == 422
    (kept,) = world.conflicts()
    assert (kept.kind, kept.offered.decode()) == (UNPROVEN, restored.note(9))
    assert kept.held.decode() == ledger.note(8)
    assert world.checkpoint().text.startswith(ledger.note(8))


@pytest.mark.usefixtures("overlapping")
def test_of_two_histories_at_once_only_one_is_cosigned(
    world_on_each: WitnessWorld, ledger: GrowingLedger
) -> None:
    """The rollback race of the specification: both are right when asked, one when stored."""
    world = world_on_each
    world.post(ledger.request(0, 4))
    bodies = [
        GrowingLedger().grow(4).grow(size, label).request(4, size)
        for label, size in (("left", 7), ("right", 9))
    ]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda body: world.post(body).status_code, bodies))
    assert sorted(answers) == [200, 409]
    kept = world.checkpoint().text.split("\n")[1]
    assert kept == ("7" if answers[0] == 200 else "9")


@pytest.mark.usefixtures("overlapping")
def test_many_at_once_never_roll_the_witness_back(
    world_on_each: WitnessWorld, ledger: GrowingLedger
) -> None:
    """Each asks for its own size and, when it is late, asks again from the size it is told."""

    def insist(size: int) -> list[int]:
        old, told = 0, []
        for _ in range(20):
            if old > size:
                return told
            answer = world_on_each.post(ledger.request(old, size))
            if answer.status_code == 200:
                return [*told, size]
            assert answer.status_code == 409
            old = int(answer.text)
            told.append(old)
        raise AssertionError("it never settles")

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(insist, range(2, 10)))
    assert all(told == sorted(told) for told in seen)
    assert world_on_each.checkpoint().text.split("\n")[1] == "9"


def test_a_restarted_witness_goes_on_where_it_was(tmp_path: Path, ledger: GrowingLedger) -> None:
    with running_witness(tmp_path / "w") as world:
        world.trust(ledger.vkey)
        world.post(ledger.request(0, 5))
    with running_witness(tmp_path / "w") as world:
        assert world.post(ledger.request(0, 8)).text == "5\n"
        assert world.post(ledger.request(5, 8)).status_code == 200


def test_a_ledger_may_have_two_keys_while_it_rotates(
    world: WitnessWorld, ledger: GrowingLedger
) -> None:
    world.post(ledger.request(0, 3))
    fresh = GrowingLedger(seed=b"\x02" * 32).grow(8)
    assert world.post(fresh.request(3, 8)).status_code == 403
    world.trust(fresh.vkey)
    assert world.post(fresh.request(3, 5)).status_code == 200
    both = fresh.request(5, 8) + ledger.note(8).rpartition("\n\n")[2]
    assert world.post(both).status_code == 200
    published = world.checkpoint().text
    for key in (ledger.signer.verifier, fresh.signer.verifier):
        assert open_checkpoint(published, key, [world.verifier], 1).size == 8


def test_a_ledger_that_comes_back_must_continue(world: WitnessWorld, ledger: GrowingLedger) -> None:
    world.post(ledger.request(0, 8))
    removed = world.database.write(lambda s: logs.remove(s, ORIGIN))
    assert list(removed) == [ledger.vkey]
    assert world.post(ledger.request(8, 9)).status_code == 404
    world.trust(ledger.vkey)
    assert world.post(GrowingLedger("another past").grow(8).request(0, 8)).status_code == 409
    assert world.post(ledger.request(8, 9)).status_code == 200


def test_witnesses_know_ledgers_apart(world: WitnessWorld, ledger: GrowingLedger) -> None:
    other = GrowingLedger(origin="accord.example/publisher", seed=b"\x05" * 32).grow(4)
    world.trust(other.vkey)
    world.post(ledger.request(0, 8))
    assert world.post(other.request(0, 4)).status_code == 200
    assert world.checkpoint(other.signer.origin).text.split("\n")[1] == "4"
    assert world.checkpoint().text.split("\n")[1] == "8"


def test_foreign_signatures_are_not_published(world: WitnessWorld, ledger: GrowingLedger) -> None:
    foreign = LogSigner("accord.example/x", b"\x07" * 32).sign(3, bytes(32)).rpartition("\n\n")[2]
    assert world.post(ledger.request(0, 3) + foreign).status_code == 200
    assert "accord.example/x" not in world.checkpoint().text


def test_too_large_a_body_is_refused(world: WitnessWorld) -> None:
    assert world.post(b"x" * 1_000_001).status_code == 413


def test_there_is_nothing_else(world: WitnessWorld) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/openapi.json"),
        ("GET", "/v1/parties/brand"),
        ("POST", "/witness/add-checkpoint"),
    ):
        assert world.http.request(method, path).status_code == 404, path
    assert world.http.put("/add-checkpoint").status_code == 405


def test_health_says_whether_it_can_cosign(world: WitnessWorld) -> None:
    assert world.http.get("/healthz").json() == {"status": "alive"}
    assert world.http.get("/readyz").json()["status"] == "ready"
    with world.database.writing() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    answer = world.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["schema"] == "unknown-schema"


def test_the_time_of_a_cosignature_is_when_it_was_made(
    tmp_path: Path, ledger: GrowingLedger
) -> None:
    clock = FakeClock()
    with running_witness(tmp_path / "w", clock) as world:
        world.trust(ledger.vkey)
        times = []
        for _ in range(2):
            clock.advance(hours=1)
            note = with_cosignatures(ledger.note(3), world.post(ledger.request(3, 3)
                                     if times else ledger.request(0, 3)).text)  # fmt: skip
            opened = open_checkpoint(note, ledger.signer.verifier, [world.verifier], 1)
            times.append(opened.cosignatures[0].seconds)
    assert times[1] - times[0] == 3600


def test_the_path_names_the_origin_by_its_hash(world: WitnessWorld, ledger: GrowingLedger) -> None:
    world.post(ledger.request(0, 3))
    digest = hashlib.sha256(ORIGIN.encode()).hexdigest()
    assert world.http.get(f"/{digest}/checkpoint").status_code == 200


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(body=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_body_is_answered_and_none_breaks(world: WitnessWorld, body: bytes) -> None:
    assert world.post(body).status_code == 400


@settings(max_examples=examples(38), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_flipped_bit_of_a_request_is_cosigned(
    world: WitnessWorld, ledger: GrowingLedger, data: st.DataObject
) -> None:
    if world.checkpoint().status_code == 404:
        world.post(ledger.request(0, 3))
    body = bytearray(ledger.request(3, 8).encode())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= 1 << data.draw(st.integers(0, 7))
    assert world.post(bytes(body)).status_code in (400, 403, 404, 409, 422)
    assert world.checkpoint().text.split("\n")[1] == "3"
