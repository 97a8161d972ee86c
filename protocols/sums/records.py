"""What both routes of an aligned sum take and give: parameters, input, result, noise."""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.errors import InvalidParameter
from protocols.sums.layout import SumLayout


@dataclass(frozen=True, slots=True)
class SumParams(Record):
    """Parameters of an aligned sum; both sides must have the same.

    Raises: InvalidParameter.
    """

    KIND: ClassVar[str] = "sum-params/1"
    layout: SumLayout
    to_holder: bool
    """True: the side with the vectors learns the sums, and the side with the matrix adds the noise.
    False: the side with the matrix learns them, and the side with the vectors adds the noise. The
    receiver always faces noise that it does not know."""
    sigma_milli: tuple[int, ...]
    """Scale of the discrete Gaussian noise of each column, in thousandths, the same for every
    vector; 0 for none, which only benchmarks and tests ask for."""

    def __post_init__(self) -> None:
        if len(self.sigma_milli) != self.layout.columns:
            raise InvalidParameter("each column has a scale of noise")
        if not all(0 <= s < 2**40 for s in self.sigma_milli):
            raise InvalidParameter("a scale of noise is from 0 to 2^40 thousandths")


@dataclass(frozen=True, slots=True)
class AlignedRows(Record):
    """The private input of an aligned sum: chunks as `layout.py` says, over `count` rows."""

    KIND: ClassVar[str] = "aligned-rows/1"
    count: int
    chunk_rows: int


@dataclass(frozen=True, slots=True)
class Sums(Record):
    """What the receiver learns: `Xᵀy` with noise, vector by vector."""

    KIND: ClassVar[str] = "sums/1"
    rows: int
    vectors: int
    values: tuple[int, ...]
    """Of vector 0 all columns, then of vector 1, …"""


@dataclass(frozen=True, slots=True)
class SumsGiven(Record):
    """The other side's result: nothing but that it is done, over how many rows."""

    KIND: ClassVar[str] = "sums-given/1"
    rows: int
