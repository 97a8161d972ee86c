"""The tree of RFC 6962: roots, inclusion proofs, consistency proofs, and their verification.

`ProofTree` makes roots and proofs for any size that a tree has passed through; where its nodes lie
is the business of who derives from it. `HashTree` keeps them all in memory, 32 bytes each;
`consent/tiled_tree.py` keeps the right edge only. Verifiers raise; none returns a bool. Sources:
RFC 6962 §2.1, RFC 9162 §2.1.3.2 and §2.1.4.2.
"""

import hashlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence

from typing_extensions import override

from consent.errors import LedgerInconsistent

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

_sha256 = hashlib.sha256


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ leaf)."""
    return _sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 ‖ left ‖ right)."""
    return _sha256(b"\x01" + left + right).digest()


def hash_leaves(leaves: Iterable[bytes]) -> list[bytes]:
    """Return the leaf hash of each leaf."""
    return [_sha256(b"\x00" + leaf).digest() for leaf in leaves]


def hash_pairs(hashes: Iterable[bytes]) -> list[bytes]:
    """Return the node above each pair, the first with the second and so on; an odd last one has
    none.
    """
    each = iter(hashes)
    return [
        _sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=False)
    ]


def require_hashes(values: Collection[bytes]) -> None:
    """Return if each value has the length of a hash.

    Raises: LedgerInconsistent.
    """
    if not set(map(len, values)) <= {HASH_BYTES}:
        raise LedgerInconsistent("a hash has 32 bytes")


class ProofTree(ABC):
    """Roots and proofs from complete nodes: the node at (level, position) is the root of the leaves
    [position · 2^level, (position + 1) · 2^level).
    """

    __slots__ = ()

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of leaves."""

    @abstractmethod
    def _node(self, level: int, position: int) -> bytes:
        """Return a node; only complete ones are asked for."""

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash at `index`.

        Raises: LedgerInconsistent if there is none.
        """
        if not 0 <= index < self.size:
            raise LedgerInconsistent("there is no such leaf")
        return self._node(0, index)

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the first `size` leaves; of all without `size`.

        Raises: LedgerInconsistent if the tree has fewer.
        """
        size = self._checked_size(self.size if size is None else size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """Return the hashes that prove leaf `index` in the tree of `size` leaves, leaf side first.

        Raises: LedgerInconsistent if index ≥ size or the tree has fewer leaves.
        """
        self._checked_size(size)
        if not 0 <= index < size:
            raise LedgerInconsistent("the leaf is not in a tree of that size")
        proof: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start = middle
        proof.reverse()
        return tuple(proof)

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Return the hashes that prove that the first `old` of `new` leaves are unchanged.

        Empty for old = new, and for old = 0, where there is nothing to prove.
        Raises: LedgerInconsistent if old > new or the tree has fewer leaves.
        """
        self._checked_size(new)
        if not 0 <= old <= new:
            raise LedgerInconsistent("the older tree is the larger one")
        if old in (0, new):
            return ()
        proof: list[bytes] = []
        start, end, whole = 0, new, True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._range(middle, end))
                end = middle
            else:
                proof.append(self._range(start, middle))
                start, whole = middle, False
        if not whole:
            proof.append(self._range(start, end))
        proof.reverse()
        return tuple(proof)

    def _checked_size(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise LedgerInconsistent("the tree does not have that many leaves")
        return size

    def _range(self, start: int, end: int) -> bytes:
        """Return the root of leaves [start, end); a whole subtree, or the right edge of one."""
        peaks: list[bytes] = []
        while start < end:
            level = (end - start).bit_length() - 1
            peaks.append(self._node(level, start >> level))
            start += 1 << level
        root = peaks.pop()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root


class HashTree(ProofTree):
    """Every complete node of the tree, level by level; 64 bytes a leaf in all."""

    __slots__ = ("_levels",)

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[bytearray] = [bytearray()]
        self.extend(leaf_hashes)

    @property
    @override
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, hash_of_leaf: bytes) -> int:
        """Add one leaf hash (32 bytes); return its index."""
        require_hashes((hash_of_leaf,))
        index = position = self.size
        self._levels[0] += hash_of_leaf
        level = 0
        while position & 1:
            below = self._levels[level]
            level += 1
            position >>= 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += _sha256(b"\x01" + below[-2 * HASH_BYTES :]).digest()
        return index

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add leaf hashes (32 bytes each) in order; all or, if one is refused, none."""
        fresh = list(leaf_hashes)
        require_hashes(fresh)
        below = self._levels[0]
        below += b"".join(fresh)
        for level in itertools.count(1):
            if len(below) < 2 * HASH_BYTES:
                return
            if level == len(self._levels):
                self._levels.append(bytearray())
            above = self._levels[level]
            above += b"".join(
                [
                    _sha256(b"\x01" + below[at : at + 2 * HASH_BYTES]).digest()
                    for at in range(2 * len(above), len(below) - HASH_BYTES, 2 * HASH_BYTES)
                ]
            )
            below = above

    @override
    def _node(self, level: int, position: int) -> bytes:
        start = position * HASH_BYTES
        return bytes(self._levels[level][start : start + HASH_BYTES])


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Return if `proof` shows the leaf at `index` of the tree with `size` leaves and this root.

    Raises: LedgerInconsistent if not (RFC 9162 §2.1.3.2).
    """
    require_hashes((leaf_hash, root, *proof))
    if not 0 <= index < size:
        raise LedgerInconsistent("the leaf is not in a tree of that size")
    fn, sn, node = index, size - 1, leaf_hash
    for sibling in proof:
        if sn == 0:
            raise LedgerInconsistent("the inclusion proof is too long")
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or node != root:
        raise LedgerInconsistent("the inclusion proof does not lead to the root")


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Return if `proof` shows that the tree of size `new` continues the tree of size `old`.

    Every tree continues the empty one: `old` = 0 wants an empty proof and the empty root.
    Raises: LedgerInconsistent if not (RFC 9162 §2.1.4.2).
    """
    require_hashes((old_root, new_root, *proof))
    if not 0 <= old <= new:
        raise LedgerInconsistent("the older tree is the larger one")
    if old in (0, new):
        _check_trivial(old, proof, old_root, new_root, same=old == new)
        return
    if not proof:
        raise LedgerInconsistent("the consistency proof is empty")
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if _replay(old, new, path) != (old_root, new_root):
        raise LedgerInconsistent("the newer tree does not continue the older one")


def _replay(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the roots of the older and the newer tree that a consistency path leads to."""
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    older = newer = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise LedgerInconsistent("the consistency proof is too long")
        if fn & 1 or fn == sn:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            newer = node_hash(newer, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise LedgerInconsistent("the consistency proof is too short")
    return older, newer


def _check_trivial(
    old: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes, *, same: bool
) -> None:
    if proof:
        raise LedgerInconsistent("this consistency proof must be empty")
    if old == 0 and old_root != EMPTY_ROOT:
        raise LedgerInconsistent("the empty tree has another root")
    if same and old_root != new_root:
        raise LedgerInconsistent("two trees of one size have different roots")


def _split(size: int) -> int:
    """Return the largest power of two below `size` (≥ 2)."""
    return 1 << ((size - 1).bit_length() - 1)
