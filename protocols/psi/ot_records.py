"""Messages and states of `ot.py`: what crosses the wire, and what survives a crash between two
steps.

Bulk is in chunks: the keys of the base transfers (secret), the items of each bucket, the receiver's
bins, its values, the sender's entries and values. Names end in `even` or `odd`, by bucket, so that
a step never writes over what the step before it reads, and the disk holds two buckets at most.
"""

import hashlib
from dataclasses import dataclass, field
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import (
    InvalidParameter,
    MalformedMessage,
)
from protocols.ot.base import POINT_BYTES
from protocols.ot.matrix import COLUMNS
from protocols.psi.buckets import Plan
from protocols.psi.matching_run import MatchingRun
from protocols.psi.params import OtParams
from protocols.session import Items, Role

SALT_BYTES = 16
_SESSION_LABEL = b"accord/psi-ot-session/1\x00"


# Messages


@dataclass(frozen=True, slots=True)
class Opening(Record):
    """The first message of each side: proof of the same context, size, part of the base OTs."""

    KIND: ClassVar[str] = "psi-ot-opening/1"
    check: bytes
    """32 bytes: SHA-256 over label, role, ctx and encoded parameters."""
    total: int
    """Items in the whole set; at most `max_items`."""
    points: bytes
    """32 bytes from the receiver, 448 · 32 from the sender: edwards25519, as RFC 8032 encodes."""


@dataclass(frozen=True, slots=True)
class Bucket(Record):
    """The receiver begins a bucket; the salt chooses the bins."""

    KIND: ClassVar[str] = "psi-ot-bucket/1"
    bucket: int
    salt: bytes
    """16 bytes."""


@dataclass(frozen=True, slots=True)
class Correction(Record):
    """A block of the receiver's bins: the matrix by which the sender corrects its own."""

    KIND: ClassVar[str] = "psi-ot-correction/1"
    bucket: int
    index: int
    rows: bytes
    """56 bytes for each bin, in the order of `matrix.rows_to_bytes`."""


@dataclass(frozen=True, slots=True)
class Values(Record):
    """A chunk of the sender's items in a bucket: their values in the first, second, third bin."""

    KIND: ClassVar[str] = "psi-ot-values/1"
    bucket: int
    index: int
    values: bytes
    """`tag_bytes + label_bytes` for each item in its first bin, then for each in its second, then
    for each in its third."""


@dataclass(frozen=True, slots=True)
class Done(Record):
    """The receiver has its result."""

    KIND: ClassVar[str] = "psi-ot-done/1"


# States


@dataclass(frozen=True, slots=True)
class Run(MatchingRun):
    """What stays the same through one side's run."""

    KIND: ClassVar[str] = "psi-ot-run/1"
    OPENING_LABEL: ClassVar[bytes] = b"accord/psi-ot-opening/1\x00"
    params: OtParams
    ctx: bytes
    items: Items

    def __post_init__(self) -> None:
        self.check_input()

    def check_points(self, role: Role, opening: Opening) -> None:
        """Return if the opening of the other side, in `role`, has as many points as are due.

        Raises: MalformedMessage.
        """
        due = 1 if role is Role.INITIATOR else COLUMNS
        if len(opening.points) != POINT_BYTES * due:
            raise MalformedMessage(f"{due} points are due")

    def session(self, receiver_point: bytes, sender_points: bytes) -> bytes:
        """Return the 32 bytes that every key of this run is derived from; they are no secret."""
        parts = (_SESSION_LABEL, self.ctx, receiver_point, sender_points)
        return hashlib.sha256(b"".join(parts)).digest()


@dataclass(frozen=True, slots=True)
class Session(Record):
    """A run from the openings on."""

    KIND: ClassVar[str] = "psi-ot-session/1"
    run: Run
    session: bytes
    receiver_total: int
    sender_total: int

    def __post_init__(self) -> None:
        if min(self.receiver_total, self.sender_total) < 0 or len(self.session) != 32:
            raise InvalidParameter("a session has 32 bytes and two sizes")

    def plan(self) -> Plan:
        """Return how the sets are cut into buckets."""
        return Plan.of(self.receiver_total, self.sender_total, self.run.params.bucket_items)

    def blocks(self) -> int:
        """Return into how many messages a bucket's bins are cut."""
        return -(-self.plan().bins // self.run.params.chunk_rows)

    def rows_of(self, block: int) -> int:
        """Return how many bins a block has."""
        size = self.run.params.chunk_rows
        return max(0, min(size, self.plan().bins - block * size))

    def value_chunks(self) -> int:
        """Return into how many messages a bucket's values are cut."""
        return -(-self.plan().sender_room // self.run.params.chunk_items)

    def value_bytes(self) -> int:
        """Return how many bytes the sender says of an item in a bin: its tag and sealed label."""
        return self.run.params.tag_bytes + self.run.params.label_bytes

    def values_of(self, index: int) -> int:
        """Return how many items a chunk of values is about."""
        size = self.run.params.chunk_items
        return max(0, min(size, self.plan().sender_room - index * size))


@dataclass(frozen=True, slots=True)
class ReceiverOpening(Record):
    """The receiver awaits the sender's opening; the scalar is secret."""

    KIND: ClassVar[str] = "psi-ot-receiver-opening/1"
    run: Run
    scalar: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.scalar) != 32:
            raise InvalidParameter("a scalar has 32 bytes")


@dataclass(frozen=True, slots=True)
class _Place(Record):
    session: Session
    bucket: int
    next: int
    """The block of bins, or the chunk of values, that is due."""


@dataclass(frozen=True, slots=True)
class ReceiverSending(_Place):
    """The receiver sends block `next` of a bucket's correction."""

    KIND: ClassVar[str] = "psi-ot-receiver-sending/1"


@dataclass(frozen=True, slots=True)
class ReceiverCollecting(_Place):
    """The receiver awaits chunk `next` of the sender's values in a bucket."""

    KIND: ClassVar[str] = "psi-ot-receiver-collecting/1"


@dataclass(frozen=True, slots=True)
class SenderOpening(Record):
    """The sender awaits the receiver's opening."""

    KIND: ClassVar[str] = "psi-ot-sender-opening/1"
    run: Run


@dataclass(frozen=True, slots=True)
class SenderHashing(Record):
    """The sender awaits the salt of a bucket."""

    KIND: ClassVar[str] = "psi-ot-sender-hashing/1"
    session: Session
    bucket: int


@dataclass(frozen=True, slots=True)
class SenderEvaluating(_Place):
    """The sender awaits block `next` of a bucket's correction."""

    KIND: ClassVar[str] = "psi-ot-sender-evaluating/1"


@dataclass(frozen=True, slots=True)
class SenderReturning(_Place):
    """The sender sends chunk `next` of its values in a bucket."""

    KIND: ClassVar[str] = "psi-ot-sender-returning/1"


@dataclass(frozen=True, slots=True)
class SenderFinishing(Record):
    """The sender awaits the receiver's Done."""

    KIND: ClassVar[str] = "psi-ot-sender-finishing/1"
    peer_total: int
    own_total: int


MESSAGES = (Opening, Bucket, Correction, Values, Done)
STATES = (
    ReceiverOpening,
    ReceiverSending,
    ReceiverCollecting,
    SenderOpening,
    SenderHashing,
    SenderEvaluating,
    SenderReturning,
    SenderFinishing,
)
