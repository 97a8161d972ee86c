"""A tree that only grows: O(log n) state, one root, no proofs (RFC 6962 §2.1)."""

from collections.abc import Sequence

from consent.errors import LedgerInconsistent
from consent.merkle import EMPTY_ROOT, HASH_BYTES, node_hash, require_hashes


class CompactRange:
    """The roots of the perfect subtrees that a tree of this size consists of, largest first."""

    __slots__ = ("_peaks", "_size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """Start from a stored range.

        Raises: LedgerInconsistent if a tree of that size does not have that many peaks.
        """
        if size < 0 or len(peaks) != size.bit_count() or any(len(p) != HASH_BYTES for p in peaks):
            raise LedgerInconsistent("the stored range does not fit its size")
        self._size, self._peaks = size, list(peaks)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """What must be stored to go on appending later."""
        return tuple(self._peaks)

    def append(self, hash_of_leaf: bytes) -> int:
        """Add one leaf hash (32 bytes); return its index."""
        require_hashes((hash_of_leaf,))
        peaks, index, node = self._peaks, self._size, hash_of_leaf
        merges = index
        while merges & 1:
            node = node_hash(peaks.pop(), node)
            merges >>= 1
        peaks.append(node)
        self._size = index + 1
        return index

    def root(self) -> bytes:
        """Return the root of the tree so far."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root
