"""Who is who in a job of two parties and of more, and receipts that all parties agree on."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import LocalError
from protocols.job import (
    JobDescription,
    LedgerHead,
    ReceiptPart,
    RunReceipt,
    Source,
    job_hash,
)
from tests.support.described import described

TWO = described(receiver_dataset="a", senders=(Source("paper", "b"),))
THREE = dataclasses.replace(TWO, senders=(Source("paper", "b"), Source("shop", "c")))
HEAD = LedgerHead("o", 1, bytes(32), bytes(32))


def test_of_two_parties_each_has_one_other():
    assert TWO.is_of_two()
    assert (TWO.sender, TWO.sender_dataset) == ("paper", "b")
    assert (TWO.other("brand"), TWO.other("paper")) == ("paper", "brand")


def test_of_three_nobody_is_the_other():
    assert not THREE.is_of_two()
    assert THREE.parties() == ("brand", "paper", "shop")
    assert THREE.others("paper") == ("brand", "shop")
    assert [THREE.number_of(party) for party in THREE.parties()] == [0, 1, 2]
    assert [THREE.dataset_of(party) for party in THREE.parties()] == ["a", "b", "c"]
    for question in (lambda: THREE.sender, lambda: THREE.sender_dataset):
        with pytest.raises(LocalError):
            question()
    with pytest.raises(LocalError):
        THREE.other("brand")
    for job in (TWO, THREE):
        with pytest.raises(LocalError):
            job.dataset_of("stranger")


def test_what_is_asked_beside_the_match_enters_the_hash():
    asked = dataclasses.replace(THREE, question=b"x")
    assert decode(JobDescription, encode(asked)) == asked
    hashes = {job_hash(job) for job in (TWO, THREE, asked)}
    assert len(hashes) == 3


def receipt_of(n: int, between: dict[tuple[int, int], bytes]) -> RunReceipt:
    """Return a receipt in which i says of j what `between` has for (i, j)."""
    parts = tuple(
        ReceiptPart(f"p{i}", HEAD, tuple(between[i, j] for j in range(n) if j != i), ())
        for i in range(n)
    )
    return RunReceipt(bytes(32), bytes(32), parts)


def seen_alike(n: int) -> dict[tuple[int, int], bytes]:
    return {(i, j): bytes([min(i, j), max(i, j)]) for i in range(n) for j in range(n) if i != j}


@given(st.integers(2, 16), st.data())
def test_a_receipt_is_consistent_exactly_if_each_two_saw_the_same(n, data):
    between = seen_alike(n)
    assert receipt_of(n, between).is_consistent()
    at = data.draw(st.sampled_from(sorted(between)))
    assert not receipt_of(n, between | {at: b"else"}).is_consistent()


def test_a_receipt_with_a_transcript_too_few_or_too_many_is_not_consistent():
    whole = receipt_of(3, seen_alike(3))
    for change in (lambda t: t[:1], lambda t: (*t, b"more"), lambda t: ()):
        first = dataclasses.replace(whole.parts[0], transcripts=change(whole.parts[0].transcripts))
        changed = dataclasses.replace(whole, parts=(first, *whole.parts[1:]))
        assert not changed.is_consistent()
    assert whole.part_of("p1") == whole.parts[1]
    assert whole.part_of("stranger") is None
