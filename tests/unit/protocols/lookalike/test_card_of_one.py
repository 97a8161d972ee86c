"""What a card tells a brand that changes its node, as the docs say: a person of its choosing."""

import numpy as np

from protocols.lookalike.looking import first_look, second_look
from protocols.lookalike.measured import Look
from protocols.lookalike.model import weights
from protocols.lookalike.representation import Representation
from protocols.lookalike.training import train
from tests.support.lookalikes import RHO, Prepared, draws, noised, prepared
from tests.support.seeded import seeded

SEEDS = 180
VICTIMS = range(100, 103)


def told_values(p: Prepared, victim: int, *, honest: bool) -> int:
    """Return how many of the victim's two categories a card names as the highest one."""
    d = draws(victim)

    def summed(made: Representation) -> np.ndarray:
        if honest:  # a seed among others counts once, and there is noise
            others = d.choice(len(p.codes), SEEDS - 1, replace=False)
            return noised(made, p.codes[[victim, *others]], d)
        return made.rows(p.codes[[victim]]).sum(axis=0, dtype=np.int64) * SEEDS

    first = first_look(p.bins, p.codes, 200, RHO, seeded("first"))
    before = Look(first, summed(first))
    second = second_look(before, p.codes, seeded("second"))
    model = train(second, p.codes, summed(second), seeded("train"), before)
    card = {one.column: one for one in weights(model, p.codes, seeded("weights"))}
    found = 0
    for at, bins in enumerate(p.bins):
        highest = card[bins.feature.column].highest[:1]
        if bins.feature.column in ("tier", "region"):
            found += highest == (bins.label(int(p.codes[victim, at])),)
    return found


def test_a_brand_that_counts_one_person_many_times_without_noise_gets_a_card_of_that_person() -> (
    None
):
    """Known, and said in docs/concepts/lookalike.md: the brand draws the noise, and is trusted."""
    p = prepared(2000)
    assert [told_values(p, victim, honest=False) for victim in VICTIMS] == [2] * len(VICTIMS)


def test_the_card_of_an_unmodified_node_does_not_speak_of_one_seed() -> None:
    p = prepared(2000)
    told = [told_values(p, victim, honest=True) for victim in VICTIMS]
    assert sum(told) < len(VICTIMS), "of three tiers by chance one, of three regions hardly one"
