"""How many seeds there are, as it is said, and how they are divided into training and held out."""

from dataclasses import dataclass

from protocols.errors import DisclosureError, InvalidParameter

FEWEST_SEEDS = 25
FEW_SEEDS = 500
"""Below, the model comes with a warning."""
HOPELESS = 300
"""Below, a fifth of the seeds is too few for a curve at epsilon 1."""
MOST_SEEDS = 500_000
_STEPS: tuple[int, ...] = tuple(lead * 10**power for power in range(2, 6) for lead in (1, 2, 5))


class TooFewSeeds(DisclosureError):
    """There are too few seeds: a model of so few people would be about each of them."""

    code = "too-few-seeds"


@dataclass(frozen=True, slots=True)
class Split:
    """How seeds are divided, at random, into those that train and those that are held out."""

    training: int
    held_out: int


def seeds_step(seeds: int) -> int:
    """Return the step that is said of a number of seeds: 25, 50, 100, 200, 500, … at or below.

    Raises: TooFewSeeds below 25; InvalidParameter above 500,000.
    """
    if seeds < FEWEST_SEEDS:
        raise TooFewSeeds(f"a seed audience has at least {FEWEST_SEEDS} people")
    if seeds > MOST_SEEDS:
        raise InvalidParameter(f"a seed audience has at most {MOST_SEEDS} people")
    return max(step for step in (FEWEST_SEEDS, 50, *_STEPS) if step <= seeds)


def split(seeds: int) -> Split:
    """Return how many seeds train and how many are held out: a fifth, from 500 on 100 or a tenth.

    Below 300 it is a tenth too: at epsilon 1 noise hides a fifth of so few, so they better train.

    Raises: TooFewSeeds; InvalidParameter.
    """
    seeds_step(seeds)
    held_out = seeds // 10 if seeds < HOPELESS else min(seeds // 5, max(100, seeds // 10))
    return Split(seeds - held_out, held_out)
