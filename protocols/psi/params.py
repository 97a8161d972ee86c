"""What all matching protocols agree on before they start, and what they end with."""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.dp import coins
from protocols.errors import InvalidParameter

STRICT_BELOW = 10_000
"""Items; a smaller set than this asks for strict hashing."""

LARGEST_SET = 2**28
LARGEST_CHUNK = 2**17


@dataclass(frozen=True, slots=True)
class PsiParams(Record):
    """Parameters of a matching protocol; both sides must have the same.

    Raises: InvalidParameter if one is outside its range.
    """

    KIND: ClassVar[str] = "psi-params/1"
    max_items: int
    """The most items that either side may have: 1 to 2^28."""
    chunk_items: int = 65_536
    """Items in every chunk but the last: 1 to 2^17. A chunk of points has 32 bytes for each."""
    tag_bytes: int = 12
    """Bytes of a matched value, 10 to 16. Sets of n and m items have a false match with
    probability at most n·m·2^(-8·tag_bytes): with 12 bytes and a million each, 2^-56."""
    strict: bool = True
    """True: items are hashed to the curve only, and nothing of an item shows through blinding."""
    dummies: int = 0
    """Counting only: agreed dummies, all in the receiver's set, each in the sender's by the toss of
    a coin (`padding.py`). Half of them are taken off the count, which so leaves the protocol with
    noise. Even, at most 2^17."""

    def __post_init__(self) -> None:
        ranges = (
            ("max_items", self.max_items, 1, LARGEST_SET),
            ("chunk_items", self.chunk_items, 1, LARGEST_CHUNK),
            ("tag_bytes", self.tag_bytes, 10, 16),
            ("dummies", self.dummies, 0, coins.MOST),
        )
        for name, value, low, high in ranges:
            if not low <= value <= high:
                raise InvalidParameter(f"{name} is {value}, outside {low} to {high}")
        if self.dummies % 2:
            raise InvalidParameter("an odd number of dummies has no half")

    @classmethod
    def for_sizes(cls, smaller: int, larger: int) -> "PsiParams":
        """Return parameters for sets of up to these sizes: strict where one is below 10,000."""
        return cls(max_items=max(1, larger), strict=smaller < STRICT_BELOW)


@dataclass(frozen=True, slots=True)
class Cardinality(Record):
    """How many items both have.

    Without dummies an exact count, to be kept inside the node; with them it has their noise, and
    may be negative.
    """

    KIND: ClassVar[str] = "psi-cardinality/1"
    count: int


@dataclass(frozen=True, slots=True)
class Members(Record):
    """Which of the receiver's items the sender has: the chunk `matched` says which.

    `matched` is `count` positions in the receiver's `Items` order, ascending, 4 bytes each,
    little-endian.
    """

    KIND: ClassVar[str] = "psi-members/1"
    count: int


@dataclass(frozen=True, slots=True)
class SenderDone(Record):
    """The sender's end of a run: it learns the size of the receiver's set and nothing else."""

    KIND: ClassVar[str] = "psi-sender-done/1"
    peer_count: int
