"""How often a common model that has not changed is called worse, as a partner would see it.

Two partners train a model together. One judges it by a tenth of its own people, as the job does,
and later compares it with what became of all of them, those included who have trained it. Draws are
seeded: a bound is the claimed 5 % and three standard errors of the count.
"""

import math
from collections import Counter
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.auc import auc
from protocols.federated import learning, noise
from protocols.federated.fixed_point import Whole
from protocols.federated.learning import People
from protocols.federated.terms import FederatedTerms
from protocols.joint.drift import at_training, by_outcomes, drift
from protocols.verdict import Verdict
from tests.support.depth import examples
from tests.support.federation import terms_of
from tests.support.lookalikes import draws
from tests.support.trained_people import trained

RUNS = examples(120, deep=400)
BOUND = 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)
TERMS = terms_of(2, sizes=(800, 800), one_hot=(6, 4, 3), ridge_milli=50, rho_nano=100_000_000)
EFFECTS = (np.linspace(-1.2, 1.2, 6), np.linspace(-0.8, 0.8, 4), np.linspace(0.5, -0.5, 3))
HELD_OUT_OF = 10
Chances = NDArray[np.float64]
Outcome = Callable[[Chances, NDArray[np.bool_], np.random.Generator], NDArray[np.bool_]]


def noised(rng: np.random.Generator, terms: FederatedTerms, turn: int, update: Whole) -> Whole:
    """Noise of the scale that a partner adds, from a seed."""
    drawn = noise.sigma(terms, turn) * rng.normal(size=len(update))
    return np.asarray(update + np.rint(drawn).astype(np.int64))


def chances(codes: NDArray[np.uint16]) -> Chances:
    logit = -0.5 + sum(effect[codes[:, n]] for n, effect in enumerate(EFFECTS))
    return np.asarray(1 / (1 + np.exp(-logit)))


def anew(
    chance: Chances, _labels: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Outcomes that hang on the same things as the label."""
    return rng.random(len(chance)) < chance


def the_same(
    _chance: Chances, labels: NDArray[np.bool_], _rng: np.random.Generator
) -> NDArray[np.bool_]:
    """The labels of training themselves, of people who have trained the model too."""
    return labels


def by_half(
    chance: Chances, _labels: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Outcomes of which every second one has nothing to do with anything: half of the gain is lost.

    The share of those with it is the same among both halves.
    """
    chance = np.where(rng.random(len(chance)) < 0.5, chance, chance.mean())
    return rng.random(len(chance)) < chance


def verdicts(people: int, outcome: Outcome, label: int) -> Counter[Verdict]:
    rng, found = draws(label), Counter[Verdict]()
    for _ in range(RUNS):
        codes = rng.integers(0, TERMS.one_hot, (2 * people, 3)).astype(np.uint16)
        chance = chances(codes)
        labels = rng.random(2 * people) < chance
        out = rng.random(2 * people) * HELD_OUT_OF < 1
        parts = []
        for whose in (slice(people), slice(people, None)):
            trains = ~out[whose]
            parts.append(People(codes[whose][trains], labels[whose][trains].astype(np.uint8)))
        weights = trained(TERMS, parts, add=partial(noised, rng))
        scores = learning.score(TERMS, weights, codes)[:people]
        mine, judged = labels[:people], out[:people]
        area = auc(scores[judged], mine[judged])
        assert area is not None
        wanted = int(mine[judged].sum())
        before = at_training(area, wanted, int(judged.sum()) - wanted)
        now = by_outcomes(scores, outcome(chance[:people], mine, rng))
        found[drift(before, now)] += 1
    return found


@pytest.mark.parametrize("outcome", [anew, the_same])
@pytest.mark.parametrize("people", [400, 800])
def test_a_model_that_is_as_it_was_is_called_worse_once_in_twenty_times_at_most(
    people: int, outcome: Outcome
) -> None:
    assert verdicts(people, outcome, 1)[Verdict.WORSE] / RUNS <= BOUND


def test_one_that_has_lost_half_is_called_as_good_once_in_twenty_times_at_most() -> None:
    found = verdicts(800, by_half, 2)
    assert found[Verdict.AS_GOOD] / RUNS <= BOUND
    assert found[Verdict.WORSE] > found[Verdict.AS_GOOD]
