"""Trees: what they refuse, and the odd sizes."""

import pytest

from consent.compact_range import CompactRange
from consent.errors import LedgerInconsistent
from consent.merkle import (
    EMPTY_ROOT,
    HashTree,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(bytes([i])) for i in range(8)]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert HashTree().root() == CompactRange().root() == EMPTY_ROOT
    assert HashTree(LEAVES).root(0) == EMPTY_ROOT


def test_an_index_outside_the_tree_is_refused() -> None:
    tree = HashTree(LEAVES)
    for index, size in ((8, 8), (-1, 8), (0, 0), (0, 9)):
        with pytest.raises(LedgerInconsistent):
            tree.inclusion_proof(index, size)
    with pytest.raises(LedgerInconsistent):
        tree.leaf(8)
    with pytest.raises(LedgerInconsistent):
        tree.root(9)


def test_hashes_of_another_length_are_refused() -> None:
    with pytest.raises(LedgerInconsistent):
        HashTree().append(b"short")
    with pytest.raises(LedgerInconsistent):
        CompactRange().append(b"short")
    with pytest.raises(LedgerInconsistent):
        verify_inclusion(LEAVES[0], 0, 1, (), b"short")
    with pytest.raises(LedgerInconsistent):
        verify_consistency(1, 2, (b"short",), LEAVES[0], LEAVES[0])


def test_a_stored_range_must_fit_its_size() -> None:
    with pytest.raises(LedgerInconsistent):
        CompactRange(3, [LEAVES[0]])


def test_consistency_from_nothing_wants_an_empty_proof_and_the_empty_root() -> None:
    tree = HashTree(LEAVES)
    verify_consistency(0, 8, (), EMPTY_ROOT, tree.root())
    verify_consistency(0, 0, (), EMPTY_ROOT, EMPTY_ROOT)
    for proof, old_root in (((LEAVES[0],), EMPTY_ROOT), ((), LEAVES[0])):
        with pytest.raises(LedgerInconsistent):
            verify_consistency(0, 8, proof, old_root, tree.root())


def test_a_tree_cannot_shrink() -> None:
    tree = HashTree(LEAVES)
    with pytest.raises(LedgerInconsistent):
        tree.consistency_proof(8, 7)
    with pytest.raises(LedgerInconsistent):
        verify_consistency(8, 7, (), tree.root(8), tree.root(7))


def test_one_size_has_one_root() -> None:
    tree = HashTree(LEAVES)
    verify_consistency(8, 8, (), tree.root(), tree.root())
    with pytest.raises(LedgerInconsistent):
        verify_consistency(8, 8, (), tree.root(), LEAVES[0])


def test_a_fork_is_refused() -> None:
    honest, forked = HashTree(LEAVES), HashTree([*LEAVES[:3], LEAVES[7], *LEAVES[4:]])
    for old in range(4, 8):
        with pytest.raises(LedgerInconsistent):
            verify_consistency(
                old, 8, forked.consistency_proof(old, 8), honest.root(old), forked.root()
            )
