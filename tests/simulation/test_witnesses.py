"""Whole jobs of a brand whose ledger has witnesses of its own, beside the coordinator."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from consent.audit import Outcome
from consent.bundle_files import POLICY
from consent.checkpoint import Cosigner, open_checkpoint
from consent.note import KeyType, parse_vkey
from consent.policy import parse_policy, write_policy
from party_node.evidence import bundle as evidence
from party_node.evidence.bundle_audit import audit_bundle
from party_node.evidence.files import LEDGER
from tests.support.evidence import unpacked
from tests.support.two_nodes import BRAND, PARTIES, PUBLISHER, consenting
from tests.support.witness import nobody_is_asked
from tests.support.witnessed_brand import Witnessed, witnessed_brand

PLAIN = consenting(BRAND) & consenting(PUBLISHER)


@pytest.fixture
def witnessed(tmp_path: Path) -> Iterator[Witnessed]:
    with witnessed_brand(tmp_path) as made:
        yield made


def completed(witnessed: Witnessed, job: str) -> None:
    world = witnessed.world
    assert world.job(job) == ("completed", "")
    assert world.brand.receipt(job) == world.publisher.receipt(job)
    assert set(world.brand.receipt(job)[1]) == set(PARTIES)
    assert world.publisher.activate(job) == PLAIN


def test_a_job_runs_under_a_quorum_and_the_evidence_shows_it(witnessed: Witnessed) -> None:
    world = witnessed.world
    job = world.brand.ask("audience")
    world.settle(job)
    completed(witnessed, job)
    receipt, _ = world.brand.receipt(job)
    part = receipt.part_of(BRAND)
    policy = parse_policy(witnessed.text)
    assert policy.open(part.note).size == part.head.size, "the receipt's head has its quorum"
    files = unpacked(evidence.bundle(world.brand.services))
    assert files[LEDGER + POLICY].decode() == witnessed.text
    prints = {p: world.nodes[p].services.home.keys.public().fingerprint() for p in PARTIES}
    for trusted in (None, policy):
        checks = audit_bundle(files, trusted, prints)
        assert [c for c in checks if c.outcome is Outcome.FAILED] == []


def test_an_auditor_may_ask_for_the_witness_that_they_run(witnessed: Witnessed) -> None:
    world = witnessed.world
    job = world.brand.ask("overlap")
    world.settle(job)
    brand = world.brand.services
    files = unpacked(evidence.bundle(brand))
    log, hub = parse_vkey(brand.ledger.vkey), brand.home.coordinator_witness
    key = witnessed.keys["b"]
    assert key.kind is KeyType.MLDSA44_COSIGNATURE
    mine = parse_policy(write_policy([log], {"hub": hub, "mine": key}, 2))
    failed = [c for c in audit_bundle(files, mine) if c.outcome is Outcome.FAILED]
    assert failed == []
    stranger = Cosigner("b.example/w", b"\x08" * 32, KeyType.MLDSA44_COSIGNATURE).verifier
    other = parse_policy(write_policy([log], {"hub": hub, "mine": stranger}, 2))
    failed = [c.what for c in audit_bundle(files, other) if c.outcome is Outcome.FAILED]
    assert "checkpoint" in failed


def test_the_other_party_needs_to_know_none_of_them(witnessed: Witnessed) -> None:
    """The publisher has the coordinator alone, and its bundle shows the brand's head."""
    world = witnessed.world
    job = world.brand.ask("audience")
    world.settle(job)
    publisher = world.publisher.services
    receipt, _ = world.publisher.receipt(job)
    part = receipt.part_of(BRAND)
    log = parse_vkey(witnessed.brand.services.ledger.vkey)
    assert open_checkpoint(part.note, log, [publisher.home.coordinator_witness], 1)
    checks = audit_bundle(unpacked(evidence.bundle(publisher)))
    assert [c for c in checks if c.outcome is Outcome.FAILED] == []


def test_a_dead_witness_holds_nobody_up(witnessed: Witnessed) -> None:
    witnessed.alive["b"] = False
    job = witnessed.world.brand.ask("audience")
    witnessed.world.settle(job)
    completed(witnessed, job)


def test_without_a_quorum_the_job_waits_and_no_row_is_read(witnessed: Witnessed) -> None:
    world, brand = witnessed.world, witnessed.brand
    witnessed.alive["a"] = witnessed.alive["b"] = False
    job = brand.ask("audience")
    world.settle(job, until=lambda: brand.driver.trouble == "quorum-missed")
    for _ in range(3):
        brand.turn()
    assert brand.phase(job) == "permit"
    assert brand.use(job) is not None, "the use record is written"
    assert not brand.chunk_folder(job).exists() or not list(brand.chunk_folder(job).iterdir())
    witnessed.alive["a"] = True
    world.settle(job)
    completed(witnessed, job)


def test_a_witness_that_has_seen_more_ends_the_job_before_a_row_is_read(
    witnessed: Witnessed,
) -> None:
    """The brand's node runs on a restored backup; the coordinator plays along."""
    world, brand = witnessed.world, witnessed.brand
    brand.services.witnessing.publish(1)
    with sqlite3.connect(brand.folder / BRAND / "node.db") as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    old = (brand.folder / BRAND / "node.db").read_bytes()
    brand.say("withdrawn", 12, "joint-audience")
    brand.services.witnessing.publish(brand.services.ledger.head()[0])
    nobody_is_asked()
    brand.services.witnessing.close()
    brand.db.close()
    for file in (brand.folder / BRAND).glob("node.db*"):
        file.unlink()
    (brand.folder / BRAND / "node.db").write_bytes(old)
    world.write(lambda s: s.connection().exec_driver_sql("DELETE FROM witness_heads"))
    brand.restart()
    job = brand.ask("audience")
    world.settle(job)
    assert world.job(job)[1] == "ledger-inconsistent"
    assert brand.result(job) is None
    assert not brand.chunk_folder(job).exists() or not list(brand.chunk_folder(job).iterdir())
