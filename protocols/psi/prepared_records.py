"""Messages and states of `prepared.py`: what crosses the wire, and what survives a crash between
two steps.
"""

import enum
from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.groups import Points, points_from_bytes
from protocols.psi import chunks
from protocols.psi.matching_run import MatchingRun
from protocols.psi.params import PreparedParams
from protocols.psi.prepared_kept import HeldCopy, Version
from protocols.psi.tag_sets import MAX_BITS
from protocols.psi.two_sides import Blind, slots
from protocols.session import Items

# Messages


@dataclass(frozen=True, slots=True)
class Opening(Record):
    """The receiver's first message: proof of the same context, and the size of its set."""

    KIND: ClassVar[str] = "psi-dh-prepared-opening/1"
    check: bytes
    """32 bytes: SHA-256 over label, role, ctx and encoded parameters."""
    total: int
    """Items that the receiver asks about; at most `max_items`."""


@dataclass(frozen=True, slots=True)
class Holding(Record):
    """What the receiver has kept from an earlier run."""

    KIND: ClassVar[str] = "psi-dh-prepared-holding/1"
    epoch: bytes
    """Empty if it has nothing."""
    version: Version


@dataclass(frozen=True, slots=True)
class Offer(Record):
    """The sender's first message: the set that this run is about, and how much of it follows."""

    KIND: ClassVar[str] = "psi-dh-prepared-offer/1"
    check: bytes
    epoch: bytes
    version: Version
    total: int
    """Tags in the set; at most `max_items`."""
    whole: bool
    """True: the whole set follows. False: the difference to what the receiver holds."""
    removed: int
    added: int
    """Tags of the difference; both 0 with `whole`."""


class What(enum.StrEnum):
    """What a part consists of."""

    WHOLE = "whole"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Part(Record):
    """A piece of the set, in byte order: bucket `index` of the whole, or a chunk of a difference.

    A difference is numbered through: first what is removed, then what is added.
    """

    KIND: ClassVar[str] = "psi-dh-prepared-part/1"
    what: What
    index: int
    tags: bytes


@dataclass(frozen=True, slots=True)
class Asked(Record):
    """A chunk of the receiver's set, blinded: as many points on the curve as on its twist."""

    KIND: ClassVar[str] = "psi-dh-prepared-asked/1"
    index: int
    curve: bytes
    twist: bytes
    """Each 32 bytes for each of `slots(items of the chunk)`."""


@dataclass(frozen=True, slots=True)
class Answered(Record):
    """The same points after the sender's key."""

    KIND: ClassVar[str] = "psi-dh-prepared-answered/1"
    index: int
    curve: bytes
    twist: bytes


@dataclass(frozen=True, slots=True)
class Done(Record):
    """The receiver has its result."""

    KIND: ClassVar[str] = "psi-dh-prepared-done/1"


# States


@dataclass(frozen=True, slots=True)
class Run(MatchingRun):
    """What stays the same through one side's run."""

    KIND: ClassVar[str] = "psi-dh-prepared-run/1"
    OPENING_LABEL: ClassVar[bytes] = b"accord/psi-dh-prepared-opening/1\x00"
    params: PreparedParams
    ctx: bytes
    items: Items

    def __post_init__(self) -> None:
        self.check_input()
        if self.items.count > self.params.chunk_items << MAX_BITS:
            raise InvalidParameter("the input has more items than chunks of this size can hold")


def both_sides(run: Run, total: int, message: Asked | Answered, due: int) -> tuple[Points, Points]:
    """Return the points of both sides of a chunk that is due, of as many as it must have.

    Raises: UnexpectedMessage, MalformedMessage.
    """
    size = 32 * slots(run.length_of(total, due))
    for data in (message.curve, message.twist):
        chunks.check_chunk(message.index, due, data, size)
    return points_from_bytes(message.curve), points_from_bytes(message.twist)


@dataclass(frozen=True, slots=True)
class ReceiverHolding(Record):
    """The receiver says what it holds."""

    KIND: ClassVar[str] = "psi-dh-prepared-receiver-holding/1"
    run: Run


@dataclass(frozen=True, slots=True)
class ReceiverOffered(Record):
    """The receiver awaits the sender's offer."""

    KIND: ClassVar[str] = "psi-dh-prepared-receiver-offered/1"
    run: Run


@dataclass(frozen=True, slots=True)
class ReceiverFetching(Record):
    """The receiver awaits part `next` of the set; keeps `new/…` or `part/…`."""

    KIND: ClassVar[str] = "psi-dh-prepared-receiver-fetching/1"
    run: Run
    offer: Offer
    copy: HeldCopy
    """What is there so far; of a difference nothing is applied before all of it is there."""
    next: int


@dataclass(frozen=True, slots=True)
class Questions(Record):
    """What the receiver needs to ask and to compare; the scalars are secret."""

    KIND: ClassVar[str] = "psi-dh-prepared-questions/1"
    run: Run
    copy: HeldCopy
    curve: Blind
    twist: Blind


@dataclass(frozen=True, slots=True)
class ReceiverAsking(Record):
    """The receiver sends chunk `next` of its questions; keeps `sides/…`."""

    KIND: ClassVar[str] = "psi-dh-prepared-receiver-asking/1"
    questions: Questions
    next: int


@dataclass(frozen=True, slots=True)
class ReceiverCollecting(Record):
    """The receiver awaits chunk `next` of the answers; keeps `mine/…`."""

    KIND: ClassVar[str] = "psi-dh-prepared-receiver-collecting/1"
    questions: Questions
    next: int


@dataclass(frozen=True, slots=True)
class SenderOpening(Record):
    """The sender awaits the receiver's opening."""

    KIND: ClassVar[str] = "psi-dh-prepared-sender-opening/1"
    run: Run


@dataclass(frozen=True, slots=True)
class SenderOffering(Record):
    """The sender awaits what the receiver holds."""

    KIND: ClassVar[str] = "psi-dh-prepared-sender-offering/1"
    run: Run
    total: int


@dataclass(frozen=True, slots=True)
class SenderSupplying(Record):
    """The sender sends part `next` of the set, or of what leads there from version `since`."""

    KIND: ClassVar[str] = "psi-dh-prepared-sender-supplying/1"
    run: Run
    total: int
    since: int | None
    """None: the whole set."""
    next: int


@dataclass(frozen=True, slots=True)
class SenderAnswering(Record):
    """The sender awaits chunk `next` of the receiver's questions."""

    KIND: ClassVar[str] = "psi-dh-prepared-sender-answering/1"
    run: Run
    total: int
    next: int


@dataclass(frozen=True, slots=True)
class SenderFinishing(Record):
    """The sender awaits the receiver's Done."""

    KIND: ClassVar[str] = "psi-dh-prepared-sender-finishing/1"
    run: Run
    total: int


MESSAGES = (Opening, Holding, Offer, Part, Asked, Answered, Done)
STATES = (
    ReceiverHolding,
    ReceiverOffered,
    ReceiverFetching,
    ReceiverAsking,
    ReceiverCollecting,
    SenderOpening,
    SenderOffering,
    SenderSupplying,
    SenderAnswering,
    SenderFinishing,
)
