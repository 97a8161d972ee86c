"""What all matching protocols agree on before they start, and what they end with."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Self

from typing_extensions import override

from protocols.codec import Record
from protocols.dp import coins
from protocols.errors import InvalidParameter

STRICT_BELOW = 10_000
"""Items; a smaller set than this asks for strict hashing."""

LARGEST_SET = 2**28
LARGEST_CHUNK = 2**17
LARGEST_ROW = 16

JOB_PEOPLE = 2**24
"""People on a side of a job that a node asks for, if each brings an identifier of each type."""

JOB_CHUNK_ITEMS = 2**15
"""Items in a chunk of a job by psi-dh that a node asks for."""


class MatchingParams(Record):
    """What a node asks of the parameters of any matching protocol, whichever fields they have."""

    __slots__ = ()
    max_items: int
    """The most items that either side may have."""
    chunk_items: int
    """Items in every chunk of the input but the last."""
    tag_bytes: int
    """Bytes of a matched value."""
    per_person: int = 1
    """Items in a row of the receiver's set, where it has rows."""
    dummies: int = 0
    """Agreed dummies in a set that is counted."""

    @classmethod
    def for_job(cls, types: int = 1, per_person: int = 0) -> Self:
        """Return the parameters that a node proposes where people are matched by so many types.

        `per_person` is how many identifiers a person brings at most, where that is limited.
        """
        raise NotImplementedError

    def smallest_chunk(self) -> int:
        """Return the fewest items for which a side may have to send a whole message."""
        return self.chunk_items

    def are_of(self, protocol: str) -> bool:
        """Return whether the protocol of that name, which has this record, runs with these."""
        return True

    def hides_in_small_sets(self) -> bool:
        """Return whether nothing about an item shows, however small the sets are."""
        return True

    def strictly(self) -> Self:
        """Return the same parameters, such that nothing shows in small sets either."""
        return self


def _room(types: int, per_person: int) -> int:
    return min(JOB_PEOPLE * max(types, per_person, 1), LARGEST_SET)


def _check_ranges(*ranges: tuple[str, int, int, int]) -> None:
    for name, value, low, high in ranges:
        if not low <= value <= high:
            raise InvalidParameter(f"{name} is {value}, outside {low} to {high}")


