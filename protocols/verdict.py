"""Whether a model still does what it did when it was made: three verdicts, and the test for them.

A measure of the model (a recall, an area under the curve) is known twice, with standard errors: at
training, and by later outcomes. Let d be how much it has lost, e the standard error of d, and g
what the model gained over chance at training. Two one-sided tests at 5 % decide:

    worse            d is above 0 by more than chance would make it
    as good          not worse, and d is below g/2 by more than chance would make it
    cannot be told   neither: too few outcomes for this noise

So a model that has lost nothing is called worse at most once in twenty times, and one that has lost
half of its gain, or more, is called as good at most once in twenty times. Where several measures
are compared, *worse* is said if one of them says so at a fifth, a sixth … of 5 % (Bonferroni), and
*as good* by the one measure that has most to lose in its standard errors, which is known before d.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

MISS = 0.05
"""How often each of the two mistakes happens, at most."""
MOST_LOST = 0.5
"""A part of the gain over chance: a model that has lost so much must not be called as good."""


class Verdict(enum.StrEnum):
    """What later outcomes say of a model."""

    AS_GOOD = "as-good"
    WORSE = "worse"
    UNKNOWN = "cannot-be-told"


@dataclass(frozen=True, slots=True)
class Loss:
    """How much one measure has lost."""

    lost: float
    """At training less now."""
    error: float
    """Standard error of it; above 0."""
    gained: float
    """What it was beyond chance, at training."""

    @property
    def margin(self) -> float:
        """The gain that may be lost, in standard errors."""
        return MOST_LOST * self.gained / self.error

    @property
    def deviates(self) -> float:
        """The loss, in standard errors."""
        return self.lost / self.error


def verdict(losses: Sequence[Loss]) -> Verdict:
    """Return what losses say, of measures that can be compared; of none nothing can be told."""
    if not losses:
        return Verdict.UNKNOWN
    normal = NormalDist()
    if max(loss.deviates for loss in losses) > normal.inv_cdf(1 - MISS / len(losses)):
        return Verdict.WORSE
    sharpest = max(losses, key=lambda loss: loss.margin)
    if sharpest.deviates < sharpest.margin - normal.inv_cdf(1 - MISS):
        return Verdict.AS_GOOD
    return Verdict.UNKNOWN
