"""Campaign measurement from noisy counts: rates, lifts, intervals, and what is hidden."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dp.queries.answering import Row
from protocols.dp.queries.lift import answer_lift, hidden_lift
from protocols.dp.queries.rates import Covers, difference, quotient, rate
from protocols.dp.queries.ratios import Interval
from protocols.errors import InvalidParameter
from tests.support.campaigns import cells, lift_plan, lift_question
from tests.support.questions import planned

Table = dict[tuple[str, ...], Row]


def table(converted: tuple[int, ...], others: tuple[int, ...], minimum: str = "0") -> Table:
    rows = answer_lift(lift_plan(minimum=minimum), [cells(*converted)], [cells(*others)])
    return {row.key: row for row in rows}


def test_an_answer_has_a_line_for_each_measure_arm_and_interval() -> None:
    found = table((1200, 600), (8800, 9400))
    assert found["test", "people", "noise"].value == 10_000
    assert found["test", "conversions", "noise"].value == 1200
    for covers in Covers:
        assert found["test", "rate", covers].value == pytest.approx(0.12)
        assert found["test", "lift", covers].value == pytest.approx(0.06)
        assert found["test", "relative-lift", covers].value == pytest.approx(1.0)
    assert ("control", "lift", "both") not in found, "the baseline is not compared with itself"
    assert ("(other)", "lift", "both") not in found, "who is in no arm has no lift"
    assert found["(other)", "people", "noise"].value == 0


def test_noise_and_sampling_are_stated_apart_and_together() -> None:
    found = table((1200, 600), (8800, 9400))
    for arm, measure in (("test", "rate"), ("test", "lift"), ("test", "relative-lift")):
        widths = {}
        for covers in Covers:
            row = found[arm, measure, covers]
            assert row.low < row.value < row.high
            widths[covers] = row.high - row.low
        apart = (widths[Covers.NOISE] ** 2 + widths[Covers.SAMPLING] ** 2) ** 0.5
        assert widths[Covers.BOTH] == pytest.approx(apart, rel=0.02)


def test_hillstroms_campaign() -> None:
    """21,307 men's mails and 21,306 without: 3,894 and 2,262 visited, 267 and 122 bought.

    Drawn once with rho 0.0138 in a trial, the lifts were 0.0771 and 0.0062; exactly they are 0.0766
    and 0.0068.
    """
    plan = lift_plan("0.0138")
    for yes, exact, drawn in (((3894, 2262), 0.0766, 0.0771), ((267, 122), 0.0068, 0.0062)):
        no = (21_307 - yes[0], 21_306 - yes[1])
        found = {row.key: row for row in answer_lift(plan, [cells(*yes)], [cells(*no)])}
        noise, both = (found["test", "lift", covers] for covers in ("noise", "both"))
        assert both.value == pytest.approx(exact, abs=5e-5)
        assert noise.low < drawn < noise.high
        assert both.low > 0, "the campaign has worked"


def test_an_arm_of_few_people_is_hidden_and_so_is_its_lift() -> None:
    found = table((30, 600), (10, 9400), minimum="50")
    hidden = {key[1]: row.hidden for key, row in found.items() if key[0] == "test"}
    assert set(hidden) == {"people", "conversions", "rate", "lift", "relative-lift"}
    assert set(hidden.values()) == {"small-cohort"}
    assert found["control", "rate", "both"].value == pytest.approx(0.06)


@pytest.mark.parametrize("counts", [(49, 9000), (9000, 49)])
def test_few_conversions_are_not_given_away_by_a_difference(counts: tuple[int, int]) -> None:
    """People less conversions would be the others: where one is too small both are hidden."""
    found = table((counts[0], 600), (counts[1], 9400), minimum="50")
    assert found["test", "people", "noise"].value == 9049
    for measure, covers in (("conversions", "noise"), ("rate", "both"), ("lift", "both")):
        row = found["test", measure, covers]
        assert (row.value, row.low, row.high, row.people) == (None, None, None, None)
        assert row.hidden == "small-cohort"


def test_an_empty_baseline_hides_the_lift_and_not_the_rate() -> None:
    found = table((1200, 3), (8800, -7))
    assert found["test", "rate", "both"].value == pytest.approx(0.12)
    assert found["control", "rate", "both"].hidden == "too-noisy"
    assert found["test", "lift", "both"].hidden == "too-noisy"
    assert found["test", "relative-lift", "both"].hidden == "too-noisy"


def test_without_conversions_in_the_baseline_there_is_a_lift_but_no_relative_one() -> None:
    found = table((1200, 12), (8800, 9988))
    assert found["test", "lift", "both"].value == pytest.approx(0.12 - 0.0012)
    assert found["test", "relative-lift", "both"].hidden == "too-noisy"


def test_negative_noisy_counts_are_no_negative_people_and_no_negative_rate() -> None:
    found = table((-25, 600), (9000, 9400))
    conversions, shown = found["test", "conversions", "noise"], found["test", "rate", "both"]
    assert (conversions.value, conversions.low) == (0, 0)
    assert shown.value == shown.low == 0
    assert 0 < shown.high < 0.01
    assert found["test", "relative-lift", "both"].value == -1


def test_a_group_that_stayed_out_hides_every_line() -> None:
    plan = lift_plan()
    rows = hidden_lift(plan, "small-segment")
    assert [r.key for r in rows] == [r.key for r in answer_lift(plan, [cells()], [cells()])]
    assert {(r.value, r.people, r.hidden) for r in rows} == {(None, None, "small-segment")}


def test_cells_of_another_question_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="another kind"):
        answer_lift(planned("histogram", by="region"), [cells()], [cells()])


@given(c=st.integers(-50, 10_000), n=st.integers(0, 10_000), sigma=st.floats(0.2, 30))
def test_a_rate_lies_in_its_intervals_and_the_one_for_both_is_the_widest(
    c: int, n: int, sigma: float
) -> None:
    if max(0, c) + n < 5 * (sigma + 1):
        return
    found = {covers: rate(c, n, sigma, covers) for covers in Covers}
    for one in found.values():
        assert 0 <= one.low <= one.value + 1e-9
        assert one.value - 1e-9 <= one.high <= 1
    both = found[Covers.BOTH]
    for covers in (Covers.NOISE, Covers.SAMPLING):
        assert both.low <= found[covers].low + 1e-9
        assert both.high >= found[covers].high - 1e-9


def test_a_rate_is_wilsons_where_only_sampling_counts() -> None:
    """Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662, and 15 of 148 0.0624 to 0.1605."""
    for c, people, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605)):
        found = rate(c, people - c, 9.0, Covers.SAMPLING)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_a_difference_is_newcombes_where_only_sampling_counts() -> None:
    """Newcombe 1998, method 10: 56 of 70 less 48 of 80 is 0.2, from 0.0524 to 0.3339."""
    one, base = (rate(c, n, 9.0, Covers.SAMPLING) for c, n in ((56, 14), (48, 32)))
    found = difference(one, base)
    assert [round(v, 4) for v in (found.value, found.low, found.high)] == [0.2, 0.0524, 0.3339]


def test_a_quotient_reaches_as_far_as_its_two_intervals_together() -> None:
    exact = Interval(0.1, 0.1, 0.1)
    found = quotient(Interval(0.2, 0.15, 0.3), exact)
    assert (found.low, found.value, found.high) == pytest.approx((1.5, 2.0, 3.0))
    found = quotient(exact, Interval(0.2, 0.1, 0.25))
    assert (found.low, found.high) == pytest.approx((0.4, 1.0))
    nothing = quotient(Interval(0.0, 0.0, 0.1), Interval(0.2, 0.1, 0.45))
    assert (nothing.value, nothing.low) == (0, 0)
    assert nothing.high > 0.5


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"baseline": "placebo"}, "baseline is one of"),
        ({"columns": {"arm": {"categories": ["control"]}}}, "besides the baseline"),
        ({"per_person": {"rows": "2"}}, "rows and groups are 1"),
        ({"per_person": {"groups": "2"}}, "rows and groups are 1"),
        ({"converted": ["yes", "yes"]}, "none twice"),
        ({"converted": []}, "a list"),
        ({"arm": "spend", "columns": {"spend": {"bounds": ["0", "9"]}}}, "categories or bins"),
    ],
)
def test_a_question_of_lift_that_makes_no_sense_is_refused(keys: dict, rule: str) -> None:
    with pytest.raises(InvalidParameter, match=rule):
        lift_question(**keys)
