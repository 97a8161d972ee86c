"""Parameters of a joint score: a matching, two sums over who matches, and the scores; or, by an
earlier model, a matching and the scores alone.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.psi.params import OtParams
from protocols.sums.alignment_params import LABEL_BYTES, AlignedParams
from protocols.sums.records import SumParams

PAD_BYTES = 4
"""Of the pad that goes with each row's number, and hides its score."""


@dataclass(frozen=True, slots=True)
class WithinParams(AlignedParams):
    """The matching, and the sum of the partner's columns and their products.

    Raises: InvalidParameter if the parts do not fit together.
    """

    KIND: ClassVar[str] = "joint-within-params/1"
    first: OtParams
    second: SumParams
    hold_out_percent: int
    """Of a hundred people who match so many do not train but judge, 1 to 90, each by a coin that
    the brand tosses."""

    def __post_init__(self) -> None:
        self.check_room(self.first.max_items, same_chunks=True)
        if self.first.label_bytes != LABEL_BYTES + PAD_BYTES:
            raise InvalidParameter("a label is a row's number and a pad")
        if not 1 <= self.hold_out_percent <= 90:
            raise InvalidParameter(f"{self.hold_out_percent} of a hundred cannot be held out")


@dataclass(frozen=True, slots=True)
class AcrossParams(AlignedParams):
    """And the sums of products of both sides' columns. Raises: as `WithinParams`."""

    KIND: ClassVar[str] = "joint-across-params/1"
    first: WithinParams
    second: SumParams

    def __post_init__(self) -> None:
        self.check_room(self.first.max_items, same_chunks=True)


@dataclass(frozen=True, slots=True)
class ScoreParams(Record):
    """How many weights are sent, and how many rows a message of scores has at most."""

    KIND: ClassVar[str] = "joint-score-params/1"
    columns: int
    chunk_rows: int

    def __post_init__(self) -> None:
        if not (1 <= self.columns <= 4096 and 1 <= self.chunk_rows <= 2**17):
            raise InvalidParameter("there are 1 to 4,096 columns, and 1 to 2^17 rows in a message")


@dataclass(frozen=True, slots=True)
class JointParams(AlignedParams):
    """The whole run. Raises: InvalidParameter if the parts do not fit together."""

    KIND: ClassVar[str] = "joint-params/1"
    first: AcrossParams
    second: ScoreParams  # type: ignore[assignment] # the last part is no sum

    def __post_init__(self) -> None:
        across, within = self.first.second.layout, self.first.first.second.layout
        p = self.second.columns
        if len(across.dense) != p or len(within.dense) != p + p * (p + 1) // 2:
            raise InvalidParameter("the sums are over other columns than the score")


@dataclass(frozen=True, slots=True)
class JointAgainParams(AlignedParams):
    """A run by an earlier model. Raises: InvalidParameter if the parts do not fit together."""

    KIND: ClassVar[str] = "joint-again-params/1"
    first: OtParams
    second: ScoreParams  # type: ignore[assignment] # no sum is taken

    def __post_init__(self) -> None:
        if self.first.label_bytes != LABEL_BYTES + PAD_BYTES:
            raise InvalidParameter("a label is a row's number and a pad")
        if self.first.chunk_items != self.second.chunk_rows:
            raise InvalidParameter("rows are cut in other chunks than items")
