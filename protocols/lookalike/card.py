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


@dataclass(frozen=True, slots=True)
class FeatureWeight(Record):
    """What one feature does in a model."""

    KIND: ClassVar[str] = "lookalike-weight/1"
    column: str
    importance_permille: int
    """How much scores move when the feature is exchanged between people, beside all features."""
    highest: tuple[str, ...]
    """Bins whose people score highest, at most five; each with 1 % of the population at least."""
    lowest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeatureWeights(Record):
    """Those of all features, the most important first."""

    KIND: ClassVar[str] = "lookalike-feature-weights/1"
    weights: tuple[FeatureWeight, ...]


@dataclass(frozen=True, slots=True)
class ModelCard(Record):
    """What is said of a model. Raises: InvalidParameter."""

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
    epsilon_milli = round(1000 * budget.epsilon(price, delta_exponent))
    return ModelCard(
        purpose, brand, partner, features, seeds_step, columns, price, delta_exponent,
        epsilon_milli, checkpoints, weights, curve, cautions(seeds_step, rho_nano, curve),
    )  # fmt: skip
