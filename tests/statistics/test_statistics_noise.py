"""The noise of whole answers: its distribution, how often intervals hold, and how accurate it is.

OpenDP cannot be seeded, so draws are new each time; each test states its false-alarm rate. Together
they fail by chance less than once in a million runs.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from protocols.dp import vector_noise
from protocols.dp.budget import epsilon
from protocols.dp.queries.answering import answer
from protocols.dp.queries.drawing import Exact, Noisy, draw, scores
from protocols.dp.queries.overlap import cells_of, overlap
from protocols.dp.queries.plan import ROWS, SQUARES, VALUES, Plan
from protocols.dp.queries.query import MAX_PARTS_OF_WHOLE
from protocols.sums.records import Sums
from tests.support.questions import COLUMNS, planned

FINE = {"spend": {"bounds": ["0", "100"], "decimals": "1"}}
MANY = {"region": {"categories": [f"r{n}" for n in range(998)]}}


def test_the_noise_of_a_vector_is_the_discrete_gaussian_cell_by_cell() -> None:
    """Chi-square over two draws of 4,000 cells, and no two cells alike: false alarms 1e-9 each."""
    cells, sigma = 4000, 5.0
    drawn = [
        np.array(vector_noise.draw_gaussian([7] * cells, sigma, Fraction(1), 1.0)) - 7
        for _ in range(2)
    ]
    reach = range(-12, 13)
    weights = {k: math.exp(-k * k / (2 * sigma**2)) for k in range(-80, 81)}
    total = math.fsum(weights.values())
    both = np.concatenate(drawn)
    expected = [weights[k] / total * len(both) for k in reach]
    observed = [int((both == k).sum()) for k in reach]
    expected.append(len(both) - math.fsum(expected))
    observed.append(len(both) - sum(observed))
    chi2 = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    free = len(observed) - 1
    assert chi2 < free * (1 - 2 / (9 * free) + 6.0 * math.sqrt(2 / (9 * free))) ** 3
    for one, other in ((drawn[0], drawn[1]), (drawn[0][1:], drawn[0][:-1])):
        together = float(np.mean(one * other)) / sigma**2
        assert abs(together) < 6 / math.sqrt(len(one))


def covered(plan: Plan, cells: dict[str, np.ndarray], truth: float) -> float:
    rows = answer(plan, draw(plan, Exact(cells)))
    hits = [row.low <= truth <= row.high for row in rows if row.value is not None]
    assert len(hits) == plan.cells
    return sum(hits) / len(hits)


@pytest.mark.parametrize("kind", ["sum", "mean", "variance"])
def test_intervals_hold_as_often_as_they_say(kind: str) -> None:
    """A thousand cells; six standard errors below 95 %: false alarms 1e-9 each."""
    plan = planned(kind, of="spend", by=["region"], columns=COLUMNS | MANY, rho="0.005")
    people, value = 400, 72  # all at 7.2: mean 7.2, variance 0
    shape = plan.cells
    off = value - plan.centre
    cells = {
        ROWS: np.full(shape, people),
        VALUES: np.full(shape, people * off),
        SQUARES: np.full(shape, people * (off * off - plan.square_centre)),
    }
    truth = {"sum": people * value / 10, "mean": value / 10, "variance": 0.0}[kind]
    assert covered(plan, cells, truth) > 0.95 - 6 * math.sqrt(0.05 * 0.95 / shape)


def test_intervals_of_a_quantile_over_people_in_common_hold() -> None:
    """Continuous noise of the stated scales stands for what both routes draw; 300 runs, 1e-9."""
    plan = planned("quantile", of="spend", at=["0.3"], steps="100", rho="0.05")
    over = overlap(plan, 5000)
    assert over.tree is not None
    rng = np.random.default_rng(7)
    counts = np.zeros(over.tree.sizes[-1], np.int64)
    counts[:101] = rng.integers(10, 90, 101)
    exact = np.concatenate([counts.reshape(size, -1).sum(axis=1) for size in over.tree.sizes])
    truth = int(np.argmax(np.cumsum(counts) >= 0.3 * counts.sum())) / 10
    hits, runs = 0, 300
    for _ in range(runs):
        noisy = exact + np.rint(rng.normal(0, over.level_sigma, len(exact))).astype(int)
        (row,) = answer(plan, cells_of(over, Sums(5000, 1, tuple(noisy.tolist())))[0])
        assert row.low is not None
        assert row.high is not None
        hits += row.low <= truth <= row.high
    assert hits / runs > 0.95 - 6 * math.sqrt(0.05 * 0.95 / runs)


# -- accuracy, beside OpenDP's and Google's ways of doing the same --------------------------------


def expected_rank_error(found: np.ndarray, scale: float, errors: np.ndarray) -> float:
    """Exactly: report noisy max with Gumbel noise picks i with weight exp(-score / scale)."""
    weights = np.exp(-(found - found.min()) / scale)
    return float((weights * errors).sum() / weights.sum())


@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.95])
@pytest.mark.parametrize("shape", ["uniform", "skewed", "spiked"])
def test_a_quantile_is_as_accurate_as_opendps(alpha: float, shape: str) -> None:
    """No chance involved: expected errors at the same rho, on a grid finer than the noise."""
    from opendp.domains import atom_domain, vector_domain
    from opendp.metrics import symmetric_distance
    from opendp.mod import enable_features
    from opendp.transformations import make_quantile_score_candidates

    rng = np.random.default_rng(5)
    values = {
        "uniform": rng.integers(0, 1001, 3000),
        "skewed": np.minimum(1000, rng.gamma(2, 90, 3000)).astype(int),
        "spiked": np.where(rng.random(3000) < 0.4, 200, rng.integers(0, 1001, 3000)),
    }[shape]
    plan = planned("quantile", of="spend", at=[str(alpha)], steps="1000", rho="0.005", columns=FINE)
    counts = np.bincount(values, minlength=1001)
    ours = scores(counts, plan.choices[0].at)
    errors = ours / MAX_PARTS_OF_WHOLE  # rows that would have to change sides

    enable_features("contrib")
    domain = vector_domain(atom_domain(T="i32"))
    scoring = make_quantile_score_candidates(domain, symmetric_distance(), list(range(1001)), alpha)
    theirs = np.array(scoring(values.tolist()), float)
    sensitivity = scoring.map(1)
    # Their scores as OpenDP's noisy max takes them: for the same rho, all of it.
    low, high = 1e-3 * sensitivity, 1e6 * sensitivity
    for _ in range(60):
        middle = math.sqrt(low * high)
        costs = vector_noise.lowest_price(middle, sensitivity)
        low, high = (middle, high) if costs > Fraction(5, 1000) else (low, middle)
    mine = expected_rank_error(ours.astype(float), plan.choices[0].scale, errors)
    assert mine <= 1.1 * expected_rank_error(theirs, high, errors)


def standard_error(shares: dict[str, float], mean: float) -> float:
    """Of a mean, in half ranges, times the number of people and √(2 rho)."""
    return math.sqrt(1 / shares[VALUES] + mean * mean / shares[ROWS])


@pytest.mark.parametrize("mean", [0.0, 0.25, 0.5, 0.75, 0.9, 1.0])
def test_a_mean_is_as_accurate_as_with_the_price_cut_in_half(mean: float) -> None:
    """OpenDP's and Google's means spend half on the count and half on the (centred) sum."""
    plan = planned("mean", of="spend", rho="1")
    ours = {p.measure: p.rho_nano / plan.rho_nano for p in plan.parts}
    assert standard_error(ours, mean) <= 1.1 * standard_error({ROWS: 0.5, VALUES: 0.5}, mean)


@pytest.mark.parametrize("mean", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("spread", [0.0, 0.2, 0.6])
def test_a_variance_is_as_accurate_as_with_the_price_in_thirds(mean: float, spread: float) -> None:
    """Google's variance spends a third on count, sum and sum of squares; squares are centred."""
    plan = planned("variance", of="spend", rho="1")
    ours = {p.measure: p.rho_nano / plan.rho_nano for p in plan.parts}

    def error(shares: dict[str, float]) -> float:
        square = mean**2 + spread**2 - 0.5  # less the middle, in half ranges squared
        by_count = square - 2 * mean * mean
        parts = (0.25 / shares[SQUARES], 4 * mean**2 / shares[VALUES], by_count**2 / shares[ROWS])
        return math.sqrt(sum(parts))

    assert error(ours) <= 1.1 * error(dict.fromkeys((ROWS, VALUES, SQUARES), 1 / 3))


