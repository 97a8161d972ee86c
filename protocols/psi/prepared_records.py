"""Messages, states and kept chunks of `prepared.py`: what crosses the wire, what survives a crash,
what lies between runs.

A set is named by its *epoch*, 16 random bytes that stand for one key of the sender, and its
*version*, a number that grows with every change. Its digest (`tag_sets.Checksum`) shows that both
mean the same set.
"""

import enum
import hashlib
from dataclasses import dataclass, field
from typing import ClassVar

from protocols.codec import Record, encode
from protocols.errors import InvalidParameter
from protocols.job import JobDescription
from protocols.keys import PartyPublic
from protocols.psi import chunks
from protocols.psi.params import PsiParams
from protocols.psi.tag_sets import MAX_BITS, Checksum
from protocols.psi.two_sides import Blind
from protocols.session import Items, Role

EPOCH_BYTES = 16
NO_EPOCH = b""
"""Stands for the epoch of a receiver that has no set yet."""

SET, COPY, ASKED, KEPT = "set", "copy", "asked", "copy-kept"
"""Chunks: the sender's `PreparedSet` and the receiver's `HeldCopy`, laid before a run begins; how
many points a run asks about; the copy that the receiver has after it."""

_OPENING_LABEL = b"accord/psi-dh-prepared-opening/1\x00"
_SCOPE_LABEL = b"accord/psi-dh-prepared-scope/1\x00"
_EPOCH_LABEL = b"accord/psi-dh-prepared-epoch/1\x00"


def scope_of(job: JobDescription, receiver: PartyPublic, sender: PartyPublic) -> bytes:
    """Return the 32 bytes that name what one set may be used for.

    They depend on both parties' keys, collaboration, kind of job, purpose, the sender's dataset,
    identifier type and length of tags; not on the job, the version of the agreement or the
    receiver's dataset.
    """
    digest = hashlib.sha256(_SCOPE_LABEL)
    words = (job.collaboration, job.kind, job.purpose, job.sender_dataset, job.identifier)
    for part in (encode(receiver), encode(sender), *(word.encode() for word in words)):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()


def epoch_context(scope: bytes, epoch: bytes, tag_bytes: int) -> bytes:
    """Return the 32 bytes that bind hashes and tags to one epoch of one set."""
    return hashlib.sha256(_EPOCH_LABEL + scope + epoch + bytes([tag_bytes])).digest()


# What lies between runs


@dataclass(frozen=True, slots=True)
class Version(Record):
    """A version of a set, as both sides name it."""

    KIND: ClassVar[str] = "set-version/1"
    number: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class PreparedSet(Record):
    """The sender's side of a set in one version; the key is secret.

    The chunk `whole/<i:05>` is bucket i of it, `since/<number:010>` the encoded `Difference` from
    one of the `earlier` versions.
    """

    KIND: ClassVar[str] = "prepared-set/1"
    scope: bytes
    epoch: bytes
    key: bytes = field(repr=False)
    version: Version
    count: int
    earlier: tuple[Version, ...]
    """Versions of this epoch from which the difference is known."""


@dataclass(frozen=True, slots=True)
class Difference(Record):
    """What leads from an earlier version to this one; each in byte order."""

    KIND: ClassVar[str] = "set-difference/1"
    removed: bytes = field(repr=False)
    added: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HeldCopy(Record):
    """The receiver's copy of a set: the chunk `held/<i:05>` is bucket i.

    As the chunk `copy-kept` after a run: buckets of which `written` has the bit are `new/<i:05>`.
    """

    KIND: ClassVar[str] = "held-copy/1"
    scope: bytes
    epoch: bytes
    number: int
    checksum: Checksum
    tag_bytes: int
    bits: int
    written: bytes = b""
    """A bit for each bucket, lowest first: which ones this run has written."""

    def __post_init__(self) -> None:
        if not 0 <= self.bits <= MAX_BITS or not 10 <= self.tag_bytes <= 16 or self.number < 0:
            raise InvalidParameter("a copy of a set is outside its ranges")
        if len(self.written) not in (0, ((1 << self.bits) + 7) // 8):
            raise InvalidParameter("a copy of a set says of another number of buckets")

    def has_written(self, bucket: int) -> bool:
        """Tell whether this run has written that bucket."""
        return self.written != b"" and bool(self.written[bucket // 8] >> bucket % 8 & 1)


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
class Run(Record):
    """What stays the same through one side's run."""

    KIND: ClassVar[str] = "psi-dh-prepared-run/1"
    params: PsiParams
    ctx: bytes
    items: Items

    def __post_init__(self) -> None:
        if len(self.ctx) != 32:
            raise InvalidParameter("a context has 32 bytes")
        if self.items.chunk_items != self.params.chunk_items:
            raise InvalidParameter("the input is cut in other chunks than the parameters say")
        if not 0 <= self.items.count <= self.params.max_items:
            raise InvalidParameter(f"the input has more than {self.params.max_items} items")
        if self.items.count > self.params.chunk_items << MAX_BITS:
            raise InvalidParameter("the input has more items than chunks of this size can hold")

    def check_of(self, role: Role) -> bytes:
        """Return what the first message of `role` proves; it differs by role."""
        parts = (_OPENING_LABEL, role.value.encode(), self.ctx, encode(self.params))
        return hashlib.sha256(b"".join(parts)).digest()

    def chunks_of(self, total: int) -> int:
        """Return into how many chunks `total` items are cut."""
        return chunks.chunk_count(total, self.params.chunk_items)

    def length_of(self, total: int, index: int) -> int:
        """Return how many items chunk `index` of `total` has."""
        return chunks.chunk_length(total, self.params.chunk_items, index)


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
