"""Parameters of a lookalike run: an alignment, two sums that train, the sum that evaluates."""

from dataclasses import dataclass
from typing import ClassVar

from protocols.errors import InvalidParameter
from protocols.psi.blinded_join_records import JoinParams
from protocols.sums.alignment_params import AlignedParams
from protocols.sums.records import SumParams


@dataclass(frozen=True, slots=True)
class SeedSumParams(AlignedParams):
    """A blinded join, and the first look: a sum over rows of the seeds that are not held out.

    Raises: InvalidParameter if the parts do not fit together.
    """

    KIND: ClassVar[str] = "lookalike-seeds-params/1"
    first: JoinParams
    second: SumParams
    hold_out_percent: int
    """Of a hundred seeds so many are held out, 1 to 99, each by a coin that the brand tosses."""

    def __post_init__(self) -> None:
        self.check_room(self.first.max_items, same_chunks=True)
        if not 1 <= self.hold_out_percent < 100:
            raise InvalidParameter(f"{self.hold_out_percent} of a hundred cannot be held out")
        _check_seeds(self.first, self.second)


@dataclass(frozen=True, slots=True)
class TrainingSumsParams(AlignedParams):
    """That, and the second look, over the same seeds.

    Raises: InvalidParameter if the parts do not fit together.
    """

    KIND: ClassVar[str] = "lookalike-training-params/1"
    first: SeedSumParams
    second: SumParams

    def __post_init__(self) -> None:
        self.check_room(self.first.max_items, same_chunks=True)
        _check_seeds(self.first.first, self.second)


@dataclass(frozen=True, slots=True)
class LookalikeParams(AlignedParams):
    """The whole run. Raises: InvalidParameter if the parts do not fit together."""

    KIND: ClassVar[str] = "lookalike-params/2"
    first: TrainingSumsParams
    second: SumParams
    """Over the rows of the seeds that are held out."""

    def __post_init__(self) -> None:
        self.check_room(self.first.max_items, same_chunks=True)
        _check_seeds(self.join, self.second)

    @property
    def join(self) -> JoinParams:
        """Parameters of the alignment."""
        return self.first.first.first

    @property
    def sums(self) -> tuple[SumParams, SumParams, SumParams]:
        """The first look, the second, and the sum that evaluates."""
        return self.first.first.second, self.first.second, self.second


def _check_seeds(join: JoinParams, added_up: SumParams) -> None:
    """Raises: InvalidParameter."""
    if join.groups != 1 or added_up.layout.vectors != 1 or added_up.layout.vector_bound != 1:
        raise InvalidParameter("a row is a seed or not: there is one vector of 0 and 1")
    if added_up.to_holder:
        raise InvalidParameter("the side with the population learns the sums")