# -- membership inference -------------------------------------------------------------------------


def lower_bound(hits: int, alarms: int, runs: int, delta: float) -> float:
    """Return an epsilon that is exceeded with a confidence of 1 - 2e-9: Clopper and Pearson."""
    from scipy.stats import beta

    miss = 1e-9
    told = float(beta.ppf(miss, hits, runs - hits + 1)) if hits else 0.0
    false = float(beta.ppf(1 - miss, alarms + 1, runs - alarms)) if alarms < runs else 1.0
    return math.log(max(told - delta, 1e-300) / false)


def audited(kind: str, runs: int) -> tuple[float, float]:
    """Return the epsilon that an attack proves, and the claim: is this one person in the data?"""
    delta_exponent = 5
    rho = "0.5"
    people = 200
    if kind == "quantile":
        plan = planned(kind, of="spend", at=["0.5"], steps="1", rho=rho)
        grid, other = np.array([[1, 0]]), np.array([[1, 1]])

        def guess(exact: np.ndarray) -> bool:
            noisy = draw(plan, Exact({ROWS: exact.sum(axis=1)}, grid=exact))
            return noisy.chosen[0][0] == 1

    elif kind == "top_k":
        plan = planned(kind, of="town", k="5", rho=rho, delta="1e-9")
        assert plan.keys is not None
        least = plan.keys.threshold
        grid, other = np.array([least - 1]), np.array([least])

        def guess(exact: np.ndarray) -> bool:
            return "York" in draw(plan, Exact(words={"York": int(exact[0])})).words

    else:
        plan = planned(kind, rho=rho, **({} if kind == "count" else {"of": "spend"}))
        top = plan.half_range or 0
        square = top * top - plan.square_centre
        grid = np.array([people, people * top, people * square])
        other = np.array([people + 1, (people + 1) * top, (people + 1) * square])

        middles = dict(zip((ROWS, VALUES, SQUARES), ((grid + other) / 2).tolist(), strict=True))

        def guess(exact: np.ndarray) -> bool:
            cells = dict(zip((ROWS, VALUES, SQUARES), exact.reshape(3, 1), strict=True))
            noisy: Noisy = draw(plan, Exact({p.measure: cells[p.measure] for p in plan.parts}))
            # Neyman and Pearson: each part weighs as it tells.
            told = sum(
                (noisy.cells[p.measure][0] - middles[p.measure]) * p.bound / p.sigma**2
                for p in plan.parts
            )
            return told > 0

    hits = sum(guess(other) for _ in range(runs))
    alarms = sum(guess(grid) for _ in range(runs))
    return lower_bound(hits, alarms, runs, 10.0**-delta_exponent), epsilon(
        plan.rho_nano, delta_exponent
    )


def test_an_attack_on_a_count_proves_no_more_than_is_claimed() -> None:
    """False alarms 2e-9; and the attack is one: it proves something."""
    proved, claimed = audited("count", 400)
    assert 0 < proved <= claimed


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["count", "sum", "mean", "variance", "quantile", "top_k"])
def test_an_attack_on_each_mechanism_proves_no_more_than_is_claimed(kind: str) -> None:
    """False alarms 2e-9 each."""
    proved, claimed = audited(kind, 6000)
    assert 0.1 < proved <= claimed
