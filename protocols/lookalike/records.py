"""Parameters of a lookalike run: an alignment, two sums that train, the sum that evaluates."""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from protocols.errors import InvalidParameter
from protocols.psi.blinded_join_records import JoinParams
from protocols.sums.alignment_params import AlignedParams
from protocols.sums.records import SumParams


class SeedsParams(AlignedParams):
    """Base of the three: a join, and after it a sum over rows that are a seed or not."""

    __slots__ = ()

    def __post_init__(self) -> None:
        self.check_seeds()

    @property
    def join(self) -> JoinParams:
        """Parameters of the alignment."""
        found: JoinParams = self.first.join if isinstance(self.first, SeedsParams) else self.first
        return found

    def check_seeds(self) -> None:
        """Return if the sum is over rows of the join. Raises: InvalidParameter."""
        self.check_room(self.join.max_items, same_chunks=True)
        layout = self.second.layout
        if self.join.groups != 1 or layout.vectors != 1 or layout.vector_bound != 1:
            raise InvalidParameter("a row is a seed or not: there is one vector of 0 and 1")
        if self.second.to_holder:
            raise InvalidParameter("the side with the population learns the sums")


@dataclass(frozen=True, slots=True)
class SeedSumParams(SeedsParams):
    """A blinded join, and the first look: a sum over rows of the seeds that are not held out.

    Raises: InvalidParameter if the parts do not fit together.
    """

    KIND: ClassVar[str] = "lookalike-seeds-params/1"
    first: JoinParams
    second: SumParams
    hold_out_percent: int
    """Of a hundred seeds so many are held out, 1 to 99, each by a coin that the brand tosses."""

    @override
    def __post_init__(self) -> None:
        self.check_seeds()
        if not 1 <= self.hold_out_percent < 100:
            raise InvalidParameter(f"{self.hold_out_percent} of a hundred cannot be held out")


@dataclass(frozen=True, slots=True)
class TrainingSumsParams(SeedsParams):
    """That, and the second look, over the same seeds.

    Raises: InvalidParameter if the parts do not fit together.
    """

    KIND: ClassVar[str] = "lookalike-training-params/1"
    first: SeedSumParams
    second: SumParams


@dataclass(frozen=True, slots=True)
class LookalikeParams(SeedsParams):
    """The whole run. Raises: InvalidParameter if the parts do not fit together."""

    KIND: ClassVar[str] = "lookalike-params/2"
    first: TrainingSumsParams
    second: SumParams
    """Over the rows of the seeds that are held out."""

    @property
    def sums(self) -> tuple[SumParams, SumParams, SumParams]:
        """The first look, the second, and the sum that evaluates."""
        return self.first.first.second, self.first.second, self.second
