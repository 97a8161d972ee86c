"""What a question comes to: cells, what a person changes them by, noise, and its price."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from dp_accounting import dp_event
from dp_accounting.pld import PLDAccountant

from protocols.dp import noise, vector_noise
from protocols.dp.budget import NANO, epsilon, price_of
from protocols.dp.noise import NoiseNotProven
from protocols.dp.queries import scales
from protocols.dp.queries.drawing import Exact, draw, scores
from protocols.dp.queries.plan import ROWS, SQUARES, VALUES, Plan
from protocols.dp.queries.query import MAX_PARTS_OF_WHOLE
from protocols.errors import InvalidParameter
from tests.support.questions import COLUMNS, EVERY_KIND, planned


def spent(plan: Plan) -> Fraction:
    """What OpenDP says that all draws of a plan cost, for one person."""
    found = sum((vector_noise.gaussian_price(p.sigma, p.distance) for p in plan.parts), Fraction(0))
    for choice in plan.choices:
        found += plan.groups * vector_noise.lowest_price(choice.scale, choice.sensitivity)
    if plan.keys is not None:
        keys = plan.keys
        found += vector_noise.keys_price(keys.sigma, keys.threshold, keys.groups)[0]
    return found


@pytest.mark.parametrize(("kind", "keys"), EVERY_KIND)
@pytest.mark.parametrize("rho", ["0.0005", "0.005", "1.234567891"])
def test_all_draws_together_cost_what_is_charged_and_hardly_less(
    kind: str, keys: dict[str, Any], rho: str
) -> None:
    plan = planned(kind, **keys, rho=rho)
    charged = Fraction(plan.rho_nano, NANO)
    assert charged * Fraction(99, 100) <= spent(plan) <= charged


SUMMED = [(kind, keys) for kind, keys in EVERY_KIND if kind not in ("quantile", "top_k")]


@pytest.mark.parametrize(("kind", "keys"), SUMMED)
def test_an_independent_accountant_agrees(kind: str, keys: dict[str, Any]) -> None:
    """dp-accounting knows nothing of zCDP prices: it composes the privacy losses themselves."""
    plan = planned(kind, **keys, rho="0.05")
    accountant = PLDAccountant()
    for part in plan.parts:
        accountant.compose(dp_event.GaussianDpEvent(part.sigma / part.distance))
    assert accountant.get_epsilon(1e-8) <= epsilon(plan.rho_nano, 8)


@pytest.mark.parametrize(
    ("bounds", "distance"),
    [
        ({}, 1.0),
        ({"rows": 3}, 3.0),
        ({"groups": 4}, 2.0),
        ({"rows": 2, "groups": 3}, math.sqrt(12)),
    ],
)
def test_a_person_changes_a_histogram_by_rows_times_the_root_of_groups(
    bounds: dict[str, Any], distance: float
) -> None:
    (part,) = planned("histogram", by="region", **bounds).parts
    assert part.distance == pytest.approx(distance, rel=1e-15)
    assert Fraction(part.distance) ** 2 >= round(distance**2)


def test_a_person_is_in_no_more_groups_than_there_are() -> None:
    assert planned("histogram", by="region", groups=50).groups == 4
    assert planned("crosstab", by=["region", "age"], groups=50).groups == 16


def test_parts_of_a_variance_share_the_price_and_count_from_the_middle() -> None:
    plan = planned("variance", of="spend", rho="0.04")
    assert [p.measure for p in plan.parts] == [ROWS, VALUES, SQUARES]
    assert [p.rho_nano for p in plan.parts] == [11_200_000, 11_200_000, 17_600_000]
    assert [p.bound for p in plan.parts] == [1, 50, 1250]
    assert (plan.centre, plan.half_range, plan.square_centre) == (50, 50, 1250)


def test_an_accuracy_is_a_price() -> None:
    plan = planned("count", price={"within": "21"})
    assert noise.half_width(plan.parts[0].sigma) <= 21
    assert plan.rho_nano == pytest.approx(price_of(21).nano, rel=0.001)
    grouped = planned("mean", of="spend", by=["region"], groups=4, price={"within": "21"})
    counts = grouped.part(ROWS)
    assert counts is not None
    assert noise.half_width(counts.sigma) <= 21
    with pytest.raises(InvalidParameter, match="rho 10"):
        planned("histogram", by="region", rows=1000, price={"within": "2"})


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [("variance", ["0", "1000000"]), ("sum", ["-1000000000000", "1000000000000"])],
)
def test_a_sum_that_could_overflow_is_refused_when_it_is_planned(
    kind: str, bounds: list[str]
) -> None:
    columns = COLUMNS | {"spend": {"bounds": bounds}}
    with pytest.raises(InvalidParameter, match="2\\^62"):
        planned(kind, of="spend", columns=columns, rows=1000)


def test_a_price_that_is_too_low_to_be_shared_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="too low"):
        planned("variance", of="spend", rho="0.000000001")


def test_keys_have_the_lowest_threshold_that_keeps_delta() -> None:
    keys = planned("top_k", of="town", k="3", groups=5, delta="1e-10", rho="0.05").keys
    assert keys is not None
    rho, delta = vector_noise.keys_price(keys.sigma, keys.threshold, 5)
    assert rho <= Fraction(5, 100)
    assert delta <= Fraction(1, 10**10)
    assert vector_noise.keys_price(keys.sigma, keys.threshold - 1, 5)[1] > Fraction(1, 10**10)
    # The textbook's threshold for the same noise (Wilson et al. 2020) is within a tenth.
    textbook = 1 + keys.sigma * 6.7
    assert keys.threshold == pytest.approx(textbook, rel=0.1)


def test_scores_are_zero_where_the_quantile_lies_and_rise_to_both_sides() -> None:
    counts = np.array([1, 0, 4, 0, 0, 5])
    found = scores(counts, 5000) / MAX_PARTS_OF_WHOLE
    assert found.tolist() == [4, 4, 0, 0, 0, 0]
    assert (scores(counts, 9000) / MAX_PARTS_OF_WHOLE).tolist() == [8, 8, 4, 4, 4, 0]


def test_a_draw_that_costs_more_than_was_charged_is_not_made() -> None:
    with pytest.raises(NoiseNotProven):
        vector_noise.draw_gaussian([1], 10.0, Fraction(1, 1000), 1.0)
    with pytest.raises(NoiseNotProven):
        vector_noise.draw_lowest([1], 1.0, Fraction(1, 1000), 1)
    with pytest.raises(NoiseNotProven):
        vector_noise.draw_keys({"a": 9}, 10.0, 50, Fraction(1), Fraction(1, 10**15), 1)


def test_cells_of_another_plan_or_beyond_64_bits_are_refused() -> None:
    plan = planned("histogram", by="region")
    with pytest.raises(InvalidParameter):
        draw(plan, Exact({ROWS: np.zeros(3, np.int64)}))
    with pytest.raises(InvalidParameter):
        draw(plan, Exact({ROWS: np.full(4, 2**62)}))


def test_planning_the_same_question_gives_the_same_plan() -> None:
    assert planned("crosstab", by=["region", "age"]) == planned("crosstab", by=["region", "age"])


@pytest.mark.parametrize("exponent", [16, 18])
def test_a_delta_below_what_can_be_proved_is_refused_at_once(exponent: int) -> None:
    """OpenDP states no delta below 1.1e-16: the search for a threshold would never end."""
    with pytest.raises(InvalidParameter, match="cannot be proved"):
        scales.keys(10_000_000, 1, exponent)
    with pytest.raises(InvalidParameter, match="delta is"):
        planned("top_k", of="town", k="3", delta=f"1e-{exponent}")


def test_the_smallest_delta_and_many_words_of_a_person() -> None:
    assert scales.keys(10_000_000, 1, 15).threshold > scales.keys(10_000_000, 1, 9).threshold
    with pytest.raises(InvalidParameter, match="cannot be proved"):
        scales.keys(10_000_000, 1000, 15)
