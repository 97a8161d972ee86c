"""What a `joint` job asks: which columns of either side describe people, and what is to be told.

Both sides make the parameters of the run from it (`params_for`). The receiver has the labels and
gets the scores; the sender's columns enter by sums alone.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.dp import budget
from protocols.errors import InvalidParameter
from protocols.joint import looks, moments
from protocols.joint.looks import Look
from protocols.joint.records import (
    AcrossParams,
    JointParams,
    LookParams,
    PairParams,
    ScoreParams,
    TableParams,
    ToldParams,
    WithinParams,
)
from protocols.joint.widths import MOST_COLUMNS, widths
from protocols.lookalike.features import FeatureSpecification
from protocols.psi.params import OtParams
from protocols.sums.alignment_params import LABEL_BYTES
from protocols.sums.segments import Segments

PEOPLE, PEOPLE_OF_MANY_COLUMNS = 2**22, 2**18
"""On a side, at most: with many columns two sums of fewer people share a ciphertext."""
_FEW_SUMS = 1000
HOLD_OUT_PERCENT = 20


@dataclass(frozen=True, slots=True)
class Joint(Record):
    """One question. Raises: InvalidParameter if no model can be made by it."""

    KIND: ClassVar[str] = "joint/1"
    ours_dataset: str
    """The receiver's dataset."""
    ours: FeatureSpecification
    wanted: Segments
    """Who of the receiver's people has the label: a filter over its own columns, in one group."""
    theirs_dataset: str
    theirs: FeatureSpecification
    rho_nano: int
    """What the job costs: revealing who matches is charged by it, and noise is scaled by it."""
    noise: bool
    """True: half of the price is for noise in either sum, so that moments are differentially
    private for the sender's people, and nothing is looked at. False: all sums are exact."""

    def __post_init__(self) -> None:
        if self.wanted.by or self.wanted.value or self.wanted.where is None:
            raise InvalidParameter("the label is a filter over one's own columns")
        if not 0 < self.rho_nano <= budget.MAX_RELEASE_NANO:
            raise InvalidParameter("a release costs more than rho 0 and at most rho 10")
        if self.noise and self.rho_nano < 2:
            raise InvalidParameter("so low a price cannot be halved")
        for columns in (self.own_columns, self.their_columns):
            if columns > MOST_COLUMNS:
                raise InvalidParameter(
                    f"features become {columns} columns, and {MOST_COLUMNS} is the most of one "
                    "side: leave some out, or state fewer categories"
                )

    @property
    def own_columns(self) -> int:
        """How many columns the receiver's features become."""
        return sum(widths(self.ours))

    @property
    def their_columns(self) -> int:
        """How many columns the sender's features become, tables among them."""
        return sum(widths(self.theirs, self.base_room)) + self.tables

    @property
    def look(self) -> Look:
        """What is looked at before a model is fitted."""
        return looks.NOTHING if self.noise else looks.look_of(self.theirs)

    @property
    def tables(self) -> int:
        """How many of the sender's columns are kept for tables."""
        return 0 if self.noise else looks.tables_for(self.theirs)

    @property
    def base_room(self) -> int:
        """How many columns the sender's features may become without tables."""
        return MOST_COLUMNS - self.tables


def room_for(own: int, theirs: int) -> int:
    """Return how many people on a side there is room for, with so many columns."""
    within, across = theirs * (theirs + 3) // 2, (1 + own) * theirs
    return PEOPLE if max(within, across) <= _FEW_SUMS else PEOPLE_OF_MANY_COLUMNS


def params_for(asked: Joint) -> JointParams:
    """Return the parameters by which nodes run a question; a person brings one identifier."""
    each = asked.rho_nano // 2 if asked.noise else 0
    p, q = asked.their_columns, asked.own_columns
    most = room_for(q, p)
    first = OtParams(max_items=most, chunk_items=moments.CHUNK_ROWS, label_bytes=2 * LABEL_BYTES)
    one, two = looks.params_of(asked.look, most)
    pairs = PairParams(LookParams(first, one, HOLD_OUT_PERCENT), two)
    told = ToldParams(pairs, TableParams(asked.look, asked.tables))
    within = WithinParams(told, moments.within_params(p, most, each))
    across = AcrossParams(within, moments.across_params(p, q, most, each))
    return JointParams(across, ScoreParams(p, moments.CHUNK_ROWS))
