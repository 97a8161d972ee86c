"""A lift as an aligned sum: two vectors, and the noise and price of one histogram."""

import pytest

from party_node.insight.question_file import parse
from protocols.codec import decode, encode
from protocols.errors import InvalidParameter
from protocols.sums.insight import Insight, params_for

OURS = "ours: {columns: {paid: {bins: [0, 10, 50, 100]}}, by: paid}\n"
COMMON = "dataset: d\ncolumns: {arm: {categories: [test, control]}}\nprice: {rho: '0.01'}\n"
LIFT = (
    "query: lift\narm: arm\nbaseline: control\n"
    "converted: [10 to under 50, 50 to under 100]\n" + COMMON + OURS
)


def test_it_costs_what_a_histogram_costs_and_has_the_same_noise() -> None:
    lift, plain = (
        params_for(parse(text), 50) for text in (LIFT, "query: histogram\nby: arm\n" + COMMON)
    )
    assert lift.second.sigma_milli == plain.second.sigma_milli
    assert lift.second.layout.one_hot == plain.second.layout.one_hot == (4,)
    assert (lift.first.groups, lift.second.layout.vectors) == (2, 2)


def test_every_segment_is_in_one_of_two_groups() -> None:
    asked = parse(LIFT)
    assert asked.ours.labels()[3:] == ("(other)", "(missing)")
    assert [asked.group(segment) for segment in range(5)] == [2, 1, 1, 2, 2]


def test_groups_of_other_questions_are_the_segments() -> None:
    asked = parse("query: histogram\nby: arm\n" + COMMON + OURS)
    assert asked.groups == asked.ours.labels()
    assert [asked.group(segment) for segment in range(5)] == [1, 2, 3, 4, 5]
    assert asked.ours_query("d").bounds.groups == 1


def test_a_forged_question_whose_conversions_are_of_no_segment_is_refused() -> None:
    data = encode(parse(LIFT))
    assert decode(Insight, data) == parse(LIFT)
    forged = data.replace(b"10 to under 50", b"10 to under 60")
    assert forged != data
    with pytest.raises(InvalidParameter, match="converted names buckets"):
        decode(Insight, forged)
