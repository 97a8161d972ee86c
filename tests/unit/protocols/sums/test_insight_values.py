"""Values of one's own people, all who were exposed, and windows: what a run of them is made of."""

import pytest

from party_node.insight.question_file import parse
from protocols.codec import decode, encode
from protocols.dp.queries.scalars import InvalidQuery
from protocols.errors import InvalidParameter
from protocols.question import _without_price, params_fitting
from protocols.sums.insight import Insight, cost_of, params_for

COMMON = "dataset: d\ncolumns: {arm: {categories: [test, control]}}\nprice: {within: 20}\n"
HISTOGRAM = "query: histogram\nby: arm\n" + COMMON
OURS = "ours: {columns: {paid: {bins: [0, 1, 50]}, spend: {bounds: [0, 500]}}, by: paid%s}\n"
VALUE = ", value: spend, levels: 6"
LIFT = "query: lift\narm: arm\nbaseline: control\nconverted: [1 to under 50]\n" + COMMON


def test_a_value_costs_what_the_counts_cost_and_has_a_group_for_each_level() -> None:
    plain, valued = (parse(LIFT + OURS % more) for more in ("", VALUE))
    assert cost_of(plain, 50) == cost_of(valued, 50)
    narrow, wide = params_for(plain, 50), params_for(valued, 50)
    assert narrow.second.sigma_milli == wide.second.sigma_milli
    assert (narrow.first.groups, wide.first.groups) == (2, 7)
    assert wide.second.layout.vectors == 7
    assert wide.first.dummies_each == narrow.first.dummies_each
    assert valued.levels == (6, 1)


def test_in_a_histogram_every_segment_has_levels() -> None:
    asked = parse(HISTOGRAM + OURS % VALUE)
    assert asked.levels == (6,) * 4
    assert params_for(asked, 50).first.groups == 24
    assert parse(HISTOGRAM + OURS % ", value: spend").levels == (4,) * 4


def test_all_who_were_exposed_are_a_vector_more_and_cost_nothing_more() -> None:
    plain = parse(LIFT + OURS % "")
    exposed = parse(LIFT + "among: exposed\n" + OURS % "")
    assert parse(LIFT + "among: common\n" + OURS % "") == plain
    assert cost_of(plain, 50) == cost_of(exposed, 50)
    params = params_for(exposed, 50)
    assert params.has_rest
    assert not params_for(plain, 50).has_rest
    assert params.first == params_for(plain, 50).first
    assert params.second.sigma_milli == params_for(plain, 50).second.sigma_milli


def test_with_a_window_who_has_converted_is_divided_by_when() -> None:
    text = LIFT.replace("[test, control]}", "[test, control]}, seen: {bins: [0, 1, 2]}")
    text = text.replace("converted: [", "converted: [50 to under 90, ")
    text += "window: {after: seen, under: 50}\n" + OURS % ""
    text = text.replace("[0, 1, 50]", "[0, 1, 50, 90]")
    asked = parse(text)
    assert asked.groups == ("1 to under 50", "50 to under 90", "not converted")
    assert [asked.group(n) for n in range(5)] == [3, 1, 2, 3, 3]
    assert asked.plan(0).cells == 4 * 4
    assert decode(Insight, encode(asked)) == asked


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (HISTOGRAM + OURS % ", value: paid", "needs bounds"),
        (HISTOGRAM + OURS % ", value: spent", "not one of the declared"),
        (HISTOGRAM + OURS % ", value: spend, levels: 1", "2 to 64 levels"),
        (HISTOGRAM + OURS % ", value: spend, levels: 65", "2 to 64 levels"),
        (HISTOGRAM + OURS % ", levels: 6", "2 to 64 levels"),
        (HISTOGRAM + OURS % ", value: spend, most: 6", "not a key"),
        (HISTOGRAM.replace("histogram\nby: arm", "count\nper_person: {rows: 2}")
         + OURS % VALUE, "counts once"),
        (HISTOGRAM.replace("histogram", "distinct").replace("by: arm", "by: [arm]")
         + OURS % VALUE, "goes with counts"),
        (HISTOGRAM + OURS.replace("500]", "500], decimals: 9") % VALUE, "could be 2"),
        (HISTOGRAM + OURS.replace("[0, 1, 50]", f"{list(range(60))}") % VALUE, "256 levels"),
        (LIFT + "among: everybody\n" + OURS % "", "common, exposed"),
        (LIFT.replace("[test, control]}", "[test, control]}, seen: {bins: [0, 1, 2]}")
         + "window: {after: seen, under: 50}\n" + OURS % VALUE, "two questions"),
        (LIFT.replace("[test, control]}", "[test, control]}, seen: {bins: [90, 91]}")
         + "window: {after: seen, under: 50}\n" + OURS % "", "lies in the window"),
        (LIFT.replace("[test, control]}", "[test, control]}, seen: {bins: [0, 1, 2]}")
         .replace("converted: [", "converted: [(missing), ")
         + "window: {after: seen, under: 50}\n" + OURS % "", "no time"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused_when_it_is_read(text: str, rule: str) -> None:
    with pytest.raises(InvalidQuery, match=rule):
        parse(text)


def test_another_number_of_levels_is_another_question_and_a_price_is_not() -> None:
    few, many = (parse(HISTOGRAM + OURS % f", value: spend, levels: {n}") for n in (4, 5))
    assert encode(_without_price(few)) != encode(_without_price(many))
    dear = parse(
        (HISTOGRAM + OURS % ", value: spend, levels: 4").replace("within: 20", "within: 30")
    )
    assert encode(_without_price(few)) == encode(_without_price(dear))


def test_a_forged_question_with_levels_and_no_value_is_refused() -> None:
    data = encode(parse(HISTOGRAM + OURS % VALUE))
    assert data.endswith(b"espend\x06")
    with pytest.raises(InvalidParameter, match="2 to 64 levels"):
        decode(Insight, data[:-7] + b"\x60\x06")
    with pytest.raises(InvalidParameter, match="2 to 64 levels"):
        decode(Insight, data[:-1] + b"\x01")


def test_many_levels_at_a_low_price_are_matched_strictly() -> None:
    """Without it each group needs twice the dummies: nine of them have no room within ±50."""
    asked = parse((LIFT + OURS % ", value: spend, levels: 8").replace("within: 20", "within: 50"))
    with pytest.raises(InvalidParameter, match="too many dummies"):
        params_for(asked, 50)
    assert params_fitting(asked, 50) == params_for(asked, 50, strict=True)
    few = parse((LIFT + OURS % ", value: spend, levels: 4").replace("within: 20", "within: 50"))
    assert params_fitting(few, 50) == params_for(few, 50)
    with pytest.raises(InvalidParameter, match="too many dummies"):
        params_fitting(
            parse((LIFT + OURS % ", value: spend, levels: 64").replace("within: 20", "within: 50")),
            50,
        )
