"""Identifiers and free text are refused, and what real features look like is not."""

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from protocols.lookalike.leakage import LeakyColumn, check_column

ROWS, MANY = 400, 4000
DRAWS = np.random.default_rng(1)
LEAKY: dict[str, Any] = {
    "mail": pa.array([f"p{i % 9}@mail.example" for i in range(ROWS)]),
    "phone": pa.array([f"+44 20 7946 {i % 7:04}" for i in range(ROWS)]),
    "phone as a number": pa.array([447_911_000_000 + i % 50 for i in range(ROWS)]),
    "uuid": pa.array([f"01234567-89ab-4def-8123-{i % 30:012x}" for i in range(ROWS)]),
    "hash": pa.array([hashlib.sha256(b"%d" % (i % 30)).hexdigest() for i in range(ROWS)]),
    "address": pa.array([f"10.0.0.{i % 20}" for i in range(ROWS)]),
    "iban": pa.array([f"GB8237{i % 20:012}" for i in range(ROWS)]),
    "row number": pa.array(range(ROWS)),
    "customer number": pa.array(DRAWS.permutation(10**6)[:MANY]),
    "numbers of two systems": pa.array([*range(3000), *range(70_000, 71_000)]),
    "number with a year": pa.array([(2015 + i % 9) * 10_000 + i for i in range(MANY)]),
    "numbers of whom time has left": pa.array(
        (10**7 * (1 - np.sqrt(DRAWS.random(MANY)))).astype(np.int64)
    ),
    "few amounts, which could be numbers": pa.array(
        np.exp(15 + DRAWS.normal(size=ROWS)).astype(np.int64)
    ),
    "name": pa.array([f"Person {chr(65 + i % 26)}{i}" for i in range(ROWS)]),
    "some mails": pa.array(["none"] * 340 + [f"p{i}@m.example" for i in range(60)]),
    "note": pa.array(["called twice, wants a quote for two windows"] * ROWS),
    "words": pa.array(["a b c d e f"] * ROWS),
    "bytes": pa.array([b"x"] * ROWS),
    "nested": pa.array([[1]] * ROWS),
    "coded": pa.array([f"p{i % 9}@mail.example" for i in range(ROWS)]).dictionary_encode(),
}
FINE: dict[str, Any] = {
    "age": pa.array(DRAWS.integers(18, 90, ROWS)),
    "spend": pa.array(DRAWS.normal(size=ROWS)),
    "cents": pa.array(DRAWS.integers(0, 1000, ROWS)),
    "income in cents": pa.array(np.exp(15 + DRAWS.normal(size=MANY)).astype(np.int64)),
    "balance, mostly zero": pa.array(
        np.where(DRAWS.random(MANY) < 0.04, 0, np.exp(12 + DRAWS.normal(size=MANY))).astype(
            np.int64
        )
    ),
    "job": pa.array([f"job {i % 40}" for i in range(ROWS)]),
    "joined": pa.array([f"2024-01-{1 + i % 28:02}" for i in range(ROWS)]),
    "flag": pa.array([i % 2 == 0 for i in range(ROWS)]),
    "empty": pa.array([None] * ROWS, pa.string()),
    "no rows": pa.array([], pa.string()),
}


@pytest.mark.parametrize("name", LEAKY)
def test_what_singles_people_out_is_refused(name: str) -> None:
    with pytest.raises(LeakyColumn) as caught:
        check_column(name, LEAKY[name])
    assert name in str(caught.value)


@pytest.mark.parametrize("name", FINE)
def test_what_describes_many_people_is_not(name: str) -> None:
    check_column(name, FINE[name])


def test_the_refusal_repeats_no_value() -> None:
    with pytest.raises(LeakyColumn) as caught:
        check_column("contact", LEAKY["mail"])
    assert "example" not in str(caught.value)


def test_an_identifier_among_missing_values_is_still_found() -> None:
    column = pa.array([None] * 3000 + [f"p{i}@mail.example" for i in range(30)])
    with pytest.raises(LeakyColumn):
        check_column("contact", column)
