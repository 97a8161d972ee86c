"""The model card: what a model is, for whom, from how many, at which price, and what it is not for.

It holds nothing but what both sides may see: what was agreed, and what follows from releases that
were paid for. Its encoding is what a run receipt commits to.
"""

from dataclasses import dataclass
from typing import ClassVar

from protocols.codec import Record
from protocols.dp import budget
from protocols.errors import InvalidParameter
from protocols.lookalike.evaluation import ReachCurve
from protocols.lookalike.features import FeatureSpecification
from protocols.lookalike.preflight import Caution, cautions

LIMITS = (
    "It ranks people of this partner for this purpose. It does not say why somebody is a seed.",
    "It is not for decisions with legal or similarly significant effects on a person.",
    "Features can stand in for protected traits: look at the weights before it is used.",
    "It knows the population of the day it was made: it gets worse as people change.",
    "Who withdraws is out of later scores, not out of what the noised sums have taught it.",
)


MOST_TOLD = 5
"""Bins that are told of a feature at either end."""
MOST_WORD = 64
"""Characters of a bin's name."""
MOST_LIMITS = 20
MOST_TEXT = 200


@dataclass(frozen=True, slots=True)
class FeatureWeight(Record):
    """What one feature does in a model. Raises: InvalidParameter for what nobody should be shown:
    the other party writes it.
    """

    KIND: ClassVar[str] = "lookalike-weight/1"
    column: str
    importance_permille: int
    """How much scores move when the feature is exchanged between people, beside all features."""
    highest: tuple[str, ...]
    """Bins whose people score highest, at most five; each has 1 % of the population at least, and
    20 people.
    """
    lowest: tuple[str, ...]

    def __post_init__(self) -> None:
        told = (*self.highest, *self.lowest)
        if max(len(self.highest), len(self.lowest)) > MOST_TOLD or not all(map(_is_short, told)):
            raise InvalidParameter(
                "of a feature a few bins are told, each in a few printable words"
            )
        if not (_is_short(self.column) and 0 <= self.importance_permille <= 1000):
            raise InvalidParameter("a feature has a name, and is a part of all of them")


@dataclass(frozen=True, slots=True)
class FeatureWeights(Record):
    """Those of all features, the most important first."""

    KIND: ClassVar[str] = "lookalike-feature-weights/1"
    weights: tuple[FeatureWeight, ...]


@dataclass(frozen=True, slots=True)
class ModelCard(Record):
    """What is said of a model. Raises: InvalidParameter for a card that contradicts itself."""

    KIND: ClassVar[str] = "lookalike-card/1"
    purpose: str
    brand: str
    partner: str
    features: FeatureSpecification
    seeds_step: int
    """Step of the ladder that the number of seeds is at or above."""
    columns: int
    """Of the sum that trained it."""
    rho_nano: int
    """What training and evaluation cost a person: the larger of the two, not both."""
    delta_exponent: int
    epsilon_milli: int
    checkpoints: tuple[bytes, ...]
    """Roots of the consent ledgers under which it was made, as far as its maker knows them; those
    of both parties are in the run receipt."""
    weights: tuple[FeatureWeight, ...]
    curve: ReachCurve
    cautions: tuple[Caution, ...]
    limits: tuple[str, ...] = LIMITS

    def __post_init__(self) -> None:
        if not all(len(c) == 32 for c in self.checkpoints):
            raise InvalidParameter("the hash of a checkpoint has 32 bytes")
        columns = {feature.column for feature in self.features.features}
        weighed = [weight.column for weight in self.weights]
        if not set(weighed) <= columns or len(set(weighed)) < len(weighed):
            raise InvalidParameter("what weighs something is one of the features, once")
        if self.epsilon_milli != _epsilon_milli(self.rho_nano, self.delta_exponent):
            raise InvalidParameter("the price means another epsilon")
        if len(self.limits) > MOST_LIMITS or not all(map(_is_short, self.limits)):
            raise InvalidParameter("a limit is a printable sentence")


def card(
    *,
    purpose: str,
    brand: str,
    partner: str,
    features: FeatureSpecification,
    seeds_step: int,
    columns: int,
    rho_nano: int,
    delta_exponent: int,
    checkpoints: tuple[bytes, ...],
    weights: tuple[FeatureWeight, ...],
    curve: ReachCurve,
) -> ModelCard:
    """Return the card of a model. Raises: InvalidParameter."""
    price = max(rho_nano, curve.rho_nano)
    epsilon_milli = _epsilon_milli(price, delta_exponent)
    return ModelCard(
        purpose, brand, partner, features, seeds_step, columns, price, delta_exponent,
        epsilon_milli, checkpoints, weights, curve, cautions(seeds_step, rho_nano, curve),
    )  # fmt: skip


def _is_short(text: str) -> bool:
    return 1 <= len(text) <= MOST_TEXT and text.isprintable()


def _epsilon_milli(rho_nano: int, delta_exponent: int) -> int:
    return round(1000 * budget.epsilon(rho_nano, delta_exponent))
