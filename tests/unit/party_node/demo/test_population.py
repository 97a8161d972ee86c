"""The demo's people exist, can be told apart, and belong to nobody real."""

import itertools
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from party_node.demo import fictional, spelling
from party_node.demo.population import ADULT, ADULT_ROWS, make_population
from protocols.identifiers import (
    InvalidIdentifier,
    normalise_column,
    normalise_email,
    normalise_phone,
)

_RESERVED = re.compile(r"@(?:.+\.)?example(?:\.com|\.org|\.net)?\Z")


def test_the_census_file_is_whole_small_and_attributed() -> None:
    table = pq.read_table(ADULT)
    assert table.shape == (ADULT_ROWS, 15)
    assert ADULT.stat().st_size < 1_000_000
    assert table["age"].to_numpy().sum() == 1_887_430
    assert table["fnlwgt"].to_numpy().sum() == 9_263_575_662
    assert table["income"].to_pylist().count(">50K") == 11_687
    assert table.schema.metadata is None
    words = (ADULT.parent / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert all(w in words for w in ("Becker", "Kohavi", "1996", "CC BY 4.0", "What was changed"))


def test_the_split_is_as_stated() -> None:
    population = make_population(38_000, 7, ("brand", "publisher"))
    brand, publisher = population.at["brand"], population.at["publisher"]
    assert (len(brand), len(publisher)) == (20_000, 26_000)
    assert len(np.intersect1d(brand, publisher)) == 8_000
    assert len(np.union1d(brand, publisher)) == len(population) == 38_000
    assert len(set(population.adult_rows.tolist())) == 38_000


def test_nobody_collides_with_anybody_after_normalisation() -> None:
    population = make_population(60_000, 3, ("brand", "publisher"))
    emails = normalise_column("email", population.emails)
    assert (emails.refused, emails.missing) == (0, 0)
    assert len(set(emails.values)) == 60_000
    assert all(_RESERVED.search(e) for e in population.emails)
    numbers = [
        None if n is None else f"+{fictional.CALLING_CODES[c]}{n}"
        for c, n in zip(population.countries, population.phones, strict=True)
    ]
    phones = normalise_column("phone", numbers)
    assert (phones.refused, phones.missing) == (0, 0)
    assert phones.values == numbers
    assert len(set(numbers)) == 60_000


def test_beyond_the_census_rows_repeat_and_beyond_the_numbers_people_have_none() -> None:
    supply = sum(len(fictional.numbers(country)) for country in fictional.CALLING_CODES)
    assert supply > 150_000
    population = make_population(supply + 1000, 5, ("brand", "publisher"))
    assert population.phones.count(None) == 1000
    assert len(set(population.emails)) == supply + 1000
    uses = np.bincount(population.adult_rows, minlength=ADULT_ROWS)
    assert uses.max() - uses.min() == 1


def test_every_fictional_number_is_valid_and_distinct() -> None:
    for country, code in fictional.CALLING_CODES.items():
        numbers = fictional.numbers(country)
        column = normalise_column("phone", [f"+{code}{n}" for n in numbers])
        assert column.refused == 0, country
        assert len(set(column.values)) == len(numbers)


def test_the_same_seed_makes_the_same_people() -> None:
    one, two, other = (make_population(500, seed, ("brand", "publisher")) for seed in (1, 1, 2))
    assert (one.emails, one.phones) == (two.emails, two.phones)
    assert np.array_equal(one.at["brand"], two.at["brand"])
    assert one.emails != other.emails


@pytest.mark.parametrize("people", [-1, 0, 189])
def test_too_few_people_are_no_demo(people: int) -> None:
    with pytest.raises(ValueError, match="at least 190"):
        make_population(people, 1, ("brand", "publisher"))


@pytest.mark.parametrize("domain", fictional.DOMAINS)
def test_every_spelling_of_an_address_means_the_address(domain: str) -> None:
    address = f"maria.keller2@{domain}"
    spelled = {spelling.spell_email(address, style) for style in range(9)}
    assert len(spelled) > 6
    assert {normalise_email(text) for text in spelled} == {normalise_email(address)}


def test_every_spelling_of_a_number_means_the_number() -> None:
    for country, code in fictional.CALLING_CODES.items():
        numbers = fictional.numbers(country)
        for national, style in itertools.product((numbers[0], numbers[-1]), range(7)):
            text = spelling.spell_phone(country, national, style)
            assert normalise_phone(text, spelling.HOME) == f"+{code}{national}", (country, style)


def test_what_is_broken_means_nothing() -> None:
    for style in range(20):
        with pytest.raises(InvalidIdentifier):
            normalise_email(spelling.break_email("maria.keller@example.com", style))
        with pytest.raises(InvalidIdentifier):
            normalise_phone(spelling.break_phone(style), spelling.HOME)


def test_styles_drawn_are_styles_that_exist() -> None:
    rng = np.random.default_rng(1)
    assert set(spelling.email_styles(rng, 20_000).tolist()) == set(range(9))
    assert set(spelling.phone_styles(rng, 20_000).tolist()) == set(range(7))


def test_the_attribution_stands_beside_the_data() -> None:
    assert sorted(p.name for p in Path(ADULT).parent.iterdir()) == [
        "ATTRIBUTION.md",
        "adult.parquet",
    ]
