"""States of `union.py`: what survives a crash between two steps.

Secret in them are the two scalars of the `Run`; of the kept chunks all, until the run has ended.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.psi.union_records import Run


@dataclass(frozen=True, slots=True)
class _Progress(Record):
    run: Run
    peer_total: int
    """Items in the other side's set."""
    next: int
    """The chunk that is due."""


@dataclass(frozen=True, slots=True)
class InitiatorSending(Record):
    """The initiator sends its list; `next` is the next chunk."""

    KIND: ClassVar[str] = "psi-union-initiator-sending/1"
    run: Run
    next: int


@dataclass(frozen=True, slots=True)
class InitiatorOpening(Record):
    """The initiator awaits the responder's opening."""

    KIND: ClassVar[str] = "psi-union-initiator-opening/1"
    run: Run


@dataclass(frozen=True, slots=True)
class InitiatorCollecting(_Progress):
    """The initiator awaits chunk `next` of its own list evaluated; keeps tags in `mine/…`."""

    KIND: ClassVar[str] = "psi-union-initiator-collecting/1"


@dataclass(frozen=True, slots=True)
class InitiatorPooling(_Progress):
    """The initiator awaits chunk `next` of its list shuffled; keeps points in `pool/…`."""

    KIND: ClassVar[str] = "psi-union-initiator-pooling/1"


@dataclass(frozen=True, slots=True)
class InitiatorEvaluating(_Progress):
    """The initiator awaits chunk `next` of the responder's list; keeps tags in `theirs/…`."""

    KIND: ClassVar[str] = "psi-union-initiator-evaluating/1"


@dataclass(frozen=True, slots=True)
class InitiatorReturning(_Progress):
    """The initiator sends chunk `next` of `rest/…`, in which a row of zeros stands for a match."""

    KIND: ClassVar[str] = "psi-union-initiator-returning/1"


@dataclass(frozen=True, slots=True)
class InitiatorNumbering(_Progress):
    """The initiator awaits chunk `next` of the index; keeps tags in `rows/…`."""

    KIND: ClassVar[str] = "psi-union-initiator-numbering/1"


@dataclass(frozen=True, slots=True)
class ResponderOpening(Record):
    """The responder awaits the initiator's opening."""

    KIND: ClassVar[str] = "psi-union-responder-opening/1"
    run: Run


@dataclass(frozen=True, slots=True)
class ResponderEvaluating(_Progress):
    """The responder awaits chunk `next` of the initiator's list; keeps points in `pool/…`."""

    KIND: ClassVar[str] = "psi-union-responder-evaluating/1"


@dataclass(frozen=True, slots=True)
class ResponderReturning(_Progress):
    """The responder sends chunk `next` of `shuffled/…`."""

    KIND: ClassVar[str] = "psi-union-responder-returning/1"


@dataclass(frozen=True, slots=True)
class ResponderSending(_Progress):
    """The responder sends its own list; `next` is the next chunk."""

    KIND: ClassVar[str] = "psi-union-responder-sending/1"


@dataclass(frozen=True, slots=True)
class ResponderCollecting(_Progress):
    """The responder awaits chunk `next` of its own list evaluated; keeps tags in `mine/…`."""

    KIND: ClassVar[str] = "psi-union-responder-collecting/1"


@dataclass(frozen=True, slots=True)
class ResponderFilling(_Progress):
    """The responder awaits chunk `next` of the initiator's rest; keeps tags in `theirs/…`."""

    KIND: ClassVar[str] = "psi-union-responder-filling/1"


@dataclass(frozen=True, slots=True)
class ResponderNumbering(_Progress):
    """The responder sends chunk `next` of `rows/…`."""

    KIND: ClassVar[str] = "psi-union-responder-numbering/1"


@dataclass(frozen=True, slots=True)
class ResponderFinishing(Record):
    """The responder awaits the initiator's Done."""

    KIND: ClassVar[str] = "psi-union-responder-finishing/1"
    run: Run
    peer_total: int


INITIATOR_STATES = (
    InitiatorSending,
    InitiatorOpening,
    InitiatorCollecting,
    InitiatorPooling,
    InitiatorEvaluating,
    InitiatorReturning,
    InitiatorNumbering,
)
STATES = (
    *INITIATOR_STATES,
    ResponderOpening,
    ResponderEvaluating,
    ResponderReturning,
    ResponderSending,
    ResponderCollecting,
    ResponderFilling,
    ResponderNumbering,
    ResponderFinishing,
)
