"""Whether a lookalike model has drifted: its reach curve at training beside that of later outcomes.

At each reach (the best 1 %, 2 %, … 50 % of the population) both curves have a recall: the part of
the people with the outcome who are in it. Each is a ratio of two sums with known noise, over people
who are taken to be a sample. `protocols/verdict.py` has the test. Variances:

    at training   s² (k (1 - r)² + (7 - k) r²) / n² + r (1 - r) / n    the k best of 7 buckets,
                                                                       each with noise of scale s
    now           s² (1 + r²) / n² + r (1 - r) / n                     each reach with its own noise

These are of n people, held-out seeds or people with the outcome. Both are taken at the recall r of
all of them together: what it would be if nothing had changed. A reach is compared only where at
least `FEWEST` people are expected within it and beyond it on either side, so that the normal curve
holds. Where the noise hides how many people have the outcome, nothing can be told.
"""

import math
from dataclasses import dataclass

from protocols.dp.queries.rates import Z95
from protocols.dp.queries.ratios import Interval
from protocols.lookalike.evaluation import REACHES_PERMILLE
from protocols.verdict import Loss, Verdict, verdict

FEWEST = 5
_MIN_SIGMAS = 4
"""So many scales of its noise the number of people must be above, as for the card's curve."""


@dataclass(frozen=True, slots=True)
class AtTraining:
    """The curve of a model card."""

    recalls: tuple[float, ...]
    """At each reach, 0 to 1."""
    people: int
    """Held-out seeds, after noise."""
    sigma: float
    """Scale of the noise of each bucket."""

    @property
    def reliable(self) -> bool:
        """Whether the noise leaves something to be seen."""
        return self.people > _MIN_SIGMAS * self.sigma * math.sqrt(len(REACHES_PERMILLE))

    def variance(self, at: int, recall: float) -> float:
        """Return the variance of a recall, if this were the true one."""
        within, beyond = at + 1, len(REACHES_PERMILLE) - at - 1
        noise = self.sigma**2 * (within * (1 - recall) ** 2 + beyond * recall**2)
        return noise / self.people**2 + _drawn(recall, self.people)


@dataclass(frozen=True, slots=True)
class Later:
    """People with a later outcome."""

    reached: tuple[int | None, ...]
    """Of them within each reach, with noise; None where the answer hides it. The last are all."""
    sigma: float
    """Scale of the noise of each of these."""

    @property
    def people(self) -> int:
        """How many have the outcome, with noise; 0 where that is hidden."""
        return max(self.reached[-1] or 0, 0)

    @property
    def reliable(self) -> bool:
        """Whether the noise leaves something to be seen."""
        return self.people > _MIN_SIGMAS * self.sigma

    def recall(self, at: int) -> float | None:
        """Return the part of the people within a reach; None where it is hidden."""
        found = self.reached[at]
        if found is None or not self.people:
            return None
        return min(max(found / self.people, 0.0), 1.0)

    def variance(self, at: int, recall: float) -> float:
        """Return the variance of a recall, if this were the true one."""
        noise = self.sigma**2 * (1 + recall**2)
        return noise / self.people**2 + _drawn(recall, self.people)

    def interval(self, at: int) -> Interval | None:
        """Return a recall with its 95 % interval, of noise and of a drawn sample taken together:
        all that are not refuted at 95 %. None where it is hidden, or is nothing but noise.
        """
        value, found = self.recall(at), self.reached[at]
        if value is None or found is None or not self.reliable:
            return None
        if at == len(self.reached) - 1:
            return Interval(1.0, 1.0, 1.0)
        # (found - r n)² is at most z² (s² (1 + r²) + n r (1 - r)): between two roots for r.
        n, noise, drawn = self.people, (Z95 * self.sigma) ** 2, Z95**2 * self.people
        a, b, c = n * n + drawn - noise, 2 * found * n + drawn, found * found - noise
        root = math.sqrt(max(0.0, b * b - 4 * a * c))
        return Interval(value, (b - root) / (2 * a), (b + root) / (2 * a)).within(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Drift:
    """What the two curves say."""

    verdict: Verdict
    losses: tuple[Loss | None, ...]
    """At each reach; None where it is not compared."""


def drift(before: AtTraining, now: Later) -> Drift:
    """Return whether the model ranks who has the outcome as well as it ranked held-out seeds."""
    if not (before.reliable and now.reliable):
        return Drift(Verdict.UNKNOWN, (None,) * len(REACHES_PERMILLE))
    losses = tuple(_loss(before, now, at) for at in range(len(REACHES_PERMILLE)))
    return Drift(verdict([loss for loss in losses if loss is not None]), losses)


def _loss(before: AtTraining, now: Later, at: int) -> Loss | None:
    recall, chance = now.recall(at), REACHES_PERMILLE[at] / 1000
    if recall is None or at == len(REACHES_PERMILLE) - 1:
        return None
    together = (before.people * before.recalls[at] + now.people * recall) / (
        before.people + now.people
    )
    if min(before.people, now.people) * min(together, 1 - together) < FEWEST:
        return None
    error = math.sqrt(before.variance(at, together) + now.variance(at, together))
    return Loss(before.recalls[at] - recall, error, before.recalls[at] - chance)


def _drawn(recall: float, people: int) -> float:
    """Return the variance of a recall that comes from who happened to be drawn."""
    return max(recall * (1 - recall), 1 / people) / people
