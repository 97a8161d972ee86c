"""Parameters, result and messages of `union.py`, and what stays the same through a run.

Sizes: each side's list is its items and the dummies' places, never empty, in chunks of
`chunk_items`, the last one what is left.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.psi import union_noise
from protocols.psi.matching_run import MatchingRun
from protocols.psi.params import LARGEST_CHUNK, LARGEST_SET
from protocols.session import Items, Role


@dataclass(frozen=True, slots=True)
class UnionParams(Record):
    """Parameters of the union index; both sides must have the same.

    Raises: InvalidParameter if one is outside its range.
    """

    KIND: ClassVar[str] = "psi-union-params/1"
    max_items: int
    """The most items that either side may have: 1 to 2^28."""
    chunk_items: int = 65_536
    """Items in every chunk but the last: 1 to 2^17. A chunk of points has 32 bytes for each."""
    tag_bytes: int = 12
    """Bytes of a row's tag, 10 to 16. An index of r rows has two equal tags by accident, and the
    run fails, with probability below r²·2^(-8·tag_bytes): with 12 bytes and 2 million, 2^-54."""
    dummies: int = 10_097
    """1 to 2^16. What the initiator learns of the number of matches is (ε, δ)-differentially
    private as `union_noise.delta` says; as many as stand here, for ε = 0.1 and δ = 10^-9."""

    def __post_init__(self) -> None:
        ranges = (
            ("max_items", self.max_items, 1, LARGEST_SET),
            ("chunk_items", self.chunk_items, 1, LARGEST_CHUNK),
            ("tag_bytes", self.tag_bytes, 10, 16),
            ("dummies", self.dummies, 1, union_noise.LARGEST_NUMBER),
        )
        for name, value, low, high in ranges:
            if not low <= value <= high:
                raise InvalidParameter(f"{name} is {value}, outside {low} to {high}")


@dataclass(frozen=True, slots=True)
class UnionIndex(Record):
    """The common index: both sides get the same number of rows, and each where its own items are.

    The kept chunk `index` has, for each own item in the order of the run's `Items`, the number of
    its row: 4 bytes, little-endian, from 0. An item of both has the same row on both sides.
    """

    KIND: ClassVar[str] = "psi-union-index/1"
    rows: int
    """Always the items of both sides and twice the dummies, however many match."""
    count: int
    """Own items."""


# Messages


@dataclass(frozen=True, slots=True)
class Opening(Record):
    """The first message of each side: proof of the same context, and the size of its set."""

    KIND: ClassVar[str] = "psi-union-opening/1"
    check: bytes
    """32 bytes: SHA-256 over label, role, ctx and encoded parameters."""
    total: int
    """Items in the whole set, without the dummies; at most `max_items`."""


@dataclass(frozen=True, slots=True)
class _Chunk(Record):
    index: int
    points: bytes
    """32 bytes for each item."""


@dataclass(frozen=True, slots=True)
class Blinded(Record):
    """A chunk of the list of the side `by`, multiplied by that side's first scalar."""

    KIND: ClassVar[str] = "psi-union-blinded/1"
    by: Role
    index: int
    points: bytes
    """32 bytes for each item."""


@dataclass(frozen=True, slots=True)
class Evaluated(Record):
    """A chunk of the other side's list, in its order, after both scalars of the side `by`."""

    KIND: ClassVar[str] = "psi-union-evaluated/1"
    by: Role
    index: int
    points: bytes
    """32 bytes for each item."""


@dataclass(frozen=True, slots=True)
class Shuffled(_Chunk):
    """A chunk of the initiator's list, after the first scalars of both, in the responder's order"""

    KIND: ClassVar[str] = "psi-union-shuffled/1"


@dataclass(frozen=True, slots=True)
class Rest(_Chunk):
    """A chunk of that list with a blank for each match, after the initiator's second scalar."""

    KIND: ClassVar[str] = "psi-union-rest/1"


@dataclass(frozen=True, slots=True)
class Rows(Record):
    """A chunk of the index: the tags of all its rows, ascending."""

    KIND: ClassVar[str] = "psi-union-rows/1"
    index: int
    tags: bytes
    """`tag_bytes` for each row: the first bytes of the u-coordinate after all four scalars."""


@dataclass(frozen=True, slots=True)
class Done(Record):
    """The initiator has its index."""

    KIND: ClassVar[str] = "psi-union-done/1"


# What stays the same


@dataclass(frozen=True, slots=True)
class Run(MatchingRun):
    """What stays the same through one side's run; the scalars are secret."""

    KIND: ClassVar[str] = "psi-union-run/1"
    OPENING_LABEL: ClassVar[bytes] = b"accord/psi-union-opening/1\x00"
    params: UnionParams
    ctx: bytes
    items: Items
    first: bytes = field(repr=False)
    """The scalar under which lists can be compared."""
    second: bytes = field(repr=False)
    """The scalar that leads on from there to the rows of the index."""

    def __post_init__(self) -> None:
        self.check_input(self.first, self.second)

    def listed(self, total: int) -> int:
        """Return how long the list of a side with `total` items is: each dummy has a place."""
        return total + self.params.dummies

    def rows(self, peer_total: int) -> int:
        """Return how many rows the index has."""
        return self.listed(self.items.count) + self.listed(peer_total)


MESSAGES = (Opening, Blinded, Evaluated, Shuffled, Rest, Rows, Done)
