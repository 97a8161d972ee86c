"""Messages and states of `dh.py`: what crosses the wire, and what survives a crash between two
steps.

Sizes: a chunk is `chunk_items` items, the last one what is left, and an empty set has no chunk. The
only secret in a state is the scalar of its `Run`.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from protocols.codec import Record
from protocols.psi.matching_run import MatchingRun
from protocols.psi.params import PsiParams, RowParams
from protocols.session import Items, Role

# Messages


@dataclass(frozen=True, slots=True)
class Opening(Record):
    """The first message of each side: proof of the same context, and the size of its set."""

    KIND: ClassVar[str] = "psi-dh-opening/1"
    check: bytes
    """32 bytes: SHA-256 over label, role, ctx and encoded parameters."""
    total: int
    """Items in the whole set; at most `max_items`."""


@dataclass(frozen=True, slots=True)
class Blinded(Record):
    """A chunk of the set of the side `by`, each point multiplied by that side's scalar."""

    KIND: ClassVar[str] = "psi-dh-blinded/1"
    by: Role
    index: int
    points: bytes
    """32 bytes for each item."""


@dataclass(frozen=True, slots=True)
class Evaluated(Record):
    """A chunk of the receiver's points after the sender's scalar, cut to tags."""

    KIND: ClassVar[str] = "psi-dh-evaluated/1"
    index: int
    tags: bytes
    """`tag_bytes` for each item: the first bytes of the little-endian u-coordinate."""


@dataclass(frozen=True, slots=True)
class Done(Record):
    """The receiver has its result."""

    KIND: ClassVar[str] = "psi-dh-done/1"


# States


@dataclass(frozen=True, slots=True)
class Run(MatchingRun):
    """What stays the same through one side's run; the scalar is secret."""

    KIND: ClassVar[str] = "psi-dh-run/2"
    OPENING_LABEL: ClassVar[bytes] = b"accord/psi-dh-opening/1\x00"
    params: PsiParams | RowParams
    """Both are named, since a record is read as exactly one of the kinds that stand here."""
    ctx: bytes
    items: Items
    scalar: bytes = field(repr=False)

    def __post_init__(self) -> None:
        self.check_input(self.scalar)

    @property
    def count_only(self) -> bool:
        """True in the cardinality protocol."""
        return isinstance(self.params, RowParams)


@dataclass(frozen=True, slots=True)
class _Progress(Record):
    run: Run
    peer_total: int
    """Items in the other side's set."""
    next: int
    """The chunk that is due."""


@dataclass(frozen=True, slots=True)
class ReceiverSending(Record):
    """The receiver sends its set; `next` is the next chunk."""

    KIND: ClassVar[str] = "psi-dh-receiver-sending/1"
    run: Run
    next: int


@dataclass(frozen=True, slots=True)
class ReceiverOpening(Record):
    """The receiver awaits the sender's opening."""

    KIND: ClassVar[str] = "psi-dh-receiver-opening/1"
    run: Run


@dataclass(frozen=True, slots=True)
class ReceiverCollecting(_Progress):
    """The receiver awaits chunk `next` of its own evaluated set; keeps `mine/…`."""

    KIND: ClassVar[str] = "psi-dh-receiver-collecting/1"


@dataclass(frozen=True, slots=True)
class ReceiverEvaluating(_Progress):
    """The receiver awaits chunk `next` of the sender's set; keeps `theirs/…`."""

    KIND: ClassVar[str] = "psi-dh-receiver-evaluating/1"


@dataclass(frozen=True, slots=True)
class SenderOpening(Record):
    """The sender awaits the receiver's opening."""

    KIND: ClassVar[str] = "psi-dh-sender-opening/1"
    run: Run


@dataclass(frozen=True, slots=True)
class SenderCollecting(_Progress):
    """The sender awaits chunk `next` of the receiver's set; cardinality keeps `held/…`."""

    KIND: ClassVar[str] = "psi-dh-sender-collecting/1"


@dataclass(frozen=True, slots=True)
class SenderReturning(_Progress):
    """Cardinality: the sender returns chunk `next` of `shuffled/…`."""

    KIND: ClassVar[str] = "psi-dh-sender-returning/1"


@dataclass(frozen=True, slots=True)
class SenderSending(_Progress):
    """The sender sends its own set; `next` is the next chunk."""

    KIND: ClassVar[str] = "psi-dh-sender-sending/1"


@dataclass(frozen=True, slots=True)
class SenderFinishing(Record):
    """The sender awaits the receiver's Done."""

    KIND: ClassVar[str] = "psi-dh-sender-finishing/1"
    run: Run
    peer_total: int


MESSAGES = (Opening, Blinded, Evaluated, Done)
STATES = (
    ReceiverSending,
    ReceiverOpening,
    ReceiverCollecting,
    ReceiverEvaluating,
    SenderOpening,
    SenderCollecting,
    SenderReturning,
    SenderSending,
    SenderFinishing,
)
