"""What a `lookalike` job asks: which columns describe people, who is a seed, how many, the price.

Both sides make the parameters of the run from it (`params_for`), so that what is asked, the noise
and the price cannot disagree. The sender of the job has the seeds; the receiver has the population,
learns the noised sums and makes the model.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.dp import budget, coins
from protocols.errors import InvalidParameter
from protocols.lookalike import evaluation
from protocols.lookalike.features import FeatureSpecification, check_work
from protocols.lookalike.records import LookalikeParams, SeedSumParams, TrainingSumsParams
from protocols.lookalike.seeds import FEWEST_SEEDS, MOST_SEEDS, seeds_step, split
from protocols.lookalike.sums import columns_for, prices, training_params
from protocols.psi.blinded_join_records import JoinParams
from protocols.psi.params import JOB_CHUNK_ITEMS, JOB_PEOPLE
from protocols.sums.segments import Segments


@dataclass(frozen=True, slots=True)
class Lookalike(Record):
    """One question. Raises: InvalidParameter, TooFewSeeds if no model can be made by it."""

    KIND: ClassVar[str] = "lookalike/1"
    population: str
    """The receiver's dataset: whom the model learns from, and scores."""
    features: FeatureSpecification
    seeds_dataset: str
    """The sender's dataset."""
    chosen: Segments
    """Which of the sender's people are seeds: a filter over its own columns, in one group."""
    seeds: int
    """At least so many of them are expected in the population: 25 to 500,000. What is said of their
    number is its step; how much is held out, and how many columns there are, follows from that."""
    rho_nano: int
    """What training costs, both looks together; and the same for the sum that evaluates. A seed
    trains or is held out, so it pays this once."""
    audience: int
    """People in the audience that the receiver makes; 0 for none."""

    def __post_init__(self) -> None:
        if self.chosen.by or self.chosen.value:
            raise InvalidParameter("seeds are not divided into groups, and have no value")
        if not 0 < self.rho_nano <= budget.MAX_RELEASE_NANO:
            raise InvalidParameter("a release costs more than rho 0 and at most rho 10")
        if not 0 <= self.audience <= JOB_PEOPLE:
            raise InvalidParameter(f"an audience has 1 to {JOB_PEOPLE:,} people, or 0 for none")
        if not 0 < self.seeds <= MOST_SEEDS:
            most = f"{FEWEST_SEEDS} to {MOST_SEEDS:,}"
            raise InvalidParameter(f"a seed audience has {most} people")
        seeds_step(self.seeds)
        check_work(self.features)

    @property
    def step(self) -> int:
        """What is said of the number of seeds."""
        return seeds_step(self.seeds)


def params_for(asked: Lookalike, *, strict: bool = False) -> LookalikeParams:
    """Return the parameters by which nodes run a question; a person brings one identifier.

    Raises: InvalidParameter, also for a price so low that it would need too many dummies.
    """
    step, rho = asked.step, asked.rho_nano
    dummies = coins.least(rho, strict)
    join = JoinParams(
        max_items=JOB_PEOPLE,
        chunk_items=JOB_CHUNK_ITEMS,
        strict=strict,
        groups=1,
        dummies=dummies + dummies % 2,
    )
    columns = columns_for(step, rho) + 1
    looks = [training_params(columns, JOB_PEOPLE, price) for price in prices(rho)]
    held_out = 100 * split(step).held_out // step
    return LookalikeParams(
        TrainingSumsParams(SeedSumParams(join, looks[0], held_out), looks[1]),
        evaluation.sum_params(JOB_PEOPLE, rho),
    )
