"""The reference of questions says what the reader reads: kinds, keys, domains, conditions."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from party_node.federated import question_file as federated
from party_node.insight import question_file
from party_node.joint import question_file as joint
from party_node.lookalike import question_file as lookalike
from party_node.statistics.question_file import parse
from party_node.tracking import outcomes_file
from protocols.dp.queries import lift, reading, reading_columns, reading_filters
from protocols.dp.queries.query import Lift
from protocols.dp.queries.rates import Covers
from protocols.dp.queries.schema import BinColumn
from protocols.dp.queries.windows import bins_within
from tests.architecture.test_docs import blocks, table

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "reference" / "queries.md"


def words(cell: str) -> list[str]:
    return re.findall(r"`([a-z_]+)`", cell)


def first_words(heading: str) -> list[str]:
    return [words(row[0])[0] for row in table(PAGE, heading)]


def test_every_kind_has_a_row_with_its_keys() -> None:
    rows = {words(row[0])[0]: words(row[1]) for row in table(PAGE, "## Kinds")}
    assert rows == {kind: list(keys) for kind, (keys, _) in reading.KINDS.items()}


def test_every_domain_has_a_row_with_its_keys() -> None:
    rows = {words(row[0])[0]: set(words(row[1])) for row in table(PAGE, "## Domains of columns")}
    assert rows == {
        domain: set(keys) - {domain} for domain, keys in reading_columns.DOMAINS.items()
    }


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("## Keys of every question", reading.COMMON),
        ("## Filters", reading_filters.CONDITIONS),
        ("## Bounds on a person", reading.PER_PERSON),
        ("## Prices", reading.PRICES),
    ],
)
def test_every_key_has_a_row(heading: str, known: Iterable[str]) -> None:
    assert first_words(heading) == list(known)


def test_every_question_in_the_docs_can_be_asked() -> None:
    examples = [body for body in blocks(PAGE, "yaml") if body.startswith("query:")]
    assert examples
    for body in examples:
        assert parse(body).dataset


def test_every_campaign_in_the_docs_can_be_measured() -> None:
    page = DOCS / "concepts" / "measurement.md"
    examples = [body for body in blocks(page, "yaml") if body.startswith("query:")]
    assert len(examples) == 4
    asked = [question_file.parse(body) for body in examples]
    assert [one.groups for one in asked[:3]] == [lift.GROUPS] * 3
    assert asked[2].ours.value
    assert asked[2].has_rest
    assert asked[3].has_window


def test_every_key_of_ones_own_people_has_a_row() -> None:
    assert first_words("## Of people in common") == list(question_file.KEYS)
    keys, _ = reading.KINDS["lift"]
    assert first_words("## Of a lift") == list(keys[3:])
    assert f"{question_file.DEFAULT_LEVELS} unless said" in PAGE.read_text()
    for key in (*reading.WINDOW, reading.COMMON_PEOPLE, reading.EXPOSED):
        assert key in PAGE.read_text()


def test_every_file_of_outcomes_in_the_docs_can_be_read() -> None:
    page = DOCS / "concepts" / "lookalike.md"
    (example,) = (b for b in blocks(page, "yaml") if b.startswith("dataset:"))
    outcomes = outcomes_file.parse(example)
    question = outcomes_file.reach_question(outcomes, "0" * 32, "readers", "")
    assert question_file.parse(question).model == "0" * 32
    rows = [word for row in table(PAGE, "## Of a reach") for word in words(row[0])]
    assert rows == list(outcomes_file.KEYS)


def test_every_key_of_a_question_for_a_model_has_a_row() -> None:
    assert first_words("## Of a lookalike") == list(lookalike.KEYS)
    assert first_words("## Of a joint score") == list(joint.KEYS)
    assert first_words("## Of a federated training") == list(federated.KEYS)
    found = [word for row in table(PAGE, "## Features") for word in words(row[0])]
    assert found == list(lookalike.FEATURE_KEYS)
    seeds = next(row for row in table(PAGE, "## Of a lookalike") if words(row[0]) == ["seeds"])
    assert words(seeds[1]) == list(lookalike.SEEDS_KEYS)
    label = next(r for r in table(PAGE, "## Of a federated training") if words(r[0]) == ["label"])
    assert words(label[1]) == list(federated.LABEL_KEYS)
    assert set(joint.KEYS_AGAIN) <= set(words(PAGE.read_text()))


def test_the_pairs_of_the_window_in_the_docs_are_right() -> None:
    """The page says which, and by how much that widens the noise."""
    page = DOCS / "concepts" / "measurement.md"
    body = next(body for body in blocks(page, "yaml") if "window:" in body)
    asked = question_file.parse(body)
    seen, bought = asked.query.schema.find("seen"), asked.ours.schema.find("bought")
    assert isinstance(asked.query.ask, Lift)
    assert isinstance(seen, BinColumn)
    assert isinstance(bought, BinColumn)
    assert bins_within(asked.query.ask, seen, bought) == {(0, 0), (0, 1), (1, 1), (1, 2)}
    assert (len(seen.edges) - 1) * len(asked.groups) == 8


def test_the_measures_of_a_lift_have_a_row_each() -> None:
    page = DOCS / "concepts" / "measurement.md"
    told = [re.findall(r"`([a-z-]+)`", row[0])[0] for row in table(page, "## Reading the answer")]
    assert told == [
        lift.PEOPLE, lift.CONVERSIONS, lift.RATE, lift.LIFT, lift.RELATIVE_LIFT,
        lift.VALUE, lift.PER_PERSON, lift.VALUE_LIFT, lift.INCREMENTAL,
    ]  # fmt: skip
    told = [re.findall(r"`([a-z-]+)`", row[0])[0] for row in table(page, "## What intervals cover")]
    assert told == list(Covers)
