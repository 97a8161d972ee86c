"""How the sets of `psi-ot` are cut into buckets, so that memory is bounded by a bucket.

Only the cutting itself holds a whole set: about 60 bytes an item, once, at the opening.

Both sides compute the same `Plan` from public numbers: the sizes of both sets and the bucket size.
An item goes to the bucket that its pseudorandom block says. How many items a bucket really has
would tell something about a set, so each is filled up to a public bound: the receiver's by the
number of bins, which depends on the bound only, the sender's with random values.

**Bound.** With n items in K buckets the mean is μ = ⌈n/K⌉, and the bound μ + t + 2 with
t = L/3 + √(L²/9 + 2·L·μ), L = 30 + ⌈log2 K⌉ (rounded up, never above n). By Bernstein's inequality
a bucket has more with probability at most e^-L, and any of them with at most 2^-42. Then the run
ends with `HashingFailed`, before anything but its size has left; a new run has other buckets.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from protocols.errors import HashingFailed
from protocols.groups import Points as Digests
from protocols.ot.aes import Blocks, Permutation, derive_key
from protocols.psi.cuckoo import bin_count


@dataclass(frozen=True, slots=True)
class Plan:
    """What both sides know about the buckets of a run."""

    buckets: int
    """0 if a set is empty: then there is nothing to compare."""
    bins: int
    """Bins of the receiver in each bucket."""
    receiver_room: int
    """The most items of the receiver in a bucket."""
    sender_room: int
    """Items of the sender in each bucket, with those that fill it up."""

    @classmethod
    def of(cls, receiver: int, sender: int, bucket_items: int) -> "Plan":
        """Return the plan for sets of these sizes."""
        if min(receiver, sender) == 0:
            return cls(0, 0, 0, 0)
        buckets = -(-max(receiver, sender) // bucket_items)
        room = bound(receiver, buckets)
        return cls(buckets, bin_count(room), room, bound(sender, buckets))


def bound(items: int, buckets: int) -> int:
    """Return how many items a bucket has room for."""
    if buckets == 1:
        return items
    mean = -(-items // buckets)
    log = 30 + (buckets - 1).bit_length()
    more = log // 3 + 1 + math.isqrt(log * log // 9 + 1 + 2 * log * mean) + 1
    return min(items, mean + more + 2)


def blocks_of(session: bytes, digests: Digests) -> Blocks:
    """Return a pseudorandom block for each digest (rows of 32 bytes), bound to the session.

    The block is E(E(d0) ⊕ d1) for the halves d0 and d1 of the digest. Two digests share one with
    probability 2^-128.
    """
    permutation = Permutation(derive_key(session, "item"))
    halves = np.ascontiguousarray(digests).view("<u8").reshape(-1, 4)
    blocks = permutation(halves[:, :2])
    blocks ^= halves[:, 2:]
    return permutation(blocks)


def split(blocks: Blocks, buckets: int, room: int) -> list[NDArray[np.uint32]]:
    """Return the positions of each bucket's items, ascending.

    The bucket of a block is h·K >> 32 for the top 32 bits h of its second word.
    Raises: HashingFailed if one has more than `room`.
    """
    if buckets == 1:
        return [np.arange(len(blocks), dtype=np.uint32)]
    bucket = ((blocks[:, 1] >> np.uint64(32)) * np.uint64(buckets)) >> np.uint64(32)
    order = np.argsort(bucket.astype(np.uint16), kind="stable").astype(np.uint32)
    counts = np.bincount(bucket.astype(np.intp), minlength=buckets)
    if int(counts.max()) > room:
        raise HashingFailed
    return np.split(order, np.cumsum(counts)[:-1])
