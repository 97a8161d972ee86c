"""Made-up sets: digests of addresses, in a secret order, with a part in common that is known.

The receiver has those of the numbers 0 … n-1 and the sender those from n-common on, so the plain
intersection is the receiver's last `common` numbers.
"""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from party_node.bench.asking import Asked
from party_node.chunks import ChunkStore
from protocols import identifiers
from protocols.psi import chunks
from protocols.session import Items, Rng, Role
from protocols.shuffle import permutation


@dataclass(frozen=True, slots=True)
class MadeUp:
    """One side's set."""

    first: int
    digests: NDArray[np.uint8]
    """Shape (n, 32): row i is the digest of the address with number `first` + i."""
    cpu_seconds: float
    """What hashing the addresses took."""

    @classmethod
    def of(cls, asked: Asked, role: Role) -> "MadeUp":
        """Make the set of one side."""
        receiving = role is Role.INITIATOR
        first = 0 if receiving else asked.receiver_items - asked.common
        count = asked.receiver_items if receiving else asked.sender_items
        addresses = [f"person.{first + i:012}@example.com" for i in range(count)]
        began = time.process_time()
        digests = identifiers.digest_column("email", addresses)
        return cls(first, digests, time.process_time() - began)

    def lay_out(
        self, store: ChunkStore, chunk_items: int, rng: Rng
    ) -> tuple[Items, NDArray[np.uint32]]:
        """Write the input of a run in a secret order, as a node does; return it and the order."""
        order = permutation(rng(32), len(self.digests))
        items = Items(len(self.digests), chunk_items)
        for i in range(items.chunk_count()):
            part = self.digests[order[i * chunk_items : (i + 1) * chunk_items]]
            store.keep({chunks.own(i): np.ascontiguousarray(part).tobytes()})
        return items, order


def plain(asked: Asked, order: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the positions of the receiver's input that are in the plain intersection."""
    in_both = order >= asked.receiver_items - asked.common
    return np.flatnonzero(in_both).astype(np.uint32)
