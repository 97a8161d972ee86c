"""Proof files: that a leaf is in a witnessed log, offline."""

from dataclasses import replace

import pytest

from consent.errors import BadSignature, LedgerInconsistent, MalformedRecord
from consent.proof import Proof, parse_proof, verify_proof
from tests.support.consents import SmallLedger, event


def ledger(size: int = 7) -> SmallLedger:
    small = SmallLedger()
    for _ in range(size):
        small.append(event())
    return small


def test_a_proof_is_read_as_it_was_written_and_verifies() -> None:
    small = ledger()
    for index in range(7):
        proof = small.proof(index)
        assert parse_proof(proof.encode()) == proof
        opened = verify_proof(proof, small.sealed[index].leaf_hash, small.policy())
        assert (opened.size, opened.root) == (7, small.tree.root())


def test_extra_data_is_kept_and_proves_nothing() -> None:
    small = ledger()
    proof = replace(small.proof(3), extra=b"\x00\xff")
    assert parse_proof(proof.encode().encode()) == proof
    verify_proof(proof, small.sealed[3].leaf_hash, small.policy())


def test_another_leaf_or_another_place_is_refused() -> None:
    small = ledger()
    with pytest.raises(LedgerInconsistent):
        verify_proof(small.proof(3), small.sealed[4].leaf_hash, small.policy())
    with pytest.raises(LedgerInconsistent):
        verify_proof(replace(small.proof(3), index=4), small.sealed[3].leaf_hash, small.policy())


def test_a_checkpoint_without_its_witnesses_is_refused() -> None:
    small = ledger()
    lonely = small.proof(3, small.checkpoint(cosigned_by=["auditor"]))
    with pytest.raises(BadSignature):
        verify_proof(lonely, small.sealed[3].leaf_hash, small.policy(2))
    verify_proof(lonely, small.sealed[3].leaf_hash, small.policy(1))


def test_an_older_checkpoint_proves_what_it_held() -> None:
    small = ledger()
    verify_proof(small.proof(3, small.checkpoint(4)), small.sealed[3].leaf_hash, small.policy())
    with pytest.raises(LedgerInconsistent):
        small.proof(4, small.checkpoint(4))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"),
        ("index 3", "index 03"),
        ("index 3", "index"),
        ("index 3\n", ""),
        ("index 3", "extra AB\nindex 3"),
        ("index 3\n", "index 3\nAAAA\n"),
        ("index 3\n", "index 3\n" + ("A" * 43 + "=\n") * 64),
        ("\n\n", "\n"),
        ("\n7\n", "\n07\n"),
    ],
)
def test_what_is_no_proof_is_refused(old: str, new: str) -> None:
    text = ledger().proof(3).encode()
    assert old in text
    with pytest.raises(MalformedRecord):
        parse_proof(text.replace(old, new, 1))


def test_a_proof_that_has_no_text_is_not_written() -> None:
    small = ledger()
    with pytest.raises(MalformedRecord):
        Proof(0, (b"short",), small.checkpoint()).encode()
    with pytest.raises(MalformedRecord):
        Proof(-1, (), small.checkpoint()).encode()
