"""What whoever must say yes reads of a question: all of it, by kind of job."""

import dataclasses

import pytest

from party_node import asked_words, question_words
from party_node.federated import question_file as federated
from party_node.insight import question_file as insight
from party_node.joint import question_file as joint
from party_node.lookalike import question_file as lookalike
from protocols.codec import encode
from protocols.dp.queries.filter_words import condition
from protocols.dp.queries.filters import OneOf
from protocols.dp.queries.schema import Schema, TextColumn
from protocols.joint.asked_again import JointAgain
from protocols.lookalike.features import Feature, FeatureKind
from protocols.question import Asked
from tests.support.described import described

TIERS = ", ".join(f"t{n}" for n in range(20))
LOOKALIKE = f"""\
population: readers
features:
  - {{column: age, kind: numeric, low: 18, high: 90.5}}
  - {{column: visits, kind: numeric, edges: [1, 5, 10]}}
  - {{column: joined, kind: date, low: 2015-01-01, edges: [2020-02-29, 2024-01-01]}}
  - {{column: tier, kind: ordinal, categories: [{TIERS}]}}
  - {{column: region, kind: categorical}}
  - {{column: device, kind: categorical, categories: [phone, desk]}}
seeds:
  dataset: customers
  expected: 2137
  columns: {{segment: {{categories: [{TIERS}]}}}}
  where: {{in: {{segment: [{TIERS}]}}}}
price: {{rho: "0.02"}}
audience: 5000
"""
JOINT = """\
ours:
  dataset: readers
  features: [{column: visits, kind: numeric, low: 0}]
  label:
    columns: {churned: {categories: ["yes", "no"]}}
    where: {eq: {churned: "yes"}}
theirs:
  dataset: customers
  features: [{column: age, kind: numeric, high: 90}]
price: {rho: "0.02"}
"""
FEDERATED = """\
features: [{column: age, kind: numeric, edges: [25, 35]}]
label: {column: renewed, positive: ["yes", "maybe"]}
rounds: 2
price: {rho: "0.002"}
"""
HISTOGRAM = """\
query: histogram
dataset: customers
columns: {tier: {column: Tier, categories: [gold, silver]}, age: {bounds: [0, 120]}}
where: {range: {age: {from: 18, under: 30}}}
by: tier
price: {within: 50}
minimum: 70
ours:
  columns: {segment: {categories: [new, loyal]}, spend: {bounds: [0, 500.5], decimals: 1}}
  by: segment
  value: spend
"""


def said(kind: str, asked: Asked) -> list[str]:
    """Return the lines that people read of a job with this question."""
    job = dataclasses.replace(described(), kind=kind, question=encode(asked))
    parts = [dataclasses.asdict(one) for one in question_words.question(job)]
    return [line.strip() for line in asked_words.question(parts)]


def test_a_lookalike_is_said_with_every_bound_and_category() -> None:
    told = said("lookalike", lookalike.parse(LOOKALIKE))
    assert "age: numbers from 18 up to 90.5" in told
    assert "visits: numbers without bounds, in bins cut at 1, 5, 10" in told
    joined = "joined: dates from 2015-01-01, in bins cut at 2020-02-29, 2024-01-01"
    assert joined in told
    assert f"tier: categories in this order: {TIERS}" in told
    assert "region: categories, those that most people there have; all else is one more" in told
    assert "device: categories phone, desk; all else is one more" in told
    assert f"those of customers where segment is {TIERS.replace(', ', ' or ')}" in told
    assert "audience: the 5,000 best" in told


def test_of_seeds_only_the_step_is_said() -> None:
    text = "\n".join(said("lookalike", lookalike.parse(LOOKALIKE)))
    assert "2,000 or more of them are expected among readers" in text
    assert "137" not in text


def test_a_joint_score_is_said_with_its_label_and_both_sides_columns() -> None:
    asked = joint.parse(JOINT, lambda _job, _rho: pytest.fail("no earlier job is named"))
    told = said("joint", asked)
    assert any(line.endswith("those of readers where churned is yes") for line in told)
    assert any(line.endswith("visits: numbers from 0") for line in told)
    assert any(line.endswith("age: numbers up to 90") for line in told)
    assert "sums: exact, without noise" in told


