"""States of `blinded_join.py`: what survives a crash between two steps, and how far it is.

The only secret in a state is the scalar of its `JoinRun`; of the kept chunks all are secret.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import LocalError
from protocols.psi.blinded_join_records import JoinRun
from protocols.session import Progress


@dataclass(frozen=True, slots=True)
class BrandSending(Record):
    """The brand sends its groups; `next` is the next chunk."""

    KIND: ClassVar[str] = "join-blinded-brand-sending/1"
    run: JoinRun
    next: int


@dataclass(frozen=True, slots=True)
class BrandOpening(Record):
    """The brand awaits the partner's opening."""

    KIND: ClassVar[str] = "join-blinded-brand-opening/1"
    run: JoinRun


@dataclass(frozen=True, slots=True)
class _AtBrand(Record):
    run: JoinRun
    rows: int
    """The partner's rows."""
    next: int
    """The chunk that is due."""


@dataclass(frozen=True, slots=True)
class BrandCollecting(_AtBrand):
    """The brand awaits chunk `next` of its own items evaluated; keeps `mine/…`."""

    KIND: ClassVar[str] = "join-blinded-brand-collecting/1"


@dataclass(frozen=True, slots=True)
class BrandEvaluating(_AtBrand):
    """The brand awaits chunk `next` of the partner's rows; keeps `theirs/…`."""

    KIND: ClassVar[str] = "join-blinded-brand-evaluating/1"


@dataclass(frozen=True, slots=True)
class PartnerOpening(Record):
    """The partner awaits the brand's opening."""

    KIND: ClassVar[str] = "join-blinded-partner-opening/1"
    run: JoinRun


@dataclass(frozen=True, slots=True)
class _AtPartner(Record):
    run: JoinRun
    groups: tuple[int, ...]
    """How many rows the brand's groups have."""
    next: int
    """The chunk that is due."""


@dataclass(frozen=True, slots=True)
class PartnerCollecting(_AtPartner):
    """The partner awaits chunk `next` of the brand's items; keeps `held/…`."""

    KIND: ClassVar[str] = "join-blinded-partner-collecting/1"


@dataclass(frozen=True, slots=True)
class PartnerReturning(_AtPartner):
    """The partner returns chunk `next` of `shuffled/…`."""

    KIND: ClassVar[str] = "join-blinded-partner-returning/1"


@dataclass(frozen=True, slots=True)
class PartnerSending(_AtPartner):
    """The partner sends its own rows; `next` is the next chunk."""

    KIND: ClassVar[str] = "join-blinded-partner-sending/1"


@dataclass(frozen=True, slots=True)
class PartnerFinishing(_AtPartner):
    """The partner awaits the brand's Done."""

    KIND: ClassVar[str] = "join-blinded-partner-finishing/1"


STATES = (
    BrandSending,
    BrandOpening,
    BrandCollecting,
    BrandEvaluating,
    PartnerOpening,
    PartnerCollecting,
    PartnerReturning,
    PartnerSending,
    PartnerFinishing,
)


def progress(state: Record) -> Progress:
    """Return how far the side in this state is: each multiplies every item of both lists once.

    Raises: LocalError for no state of the blinded join.
    """
    match state:
        case BrandSending(run, index):
            return Progress(_of(run, run.items.count, index), run.items.count, per_peer_row=1)
        case BrandOpening(run):
            return Progress(run.items.count, run.items.count, per_peer_row=1)
        case BrandCollecting(run, rows):
            return Progress(run.items.count, run.items.count + run.listed(rows))
        case BrandEvaluating(run, rows, index):
            total = run.listed(rows)
            return Progress(run.items.count + _of(run, total, index), run.items.count + total)
        case PartnerOpening(run):
            return Progress(0, run.items.count, per_peer_row=1)
        case PartnerCollecting(run, groups, index):
            total = run.listed(sum(groups))
            return Progress(_of(run, total, index), run.items.count + total)
        case PartnerReturning(run, groups):
            total = run.listed(sum(groups))
            return Progress(total, run.items.count + total)
        case PartnerSending(run, groups, index) | PartnerFinishing(run, groups, index):
            total = run.listed(sum(groups))
            done = total + _of(run, run.items.count, index)
            return Progress(done, run.items.count + total)
        case _:
            raise LocalError("this is no state of the blinded join")


def _of(run: JoinRun, total: int, chunks: int) -> int:
    return min(total, chunks * run.params.chunk_items)
