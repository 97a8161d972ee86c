"""Two looks at the seeds: the first says what matters, and so what the second had better ask.

The columns of a sum are few, because noise is the same in each. Without any label they can only be
made for people in general. So a part of the price buys a first look over such columns. It says of
each feature how much it matters (`prior.py`); the columns of the second look are made for people
who are alike in what matters. Both are noised sums over the same seeds, who pay for both; what is
chosen in between follows from what was released and from the partner's population. So prices add up
(adaptive composition of zCDP: Bun and Steinke 2016, Lemma 2.3).

Both have as many columns as one look at the whole price would have: what they say is put together.
For few seeds the first would say little of features: then the second has the same columns, and both
together are as good as one.
"""

from protocols.lookalike import prior
from protocols.lookalike.encoding import Bins, Codes
from protocols.lookalike.measured import Look, count_of, measured
from protocols.lookalike.representation import Representation, represent
from protocols.lookalike.sums import columns_for, prices, told_apart
from protocols.session import Rng

NEVER_OUT = 0.3
"""What a feature keeps of its usual weight, however little it seems to matter."""


def first_look(
    bins: tuple[Bins, ...], codes: Codes, seeds_step: int, rho_nano: int, rng: Rng
) -> Representation:
    """Return the columns of the first sum over a population; `rho_nano` is the price of both looks.

    Raises: InvalidParameter.
    """
    most = columns_for(seeds_step, rho_nano)
    return represent(bins, codes, seeds_step, rho_nano, rng, most).at_price(*prices(rho_nano))


def second_look(first: Look, population: Codes, rng: Rng) -> Representation:
    """Return the columns of the second sum, by what the first has told.

    Raises: SeedsNotFound, NothingToLearn by the noised number of seeds.
    """
    made = first.made
    step, price, rest = made.seeds_step, made.rho_nano + made.rest_nano, made.rest_nano
    if not told_apart(step, price):
        count_of((first,), len(population))  # refuses seeds that are not there
        return made.at_price(rest)
    told = measured((first,), population, rng)
    found = prior.matters(made, told.people, told.moments, told.shift, told.unknown)
    most, weights = columns_for(step, price), found + NEVER_OUT
    return represent(made.bins, population, step, price, rng, most, weights).at_price(rest)
