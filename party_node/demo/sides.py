"""The two data files: what the brand and the publisher each hold about the people they know.

Each side spells in its own way, misses some addresses and numbers, holds some that cannot be read,
and has some people twice.
"""

import enum
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from party_node.demo import spelling
from party_node.demo.fictional import FAMILY, GIVEN
from party_node.demo.population import Population, adult_columns

BRAND, PUBLISHER = "brand", "publisher"
DUPLICATES = 0.03
"""Share of rows that repeat a person."""

_EMAIL_LOSS, _PHONE_LOSS = (0.01, 0.01), (0.01, 0.03)
"""Shares that cannot be read, and that are missing."""
_CUSTOMER = {
    "age": "age",
    "gender": "gender",
    "marital-status": "marital_status",
    "occupation": "occupation",
    "income": "income",
    "native-country": "native_country",
}
_READER = {
    "education": "education",
    "educational-num": "education_years",
    "hours-per-week": "hours_per_week",
    "workclass": "workclass",
    "relationship": "relationship",
    "capital-gain": "capital_gain",
    "capital-loss": "capital_loss",
}


class Held(enum.IntEnum):
    """What a side holds of an identifier."""

    USABLE = 0
    BROKEN = 1
    MISSING = 2


@dataclass(frozen=True, slots=True)
class Side:
    """What a party holds: the generator's own knowledge, indexed by position in `people`."""

    party: str
    people: NDArray[np.int64]
    """Person numbers, rising."""
    email: NDArray[np.uint8]
    """`Held` of each person's address."""
    phone: NDArray[np.uint8]
    row_people: NDArray[np.int64]
    """Person number of each row of the file, in its order."""
    keys: list[str]
    """customer_id or reader_id of each row."""

    def person_of(self) -> dict[str, int]:
        """Return row key → person number."""
        return dict(zip(self.keys, self.row_people.tolist(), strict=True))


def make_side(population: Population, party: str, seed: int, path: Path) -> Side:
    """Draw what a party holds and write its file: CSV for the brand, Parquet for the publisher."""
    rng = np.random.default_rng([seed, 2 if party == BRAND else 3])
    people = population.at[party]
    email = _held(rng, len(people), _EMAIL_LOSS)
    phone = _held(rng, len(people), _PHONE_LOSS)
    none = np.array([population.phones[p] is None for p in people.tolist()])
    phone[none] = Held.MISSING
    doubled = rng.permutation(np.flatnonzero(email == Held.USABLE))
    doubled = doubled[: round(len(people) * DUPLICATES / (1 - DUPLICATES))]
    rows = rng.permutation(np.r_[np.arange(len(people)), doubled])
    first = np.zeros(len(rows), bool)
    first[np.unique(rows, return_index=True)[1]] = True
    # The other row of a doubled person has the same address, and its number half of the time.
    row_phone = np.where(first | (rng.random(len(rows)) < 0.5), phone[rows], Held.MISSING)
    letter, numbers = ("C", "R")[party == PUBLISHER], rng.permutation(10 * len(rows))[: len(rows)]
    keys = [f"{letter}{n:08d}" for n in numbers.tolist()]
    side = Side(party, people, email, phone, people[rows], keys)
    _write(population, side, rng, email[rows], row_phone, path)
    return side


def _held(rng: np.random.Generator, count: int, loss: tuple[float, float]) -> NDArray[np.uint8]:
    return rng.choice(3, count, p=(1 - sum(loss), *loss)).astype(np.uint8)


def _write(
    population: Population,
    side: Side,
    rng: np.random.Generator,
    email: NDArray[np.uint8],
    phone: NDArray[np.uint8],
    path: Path,
) -> None:
    people = side.row_people
    key, columns = ("customer_id", _CUSTOMER) if side.party == BRAND else ("reader_id", _READER)
    data: dict[str, object] = {
        key: side.keys,
        "email": _emails(population, people, email, rng),
        "phone": _phones(population, people, phone, rng),
    }
    if side.party == BRAND:
        data["given_name"] = pa.array(GIVEN).take(pa.array(population.given[people]))
        data["family_name"] = pa.array(FAMILY).take(pa.array(population.family[people]))
    table = pa.table(data | adult_columns(columns, population.adult_rows[people]))
    if side.party == BRAND:
        pa.csv.write_csv(table, path)
    else:
        pq.write_table(table, path, compression="zstd")


def _emails(
    population: Population,
    people: NDArray[np.int64],
    held: NDArray[np.uint8],
    rng: np.random.Generator,
) -> list[str | None]:
    styles = spelling.email_styles(rng, len(people))
    known = population.emails
    out: list[str | None] = []
    for person, state, style in zip(people.tolist(), held.tolist(), styles.tolist(), strict=True):
        if state == Held.USABLE:
            out.append(spelling.spell_email(known[person], style))
        else:
            out.append(
                spelling.break_email(known[person], person) if state == Held.BROKEN else None
            )
    return out


def _phones(
    population: Population,
    people: NDArray[np.int64],
    held: NDArray[np.uint8],
    rng: np.random.Generator,
) -> list[str | None]:
    styles = spelling.phone_styles(rng, len(people))
    out: list[str | None] = []
    for person, state, style in zip(people.tolist(), held.tolist(), styles.tolist(), strict=True):
        number = population.phones[person]
        if number is not None and state == Held.USABLE:
            out.append(spelling.spell_phone(population.countries[person], number, style))
        else:
            out.append(spelling.break_phone(person) if state == Held.BROKEN else None)
    return out
