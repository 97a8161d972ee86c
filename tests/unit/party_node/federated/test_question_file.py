"""A federated question as people write it."""

import pytest

from party_node.federated.question_file import parse
from protocols.dp.queries.scalars import InvalidQuery
from protocols.federated.asked import Label

TEXT = """\
features:
  - {column: age, kind: numeric, edges: [30, 50.5]}
  - {column: joined, kind: date, edges: [1970-01-02, 2024-03-05]}
  - {column: tier, kind: ordinal, categories: [basic, gold]}
label: {column: renewed, positive: ["yes", "twice"]}
rounds: 2
threshold: 2
ridge: 0.05
price: {rho: "0.004"}
"""


def test_a_question_is_read_as_it_stands() -> None:
    asked = parse(TEXT)
    age, joined, tier = asked.features.features
    assert joined.edges_milli == (1_000, 19_787_000)
    assert (age.column, age.edges_milli) == ("age", (30_000, 50_500))
    assert (tier.column, tier.categories) == ("tier", ("basic", "gold"))
    assert asked.label == Label("renewed", ("yes", "twice"))
    numbers = (asked.rounds, asked.threshold, asked.ridge_milli, asked.rho_nano)
    assert numbers == (2, 2, 50, 4_000_000)
    assert asked.columns == {"age", "joined", "tier", "renewed"}


def test_a_threshold_may_be_left_out() -> None:
    assert parse(TEXT.replace("threshold: 2\n", "")).threshold == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rounds: 2\n", ""),
        ("rounds: 2", "rounds: many"),
        ("ridge: 0.05", "ridge: 0.0005"),
        ("edges: [30, 50.5]", "low: 3"),
        ('positive: ["yes", "twice"]', "positive: []"),
        ("1970-01-02, ", "1, "),
        ("1970-01-02, ", "2024-03-06, "),
        ("edges: [1970-01-02, 2024-03-05]", "low: 1970-01-02"),
        ("kind: date, edges: [1970-01-02, 2024-03-05]", "kind: numeric, edges: [1970-01-02]"),
        ("column: renewed", "column: age"),
        ("price:", "prize:"),
        ("kind: ordinal", "kind: odd"),
        ('{rho: "0.004"}', '{rho: "-1"}'),
    ],
)
def test_what_is_wrong_is_refused(before: str, after: str) -> None:
    assert before in TEXT
    with pytest.raises(InvalidQuery):
        parse(TEXT.replace(before, after))


def test_a_question_without_a_ridge_asks_for_none() -> None:
    assert parse(TEXT.replace("ridge: 0.05\n", "")).ridge_milli == 0
