"""Parameters of a joint score: a matching, a look and its tables, two sums over who matches, and
the scores; or, by an earlier model, a matching and the scores alone.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.joint.looks import Look
from protocols.joint.widths import TABLES
from protocols.psi.params import OtParams
from protocols.sums.alignment_params import LABEL_BYTES, AlignedParams
from protocols.sums.records import SumParams

PAD_BYTES = 4
"""Of the pad that goes with each row's number, and hides its score."""


@dataclass(frozen=True, slots=True)
class LookParams(AlignedParams):
    """The matching, and the sum that looks at one feature each.

    Raises: InvalidParameter if the parts do not fit together.
    """

    KIND: ClassVar[str] = "joint-look-params/1"
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
class PairParams(AlignedParams):
    """And the sum that looks at two. Raises: as `LookParams`."""

    KIND: ClassVar[str] = "joint-pair-params/1"
    first: LookParams
    second: SumParams

    def __post_init__(self) -> None:
        self.check_room(self.first.max_items, same_chunks=True)


@dataclass(frozen=True, slots=True)
class TableParams(Record):
    """What tables may be about, and how many of the partner's columns they may be."""

    KIND: ClassVar[str] = "joint-table-params/1"
    look: Look
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.most <= TABLES or bool(self.most) != bool(self.look.fine):
            raise InvalidParameter("tables are about what is looked at, and nothing else is")


@dataclass(frozen=True, slots=True)
class ToldParams(AlignedParams):
    """And the tables. Raises: InvalidParameter if they are not about what is looked at."""

    KIND: ClassVar[str] = "joint-told-params/1"
    first: PairParams
    second: TableParams  # type: ignore[assignment] # no sum is taken

    def __post_init__(self) -> None:
        look, looked = self.second.look, (self.first.first.second, self.first.second)
        if [one.layout.one_hot for one in looked] != [look.fine, look.both]:
            raise InvalidParameter("tables are about what is looked at")


@dataclass(frozen=True, slots=True)
class WithinParams(AlignedParams):
    """And the sum of the partner's columns and their products. Raises: as `LookParams`."""

    KIND: ClassVar[str] = "joint-within-params/2"
    first: ToldParams
    second: SumParams

    def __post_init__(self) -> None:
        self.check_room(self.first.max_items, same_chunks=True)


@dataclass(frozen=True, slots=True)
class AcrossParams(AlignedParams):
    """And the sums of products of both sides' columns. Raises: as `LookParams`."""

    KIND: ClassVar[str] = "joint-across-params/2"
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

    KIND: ClassVar[str] = "joint-params/2"
    first: AcrossParams
    second: ScoreParams  # type: ignore[assignment] # the last part is no sum

    def __post_init__(self) -> None:
        across, within = self.first.second.layout, self.first.first.second.layout
        p = self.second.columns
        if len(across.dense) != p or len(within.dense) != p + p * (p + 1) // 2:
            raise InvalidParameter("the sums are over other columns than the score")
        if self.tables.most >= p:
            raise InvalidParameter("there are more tables than columns")

    @property
    def matching(self) -> OtParams:
        """How people are matched."""
        return self.first.first.first.first.first.first

    @property
    def tables(self) -> TableParams:
        """What tables may be about."""
        return self.first.first.first.second

    @property
    def sums(self) -> tuple[SumParams, ...]:
        """All that is added up: both looks, within the partner's columns, across both sides'."""
        pairs = self.first.first.first.first
        return pairs.first.second, pairs.second, self.first.first.second, self.first.second


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
