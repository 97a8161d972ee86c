"""Sums and means of the asker's own values from noisy counts, by cell and by arm."""

import pytest

from protocols.dp.queries.drawing import Noisy
from protocols.dp.queries.levels import Levels
from protocols.dp.queries.lift import Worth, answer_lift, hidden_lift
from protocols.dp.queries.plan import ROWS
from protocols.dp.queries.rates import Covers
from protocols.dp.queries.ratios import paired_ratio, ratio
from protocols.dp.queries.schema import NumberColumn
from protocols.dp.queries.valued import answer_valued, hidden_valued
from protocols.errors import InvalidParameter
from tests.support.campaigns import cells, lift_plan
from tests.support.questions import planned

EUROS = NumberColumn("spend", "spend", 2, 0, 50_000)
LEVELS = Levels((0.0, 1000.0, 9000.0), 40_000.0, 0.0, 0.0)
MORE = ("value", "value-per-person", "value-lift", "incremental-value")


def campaign(*by_level: tuple[int, int], others: tuple[int, int], minimum: str = "0"):
    plan = lift_plan("0.05", minimum)
    converted = [cells(*level) for level in by_level]
    rows = answer_lift(plan, converted, [cells(*others)], Worth(LEVELS, EUROS))
    return {row.key: row for row in rows}


def test_value_by_arm() -> None:
    found = campaign((100, 100), (300, 200), (200, 100), others=(9400, 9600))
    assert found["test", "conversions", "noise"].value == 600
    assert found["test", "value", "noise"].value == 300 * 10 + 200 * 90
    for covers in Covers:
        mean = found["test", "value-per-person", covers]
        assert mean.value == pytest.approx(2.1)
        assert mean.low < 2.1 < mean.high
        assert found["test", "value-lift", covers].value == pytest.approx(2.1 - 1.1)
        more = found["test", "incremental-value", covers]
        assert more.value == pytest.approx(10_000)
        assert more.low < 10_000 < more.high
    assert ("control", "value-lift", "both") not in found
    assert ("(other)", "value-lift", "both") not in found
    assert ("(other)", "value", "noise") in found


def test_both_intervals_are_as_wide_as_noise_and_sampling_together() -> None:
    found = campaign((100, 100), (300, 200), (200, 100), others=(9400, 9600))
    for measure in MORE[1:]:
        width = {c: found["test", measure, c].high - found["test", measure, c].low for c in Covers}
        # The coins are in both: what people differ by is measured where they stand.
        assert width[Covers.BOTH] < (width[Covers.NOISE] ** 2 + width[Covers.SAMPLING] ** 2) ** 0.5
        assert width[Covers.BOTH] > max(width[Covers.NOISE], width[Covers.SAMPLING])


def test_what_is_hidden_of_conversions_is_hidden_of_their_value() -> None:
    found = campaign((1, 100), (3, 200), (2, 100), others=(9400, 9600), minimum="50")
    for measure in MORE:
        assert found["test", measure, "noise"].hidden == "small-cohort"
        assert found["test", measure, "noise"].value is None
    assert found["control", "value", "noise"].value is not None
    found = campaign((1, 100), (3, 200), (2, 100), others=(9400, 9600))
    assert found["test", "value", "noise"].value is not None


def test_a_hidden_campaign_has_the_same_lines() -> None:
    plan = lift_plan()
    shown = campaign((1, 1), (1, 1), (1, 1), others=(1, 1))
    hidden = hidden_lift(plan, "small-segment", EUROS)
    assert [row.key for row in hidden] == list(shown)
    assert {(row.value, row.hidden) for row in hidden} == {(None, "small-segment")}


def test_two_kinds_of_others_are_added_up() -> None:
    plan = lift_plan("0.05")
    rows = answer_lift(plan, [cells(600, 300)], [cells(400, 700), cells(9000, 9000)])
    found = {row.key: row for row in rows}
    assert found["test", "people", "noise"].value == 10_000
    assert found["test", "rate", "both"].value == pytest.approx(0.06)
    one = {row.key: row for row in answer_lift(plan, [cells(600, 300)], [cells(9400, 9700)])}
    wide, narrow = found["test", "people", "noise"], one["test", "people", "noise"]
    assert wide.high - wide.low > narrow.high - narrow.low


def test_people_sum_and_mean_of_each_cell() -> None:
    plan = planned("histogram", by="region")
    by_level = [Noisy({ROWS: (n,) * plan.cells}) for n in (1000, 3000, 2000)]
    rows = answer_valued(plan, by_level, LEVELS, EUROS)
    assert len(rows) == 3 * plan.cells
    found = {row.key: row for row in rows}
    label = plan.axes[0][0]
    assert found[label, "people"].value == 6000
    assert found[label, "sum"].value == 3000 * 10 + 2000 * 90
    mean = found[label, "mean"]
    assert mean.value == pytest.approx(35)
    assert mean.low < 35 < mean.high
    assert [row.key for row in hidden_valued(plan, "small-segment")] == [row.key for row in rows]


def test_a_mean_of_few_people_is_noise() -> None:
    plan = planned("histogram", by="region")
    by_level = [Noisy({ROWS: (1,) * plan.cells})] * 3
    found = {row.key[1]: row for row in answer_valued(plan, by_level, LEVELS, EUROS)}
    assert found["mean"].hidden == "too-noisy"
    assert found["sum"].value is not None


def test_counts_by_other_levels_are_refused() -> None:
    with pytest.raises(InvalidParameter):
        answer_valued(planned("count"), [cells(1)], LEVELS, EUROS)
    with pytest.raises(InvalidParameter):
        answer_lift(lift_plan(), [cells(1)], [cells(1)], Worth(LEVELS, EUROS))


def test_a_ratio_of_independent_sums_is_one_without_covariance() -> None:
    assert paired_ratio(300, 100, 25.0, 0.0, 9.0, 1.96) == ratio(300, 100, 5.0, 3.0, 1.96)
    # The same noise in both: a ratio of 1 is then known exactly.
    exact = paired_ratio(100, 100, 9.0, 9.0, 9.0, 1.96)
    assert (exact.low, exact.high) == pytest.approx((1, 1))


@pytest.mark.parametrize("people", range(40))
def test_many_levels_and_hardly_any_noise_never_break_a_ratio(people: int) -> None:
    """With sigma far below 1 what stands in for whole numbers counts for each of the levels."""
    levels = Levels(tuple(float(n) for n in range(64)), 0.0, 0.0, 0.0)
    plan = lift_plan("10")
    converted = [cells(*(people if n == 20 else 0,) * 2) for n in range(64)]
    rows = answer_lift(plan, converted, [cells(0, 0)], Worth(levels, EUROS))
    for row in rows:
        if row.value is not None:
            assert row.low - 1e-9 <= row.value <= row.high + 1e-9
    shown = {row.key: row for row in rows}["test", "value-per-person", "noise"]
    assert (shown.value is None) == (people < 3 * 65**0.5 * (0.224 + 0.255))
