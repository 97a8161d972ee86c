"""The reference of questions says what the reader reads: kinds, keys, domains, conditions."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from party_node.insight import question_file
from party_node.statistics.question_file import parse
from protocols.dp.queries import lift, reading, reading_columns, reading_filters
from protocols.dp.queries.rates import Covers
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
    assert len(examples) == 2
    for body in examples:
        asked = question_file.parse(body)
        assert asked.groups == lift.GROUPS


def test_the_measures_of_a_lift_have_a_row_each() -> None:
    page = DOCS / "concepts" / "measurement.md"
    told = [re.findall(r"`([a-z-]+)`", row[0])[0] for row in table(page, "## Reading the answer")]
    assert told == [lift.PEOPLE, lift.CONVERSIONS, lift.RATE, lift.LIFT, lift.RELATIVE_LIFT]
    told = [re.findall(r"`([a-z-]+)`", row[0])[0] for row in table(page, "## What intervals cover")]
    assert told == list(Covers)
