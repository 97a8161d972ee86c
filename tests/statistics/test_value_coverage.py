"""How often the intervals of values by arm hold: values drawn, levels chosen, noise drawn, answers
made.

OpenDP cannot be seeded, so draws are new each time. Each check is seven standard errors off 95 %,
as in `test_lift_coverage.py`.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from protocols.dp import vector_noise
from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.levels import stand
from protocols.dp.queries.lift import Worth, answer_lift
from protocols.dp.queries.plan import ROWS
from protocols.dp.queries.rates import Covers
from protocols.dp.queries.schema import NumberColumn
from tests.support.campaigns import lift_plan

RUNS = 1000
SLACK = 7 * math.sqrt(0.05 * 0.95 / RUNS)
BUYERS, LEAST = 12_000, 50
NUMBER = NumberColumn("spend", "spend", 2, 0, 50_000)
RATES, MEANS = (0.12, 0.08), (5000, 4000)


def spent(rng: np.random.Generator, mean: float, n: int) -> np.ndarray:
    """Return what so many buyers have spent: skewed, as baskets are, and clipped to the bounds."""
    return np.clip(rng.exponential(mean, n), 0, 50_000).astype(np.int64)


def mean_of(mean: float) -> float:
    """Return the mean of what they spend, clipped and rounded down."""
    return mean * (1 - math.exp(-50_000 / mean)) - 0.5


def held(rho: str, people: int, levels: int, runs: int = RUNS) -> dict[tuple[str, str], float]:
    """Return how often the intervals of each measure hold, of two arms of so many people."""
    plan, rng = lift_plan(rho), np.random.default_rng()
    part = plan.part(ROWS)
    assert part is not None
    everybody = [spent(rng, m, BUYERS // 2) for m in MEANS]
    hits: dict[tuple[str, str], list[bool]] = {}
    for _ in range(runs):
        bought = [int(rng.binomial(people, rate)) for rate in RATES]
        values = [spent(rng, m, n) for m, n in zip(MEANS, bought, strict=True)]
        others = people - np.array(bought)
        own = np.concatenate([*values, *everybody])
        at_levels, at = stand(own, levels, LEAST, rng.bytes)
        wide = len(at_levels.at)
        ends = np.cumsum([0, *bought])
        counts = np.zeros((wide + 1, 4), np.int64)
        for arm in range(2):
            mine = at[ends[arm] : ends[arm + 1]]
            counts[:wide, arm] = np.bincount(mine, minlength=wide)
            counts[wide, arm] = others[arm]
        drawn = vector_noise.draw_gaussian(
            counts.ravel().tolist(), part.sigma, Fraction(1000), part.distance
        )
        seen = [Noisy({ROWS: tuple(row.tolist())}) for row in np.array(drawn).reshape(-1, 4)]
        rows = answer_lift(plan, seen[:wide], seen[wide:], Worth(at_levels, NUMBER))
        found = {row.key: row for row in rows}
        exact = [float(v.sum()) / people for v in values]
        large = [rate * mean_of(m) for rate, m in zip(RATES, MEANS, strict=True)]
        for covers, truth in ((Covers.NOISE, exact), (Covers.BOTH, large)):
            wanted = {
                "value-per-person": truth[0],
                "value-lift": truth[0] - truth[1],
            }
            if covers is Covers.NOISE:
                wanted["value"] = float(values[0].sum())
                wanted["incremental-value"] = (truth[0] - truth[1]) * people
            # Conversions are the sum of noisy counts, the others are one: scales that differ.
            wanted["rate"] = 100 * (bought[0] / people if covers is Covers.NOISE else RATES[0])
            for measure, value in wanted.items():
                row = found["test", measure, covers]
                assert row.value is not None
                hits.setdefault((measure, covers), []).append(row.low <= value / 100 <= row.high)
    return {key: sum(these) / len(these) for key, these in hits.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rho", "people", "levels"), [("0.005", 20_000, 4), ("0.0008", 40_000, 4), ("0.5", 8000, 12)]
)
def test_intervals_of_values_hold_as_often_as_they_say(rho: str, people: int, levels: int) -> None:
    for key, often in held(rho, people, levels).items():
        assert often > 0.95 - SLACK, key
        assert often < 0.95 + SLACK or key[1] == Covers.NOISE, key


def test_intervals_of_values_hold_in_a_few_runs() -> None:
    """The fast sibling: of sixty intervals of 95 %, eighteen miss once in 10^9 times."""
    for key, often in held("0.005", 20_000, 4, runs=60).items():
        assert often > 0.7, key