def test_scores_by_an_earlier_model_name_it_and_what_is_read() -> None:
    first = joint.parse(JOINT, lambda _job, _rho: pytest.fail("no earlier job is named"))
    assert not isinstance(first, JointAgain)
    again = JointAgain("ab" * 16, "readers", first.ours, "customers", first.theirs, 5)
    told = said("joint", again)
    assert f"model: that of job {'ab' * 16}; nothing is trained" in told
    assert any("in customers: age" in line for line in told)


def test_a_training_is_said_with_its_label_rounds_and_partners() -> None:
    told = said("federated", federated.parse(FEDERATED))
    assert "what is foretold: whether renewed is yes or maybe; every other value is a no" in told
    assert any("age: numbers without bounds, in bins cut at 25, 35" in line for line in told)
    assert "2, each at rho 0.002 towards each partner" in told
    assert "with more than half of the partners" in told


def test_a_question_is_said_with_filters_columns_and_the_askers_groups() -> None:
    told = said("insight", insight.parse(HISTOGRAM))
    assert "how many rows by tier" in told
    assert "numbers of fewer than 70 people are hidden" in told
    assert any("those of customers where age is at least 18 and under 30" in line for line in told)
    assert "tier (in the file Tier): categories gold, silver; all else is one more" in told
    assert "divided by segment" in told
    assert "the sum of spend, by 4 levels" in told
    assert "spend: numbers from 0 up to 500.5" in told


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("south; all else is one more", '"south; all else is one more"'),
        ("north, south", '"north, south"'),
        ("\x1b[2Jnorth", '"\\u001b[2Jnorth"'),
        ("north\naudience: none", '"north\\naudience: none"'),
        ("\u202eshtron", '"\\u202eshtron"'),
        ("", '""'),
        ("north", "north"),
        ("São Tomé-Centre", "São Tomé-Centre"),
    ],
)
def test_a_word_of_the_other_party_is_one_word_and_moves_no_cursor(
    hostile: str, shown: str
) -> None:
    one = Feature("region", FeatureKind.CATEGORICAL, categories=(hostile, "west"))
    assert question_words.feature(one) == f"region: categories {shown}, west; all else is one more"
    schema = Schema((TextColumn("region", "region"),))
    assert condition(schema, OneOf("region", (hostile, "west"))) == f"region is {shown} or west"


_C = "dataset: d\nprice: {rho: '0.01'}\n"
_N = _C + "columns: {n: {bounds: [0, 9000]}, g: {bins: [1, 2, 3], decimals: 0}, w: {text: true}}\n"
_OURS = "ours: {columns: {bought: {categories: ['yes']}}, by: bought}\n"
_DAYS = "ours: {columns: {bought: {bins: [1, 2, 3]}}, by: bought}\n"
_ARM = "columns: {arm: {categories: [a, b]}, seen: {bins: [1, 2, 3]}}\narm: arm\nbaseline: b\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{_C}query: count", "how many rows"),
        (f"{_N}query: sum\nof: n\nby: [g]", "the sum of n by g"),
        (f"{_N}query: mean\nof: n", "the mean of n"),
        (f"{_N}query: variance\nof: n", "the variance of n"),
        (f"{_C}query: frequency\nmost: 3", "how many people have one row, two … and 3 or more"),
        (f"{_C}query: reach\nmodel: {'ab' * 16}",
         f"how many people are among the best by the model of job {'ab' * 16}"),
        (f"{_C}{_ARM}{_OURS}query: lift\nconverted: ['yes']\namong: exposed",
         "rates are among all who were exposed"),
        (f"{_C}{_ARM}{_DAYS}query: lift\nconverted: ['1 to under 2']\n"
         "window: {after: seen, under: 2}", "a conversion counts less than 2 after seen"),
    ],
)  # fmt: skip
def test_every_kind_of_question_has_words(text: str, line: str) -> None:
    told = said("insight", insight.parse(text))
    assert any(one == line or one.endswith(f": {line}") for one in told), told


def test_what_asks_nothing_beside_the_match_says_nothing() -> None:
    assert question_words.question(described()) == ()
    assert list(asked_words.question([])) == []