@dataclass(frozen=True, slots=True)
class PsiParams(MatchingParams):
    """Parameters of matching by Diffie–Hellman; both sides must have the same.

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

    def __post_init__(self) -> None:
        _check_ranges(
            ("max_items", self.max_items, 1, LARGEST_SET),
            ("chunk_items", self.chunk_items, 1, LARGEST_CHUNK),
            ("tag_bytes", self.tag_bytes, 10, 16),
        )

    @classmethod
    def for_sizes(cls, smaller: int, larger: int) -> "PsiParams":
        """Return parameters for sets of up to these sizes: strict where one is below 10,000."""
        return cls(max_items=max(1, larger), strict=smaller < STRICT_BELOW)

    @classmethod
    @override
    def for_job(cls, types: int = 1, per_person: int = 0) -> Self:
        """Return the parameters that a node proposes: not strict, until it knows the sizes."""
        return cls(_room(types, per_person), JOB_CHUNK_ITEMS, strict=False)

    @override
    def hides_in_small_sets(self) -> bool:
        """Return whether items are hashed to the curve only."""
        return self.strict

    @override
    def strictly(self) -> Self:
        """Return the same parameters with items hashed to the curve itself: slower."""
        return dataclasses.replace(self, strict=True)


@dataclass(frozen=True, slots=True)
class OtParams(MatchingParams):
    """Parameters of matching by OT extension; both sides must have the same.

    Raises: InvalidParameter if one is outside its range.
    """

    KIND: ClassVar[str] = "psi-ot-params/1"
    max_items: int
    """The most items that either side may have: 1 to 2^28."""
    chunk_items: int = 65_536
    """Items in every chunk of the input, and of the sender's values, but the last: 1 to 2^17. A
    chunk of values has three tags for each."""
    tag_bytes: int = 12
    """Bytes of a value, 10 to 16. Sets of n and m items have a false match with probability at most
    n·m·2^(-8·tag_bytes): with 12 bytes and a million each, 2^-56."""
    chunk_rows: int = 65_536
    """Bins in every message of the receiver but the last, 56 bytes each: 1 to 16 times 4,096."""
    bucket_items: int = 2**20
    """Larger sets are cut into buckets of about so many items, which bounds memory: 16 to 2^22, and
    such that `max_items` gives at most 2^16 buckets."""
    label_bytes: int = 0
    """Bytes of what the sender says of each common item: 0 where only members are matched, else 1
    to 16."""

    def __post_init__(self) -> None:
        _check_ranges(
            ("max_items", self.max_items, 1, LARGEST_SET),
            ("chunk_items", self.chunk_items, 1, LARGEST_CHUNK),
            ("tag_bytes", self.tag_bytes, 10, 16),
            ("chunk_rows", self.chunk_rows, 4096, 65_536),
            ("chunk_rows modulo 4096", self.chunk_rows % 4096, 0, 0),
            ("bucket_items", self.bucket_items, 16, 2**22),
            ("label_bytes", self.label_bytes, 0, 16),
        )
        _check_ranges(("buckets", -(-self.max_items // self.bucket_items), 1, 2**16))

    @classmethod
    @override
    def for_job(cls, types: int = 1, per_person: int = 0) -> Self:
        """Return the parameters that a node proposes."""
        return cls(_room(types, per_person))

    @override
    def smallest_chunk(self) -> int:
        """Return the fewest items for which a side may have to send a whole message.

        A bucket costs both sides several messages.
        """
        return min(self.chunk_items, self.chunk_rows, self.bucket_items // 16)

    @override
    def are_of(self, protocol: str) -> bool:
        """Return whether labels are said exactly in the protocol for them."""
        return (self.label_bytes > 0) == protocol.startswith("psi-ot-labelled/")


@dataclass(frozen=True, slots=True)
class PreparedParams(MatchingParams):
    """Parameters of matching against a prepared set; both sides must have the same.

    There is no `strict`: decoys hide on which side of the curve an item lies, in sets of any size.
    Raises: InvalidParameter if one is outside its range.
    """

    KIND: ClassVar[str] = "psi-dh-prepared-params/1"
    max_items: int
    """The most items that either side may have: 1 to 2^28."""
    chunk_items: int = 65_536
    """Items in every chunk of the receiver but the last, and tags in a bucket of the set on
    average: 1 to 2^17. A chunk of points has a little more than 32 bytes for each."""
    tag_bytes: int = 12
    """Bytes of a tag, 10 to 16. Sets of n and m items have a false match with probability at most
    n·m·2^(-8·tag_bytes): with 12 bytes, 10,000 against 10 million, 2^-59."""

    def __post_init__(self) -> None:
        _check_ranges(
            ("max_items", self.max_items, 1, LARGEST_SET),
            ("chunk_items", self.chunk_items, 1, LARGEST_CHUNK),
            ("tag_bytes", self.tag_bytes, 10, 16),
        )

    @classmethod
    @override
    def for_job(cls, types: int = 1, per_person: int = 0) -> Self:
        """Return the parameters that a node proposes."""
        return cls(_room(types, per_person), 2**15)


@dataclass(frozen=True, slots=True)
class RowParams(PsiParams):
    """Parameters of a protocol that counts people who may have several items each.

    The receiver's input is rows of `per_person` items, one row for each person: position i is of
    row i // per_person. A person with fewer has random digests beside them, which match nothing.
    """

    KIND: ClassVar[str] = "psi-row-params/1"
    per_person: int = 1
    """Items that one person brings at most, on either side: 1 to 16. So one person more or less
    among the sender's changes the count by at most this."""
    dummies: int = 0
    """Agreed dummies, all in the receiver's set, each in the sender's by the toss of a coin
    (`padding.py`). Half of them are taken off the count, which so leaves the protocol with noise.
    Even, at most 2^17; only where a person brings one item: rows that match twice are no dummies,
    and their number would have no noise."""

    @override
    def __post_init__(self) -> None:
        PsiParams.__post_init__(self)
        if not 1 <= self.per_person <= LARGEST_ROW:
            raise InvalidParameter(f"per_person is {self.per_person}, outside 1 to {LARGEST_ROW}")
        if self.per_person > self.max_items:
            raise InvalidParameter("one person may bring more items than a whole side")
        _check_ranges(("dummies", self.dummies, 0, coins.MOST if self.per_person == 1 else 0))
        if self.dummies % 2:
            raise InvalidParameter("an odd number of dummies has no half")

    @classmethod
    @override
    def for_job(cls, types: int = 1, per_person: int = 0) -> Self:
        """Return the parameters that a node proposes: a row has as many items as there are types,
        unless it is said otherwise.
        """
        each = per_person or max(types, 1)
        return cls(_room(types, per_person), JOB_CHUNK_ITEMS, strict=False, per_person=each)


@dataclass(frozen=True, slots=True)
class Cardinality(Record):
    """How many of the receiver's rows match.

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
class Labelled(Record):
    """Which of the receiver's items the sender has, and what it says of each: chunks say both.

    `matched` is as in `Members`; `labels` has `label_bytes` for each of these positions, in their
    order.
    """

    KIND: ClassVar[str] = "psi-labelled/2"
    count: int
    label_bytes: int
    peer_count: int
    """Items of the sender."""


@dataclass(frozen=True, slots=True)
class SenderDone(Record):
    """The sender's end of a run: it learns the size of the receiver's set and nothing else."""

    KIND: ClassVar[str] = "psi-sender-done/1"
    peer_count: int
