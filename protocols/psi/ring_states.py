"""States of `ring.py`: what survives a crash between two steps.

Secret in them are the three scalars of the `Run`; of the kept chunks all, until the run has ended.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.psi.ring_records import Known, Peer, Run


@dataclass(frozen=True, slots=True)
class Greeting(Record):
    """A party says its opening to the others in turn; `next` of them have heard it."""

    KIND: ClassVar[str] = "psi-ring-greeting/1"
    run: Run
    next: int


@dataclass(frozen=True, slots=True)
class Hearing(Record):
    """A party awaits the openings of the others in turn; those of `heard` are here."""

    KIND: ClassVar[str] = "psi-ring-hearing/1"
    run: Run
    heard: tuple[Peer, ...]

    def __post_init__(self) -> None:
        if len(self.heard) >= self.run.parties - 1:
            raise InvalidParameter("nobody is left to be heard")


@dataclass(frozen=True, slots=True)
class _Progress(Record):
    known: Known
    next: int
    """The chunk that is due."""


@dataclass(frozen=True, slots=True)
class ReceiverSending(_Progress):
    """The receiver sends its list; `next` is the next chunk."""

    KIND: ClassVar[str] = "psi-ring-receiver-sending/1"


@dataclass(frozen=True, slots=True)
class ReceiverCollecting(_Progress):
    """The receiver awaits chunk `next` of its list, back from the ring; keeps `mine/…`."""

    KIND: ClassVar[str] = "psi-ring-receiver-collecting/1"


@dataclass(frozen=True, slots=True)
class SenderSending(_Progress):
    """A sender sends its list; `next` is the next chunk."""

    KIND: ClassVar[str] = "psi-ring-sender-sending/1"


@dataclass(frozen=True, slots=True)
class SenderCollecting(_Progress):
    """A sender awaits chunk `next` of its list, back from the ring; keeps `mine/…`."""

    KIND: ClassVar[str] = "psi-ring-sender-collecting/1"


@dataclass(frozen=True, slots=True)
class Relaying(Record):
    """A sender awaits chunk `next` of another's list; cardinality keeps `held/…`."""

    KIND: ClassVar[str] = "psi-ring-relaying/1"
    known: Known
    hop: int
    """The how many-th list that it passes on; the last is the receiver's."""
    next: int


@dataclass(frozen=True, slots=True)
class Returning(Record):
    """Cardinality: a sender passes on chunk `next` of `shuffled/…`."""

    KIND: ClassVar[str] = "psi-ring-returning/1"
    known: Known
    hop: int
    next: int


@dataclass(frozen=True, slots=True)
class Tabling(_Progress):
    """A sender sends chunk `next` of `table/…`."""

    KIND: ClassVar[str] = "psi-ring-tabling/1"


@dataclass(frozen=True, slots=True)
class Finishing(Record):
    """A sender awaits the receiver's Done."""

    KIND: ClassVar[str] = "psi-ring-finishing/1"
    known: Known


@dataclass(frozen=True, slots=True)
class Gathering(Record):
    """The receiver awaits chunk `next` of the table of `sender`; keeps it in `table-<sender>/…`."""

    KIND: ClassVar[str] = "psi-ring-gathering/1"
    known: Known
    sender: int
    next: int

    def __post_init__(self) -> None:
        if not 0 < self.sender < self.known.run.parties:
            raise InvalidParameter("there is no such sender")


@dataclass(frozen=True, slots=True)
class Telling(Record):
    """The receiver has its result and tells the senders in turn; `next` is the next of them."""

    KIND: ClassVar[str] = "psi-ring-telling/1"
    known: Known
    count: int
    next: int


OPENING_STATES = (Greeting, Hearing)
RECEIVER_STATES = (ReceiverSending, ReceiverCollecting, Gathering, Telling)
SENDER_STATES = (SenderSending, SenderCollecting, Relaying, Returning, Tabling, Finishing)
STATES = (*OPENING_STATES, *RECEIVER_STATES, *SENDER_STATES)
