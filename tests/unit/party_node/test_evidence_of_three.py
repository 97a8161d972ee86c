"""Evidence of runs of three parties: honest ones pass, each way to cheat fails its own check."""

import dataclasses
import functools
from collections.abc import Callable

import pytest

from coordinator.wire import RECEIPT_LABEL
from party_node.evidence import bundle as evidence
from party_node.evidence.files import RunFile, read_signatures, write_signatures
from protocols.codec import decode, encode
from protocols.job import RunReceipt
from protocols.signed import SignedBySeveral
from tests.support.evidence import Evidence, failed, relisted, run
from tests.support.three_nodes import BRAND, PUBLISHER, SHOP, THREE, three_nodes

Files = dict[str, bytes]


@functools.cache
def exported() -> Evidence:
    """Run an overlap and an audience between three nodes and export at each, once."""
    with three_nodes() as world:
        overlap, audience = world.brand.ask("overlap"), world.brand.ask("audience")
        world.settle(overlap, audience)
        return Evidence(
            overlap,
            audience,
            "",
            {p: evidence.bundle(world.nodes[p].services) for p in THREE},
            {p: world.nodes[p].services.home.keys for p in THREE},
        )


@pytest.fixture(scope="module")
def proof() -> Evidence:
    return exported()


@pytest.mark.parametrize("party", THREE)
def test_an_honest_bundle_of_three_passes_every_check(proof: Evidence, party: str) -> None:
    checks = proof.check(proof.files(party), party)
    assert failed(checks) == set()
    for job in (proof.overlap, proof.audience):
        label = f"run {job[:8]}: all parties signed the same receipt"
        (signed,) = (c for c in checks if c.what == label)
        assert all(name in signed.detail for name in THREE)
        label = f"run {job[:8]}: every other ledger holds the use record it names"
        (others,) = (c for c in checks if c.what == label)
        assert others.detail.count("witnessed") == 2


def without_a_signature(proof: Evidence, files: Files) -> Files:
    name = run(proof.overlap, RunFile.SIGNATURES)
    left = {p: s for p, s in read_signatures(files[name]).items() if p != SHOP}
    return files | {name: write_signatures(left)}


def without_an_acceptance(proof: Evidence, files: Files) -> Files:
    name = run(proof.overlap, RunFile.ACCEPTANCES)
    each = decode(SignedBySeveral, files[name]).each
    return files | {name: encode(SignedBySeveral(each[:1]))}


def with_acceptances_exchanged(proof: Evidence, files: Files) -> Files:
    name = run(proof.overlap, RunFile.ACCEPTANCES)
    each = decode(SignedBySeveral, files[name]).each
    return files | {name: encode(SignedBySeveral(each[::-1]))}


def signed_anew(proof: Evidence, files: Files, receipt: RunReceipt) -> Files:
    """Let all three sign another receipt."""
    encoded = encode(receipt)
    signatures = {party: keys.sign(RECEIPT_LABEL, encoded) for party, keys in proof.keys.items()}
    return files | {
        run(proof.overlap, RunFile.RECEIPT): encoded,
        run(proof.overlap, RunFile.SIGNATURES): write_signatures(signatures),
    }


def with_two_that_saw_something_else(proof: Evidence, files: Files) -> Files:
    """Between the publisher and the shop, of whose messages the brand knows nothing."""
    found = decode(RunReceipt, files[run(proof.overlap, RunFile.RECEIPT)])
    shop = found.parts[2]
    lied = dataclasses.replace(shop, transcripts=(shop.transcripts[0], bytes(32)))
    return signed_anew(proof, files, dataclasses.replace(found, parts=(*found.parts[:2], lied)))


def with_parts_exchanged(proof: Evidence, files: Files) -> Files:
    found = decode(RunReceipt, files[run(proof.overlap, RunFile.RECEIPT)])
    first, second, third = found.parts
    return signed_anew(proof, files, dataclasses.replace(found, parts=(first, third, second)))


SAME = "all parties signed the same receipt"
ACCEPTED = "every data owner accepted exactly this job"
ABOUT = "the receipt is about this job and these keys"


@pytest.mark.parametrize(
    ("cheat", "what"),
    [
        (without_a_signature, SAME),
        (without_an_acceptance, ACCEPTED),
        (with_acceptances_exchanged, ACCEPTED),
        (with_two_that_saw_something_else, ABOUT),
        (with_parts_exchanged, ABOUT),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_one_of_three_did_not_say_fails(
    proof: Evidence, cheat: Callable[[Evidence, Files], Files], what: str
) -> None:
    assert failed(proof.check(relisted(cheat(proof, proof.files())))) == {what}


def test_a_use_towards_a_further_party_that_is_not_recorded_fails(proof: Evidence) -> None:
    """The receipt names the use towards one of them; the others' must be in the ledger too."""
    for party, peer in ((BRAND, SHOP), (PUBLISHER, SHOP), (SHOP, PUBLISHER)):
        files = proof.files(party)
        index = index_of(files, f"{proof.overlap}-to-{peer}")
        left = {n: d for n, d in files.items() if f"/entries/{index}." not in n}
        found = failed(proof.check(relisted(left), party))
        assert "the use record of this ledger is about this job" in found


def index_of(files: Files, job: str) -> int:
    names = sorted(n for n, d in files.items() if "/entries/" in n and job.encode() in d)
    assert names, "the use towards the further party is in the bundle"
    return int(names[0].rsplit("/", 1)[1].split(".")[0])
