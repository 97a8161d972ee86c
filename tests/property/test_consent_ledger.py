"""What is sealed can be opened, and nothing else can; trees prove what they hold."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.compact_range import CompactRange
from consent.errors import LedgerInconsistent
from consent.events import ConsentEvent
from consent.ledger import SubjectKeys, open_entry, seal_entry
from consent.merkle import (
    EMPTY_ROOT,
    HashTree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from consent.records import payload_bytes
from tests.support.consent_strategies import consent_events
from tests.support.consents import NOON, SmallLedger, seeded
from tests.support.depth import examples


def naive_root(leaves: list[bytes]) -> bytes:
    """The definition in RFC 6962 §2.1, word for word."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(naive_root(leaves[:split]), naive_root(leaves[split:]))


@given(st.integers(0, 80))
def test_roots_are_those_of_the_definition(size: int) -> None:
    leaves = [leaf_hash(bytes([i])) for i in range(size)]
    tree, compact = HashTree(leaves), CompactRange()
    for i, leaf in enumerate(leaves):
        assert compact.append(leaf) == i
    assert tree.root() == compact.root() == naive_root(leaves)
    assert CompactRange(compact.size, compact.peaks).root() == compact.root()


@given(st.data())
def test_every_proof_that_a_tree_makes_verifies(data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([i])) for i in range(data.draw(st.integers(1, 70)))]
    tree = HashTree(leaves)
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    assert tree.root(size) == naive_root(leaves[:size])
    proof = tree.inclusion_proof(index, size)
    verify_inclusion(tree.leaf(index), index, size, proof, tree.root(size))
    verify_consistency(
        old, size, tree.consistency_proof(old, size), tree.root(old), tree.root(size)
    )


@given(st.data())
def test_a_proof_is_only_of_its_own_leaf_place_and_tree(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    tree = HashTree(leaf_hash(bytes([i])) for i in range(size))
    index = data.draw(st.integers(0, size - 1))
    proof = tree.inclusion_proof(index, size)
    other = data.draw(st.integers(0, size - 1).filter(lambda i: i != index))
    cut = data.draw(st.integers(0, len(proof) - 1))
    for leaf, place, n, hashes in (
        (tree.leaf(other), index, size, proof),
        (tree.leaf(index), other, size, proof),
        (tree.leaf(index), index, size, proof[:cut]),
        (tree.leaf(index), index, size, (*proof, b"\x00" * 32)),
    ):
        with pytest.raises(LedgerInconsistent):
            verify_inclusion(leaf, place, n, hashes, tree.root())


@settings(max_examples=examples(15))
@given(consent_events())
def test_a_sealed_event_opens_to_itself(event: ConsentEvent) -> None:
    ledger = SmallLedger()
    ledger.append(event)
    sealed = ledger.sealed[0]
    opened = open_entry(
        sealed.leaf,
        salt=sealed.salt,
        nonce=sealed.nonce,
        ciphertext=sealed.ciphertext,
        keys=ledger.keys,
        controller="brand",
    )
    assert opened == event
    assert ConsentEvent.from_payload(event.to_payload()) == event


@settings(max_examples=examples(15))
@given(consent_events(), st.data())
def test_no_changed_bit_goes_unseen(event: ConsentEvent, data: st.DataObject) -> None:
    keys = SubjectKeys.generate(seeded())
    sealed = seal_entry(event, controller="brand", keys=keys, recorded_at_ms=NOON, rng=seeded("x"))
    which = data.draw(st.sampled_from(["salt", "nonce", "ciphertext"]))
    value = bytearray(getattr(sealed, which))
    position = data.draw(st.integers(0, len(value) * 8 - 1))
    value[position // 8] ^= 1 << position % 8
    changed = replace(sealed, **{which: bytes(value)})
    with pytest.raises(LedgerInconsistent):
        open_entry(
            changed.leaf,
            salt=changed.salt,
            nonce=changed.nonce,
            ciphertext=changed.ciphertext,
            keys=keys,
            controller="brand",
        )


@settings(max_examples=examples(15))
@given(consent_events())
def test_a_leaf_holds_nothing_of_what_it_is_about(event: ConsentEvent) -> None:
    keys = SubjectKeys.generate(seeded())
    sealed = seal_entry(event, controller="brand", keys=keys, recorded_at_ms=NOON, rng=seeded("x"))
    for said in (event.subject_id, event.purpose, event.state.value, event.source_id):
        assert f'"{said}"'.encode() not in sealed.leaf
    assert payload_bytes(event) not in sealed.ciphertext
