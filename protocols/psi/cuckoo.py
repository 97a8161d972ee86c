"""Cuckoo hashing: every item finds one of its three bins for itself alone.

**Size.** ⌈1.3·n⌉ + 512 bins for n items, and the three bins of an item always differ. Then *no*
placing exists with probability at most 2^-41, for every n from 0 to 2^23. That is proved, not
measured: by Hall's theorem a placing is missing only if some k items have k-1 bins between them,
and in the smallest such group every bin is of two items or more. The expected number of such
groups, the sum over k of C(n,k)·C(B,k-1)·S(k)/(B(B-1)(B-2))^k with the number of fitting sequences
S(k) ≤ (3k)!·min over z of (e^z-1-z)^(k-1)/z^(3k), is the bound; a test adds it up. The usual factor
1.27 (Pinkas, Schneider, Zohner 2018) is measured for small sets and extrapolated.

**Placing.** Rounds on arrays, in which all items without a bin move at once and drive out who is
there, find nearly all; the rest is placed by shortest augmenting paths, which find a placing
whenever there is one. No item is ever left out: without a placing the caller takes a fresh salt.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from protocols.ot.aes import Blocks

HASHES = 3
SPARE_BINS = 512
MAX_ROUNDS = 200
FEW = 64
"""So many items without a bin are placed one by one."""

_FREE = -1
_BITS = np.uint64(40)
_MASK = np.uint64(2**40 - 1)

Bins = NDArray[np.int32]
"""Shape (3, n): the three bins of each item."""


def bin_count(items: int) -> int:
    """Return how many bins there are for so many items."""
    return -(-13 * items // 10) + SPARE_BINS


def bins_of(hashed: Blocks, count: int) -> Bins:
    """Return the three different bins, of `count`, that each pseudorandom block says.

    The block's bits 0-39, 64-103, and 40-63 with 104-119 above them, are three numbers u, v, w
    below 2^40. The first bin is u·count >> 40; the second is v·(count-1) >> 40 among the others,
    the third w·(count-2) >> 40 among those left, each in ascending order.
    """
    low, high = hashed[:, 0], hashed[:, 1]
    third_number = (low >> _BITS) | (((high >> _BITS) << np.uint64(24)) & _MASK)
    first = _scaled(low & _MASK, count)
    second = _scaled(high & _MASK, count - 1)
    second += second >= first
    third = _scaled(third_number, count - 2)
    third += third >= np.minimum(first, second)
    third += third >= np.maximum(first, second)
    return np.stack([first, second, third]).astype(np.int32)


def place(bins: Bins, count: int) -> NDArray[np.int32] | None:
    """Return for each bin the number of the item in it, or -1; None if there is no placing."""
    table = np.full(count, _FREE, dtype=np.int32)
    turn = np.zeros(bins.shape[1], dtype=np.uint8)
    flat = bins.reshape(-1)
    size = np.int32(bins.shape[1])
    waiting = np.arange(size, dtype=np.int32)
    for _ in range(MAX_ROUNDS):
        if len(waiting) <= FEW:
            break
        wanted = flat[turn[waiting] * size + waiting]
        present = table[wanted]
        table[wanted] = waiting  # of several the last one stays
        stays = table[wanted] == waiting
        driven_out = present[stays]
        waiting = np.concatenate([waiting[~stays], driven_out[driven_out != _FREE]])
        turn[waiting] = (turn[waiting] + 1) % HASHES
    placed = all(_augment(bins, table, int(item)) for item in waiting)
    return table if placed else None


def _augment(bins: Bins, table: NDArray[np.int32], item: int) -> bool:
    """Place one more item by moving as few others as possible; return whether it can be done."""
    came_from: dict[int, int] = {}
    queue = deque([item])
    while queue:
        mover = queue.popleft()
        for spot in bins[:, mover].tolist():
            if spot in came_from:
                continue
            came_from[spot] = mover
            occupant = int(table[spot])
            if occupant == _FREE:
                _move_along(table, came_from, spot, item)
                return True
            queue.append(occupant)
    return False


def _move_along(table: NDArray[np.int32], came_from: dict[int, int], spot: int, item: int) -> None:
    """Put every item of the path that ends at the free `spot` one place further."""
    held = {int(table[p]): p for p in came_from if table[p] != _FREE}
    while True:
        mover = came_from[spot]
        left = held.get(mover)
        table[spot] = mover
        if mover == item or left is None:
            return
        spot = left


def _scaled(numbers: NDArray[np.uint64], count: int) -> NDArray[np.int64]:
    """Return number·count >> 40 for each number below 2^40; count is below 2^24."""
    return ((numbers * np.uint64(count)) >> _BITS).astype(np.int64)
