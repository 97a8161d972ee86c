"""Make the demo's world: two data files, two consent files, and what is known of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from party_node.demo.consents import PURPOSES, Standing, make_consents
from party_node.demo.population import DEFAULT_PEOPLE, Population, make_population
from party_node.demo.sides import BRAND, PUBLISHER, Held, Side, make_side

_WITHDRAWS_FROM = "joint-audience"


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """The matched person who withdraws at the publisher during the demo."""

    person: int
    key: str
    """The one reader_id."""
    email: str
    """Plain spelling, domain in Unicode."""


@dataclass(slots=True)
class DemoWorld:
    """Where the files are, and who and what is in them by the generator's own knowledge."""

    customers: Path
    audience: Path
    brand_consents: Path
    publisher_consents: Path
    people: int
    now_ms: int
    sides: Mapping[str, Side] = field(repr=False)
    """Party → what it holds."""
    standings: Mapping[str, Mapping[str, NDArray[np.uint8]]] = field(repr=False)
    """Party → purpose → `Standing` of each of `sides[party].people`."""
    adult_rows: NDArray[np.int64] = field(repr=False)
    """Row of the Adult data that each person is made from."""
    withdrawing: Withdrawing = field(repr=False)
    withdrawn: set[tuple[str, str, int]] = field(default_factory=set, repr=False)
    """(party, purpose, person): who has withdrawn since the files were written."""

    def known_to_both(self) -> int:
        """Return how many people both sides know, whether or not they may be matched."""
        return len(np.intersect1d(self.sides[BRAND].people, self.sides[PUBLISHER].people))


def make(folder: Path, *, rows: int | None = None, seed: int = 7, now_ms: int) -> DemoWorld:
    """Write the four files into `folder` and return the world; the same arguments, the same bytes.

    `rows` is the number of people in total; by default 38,000: the brand knows 20,000, the
    publisher 26,000, both 8,000. Raises: ValueError for fewer than 190.
    """
    folder.mkdir(parents=True, exist_ok=True)
    population = make_population(rows or DEFAULT_PEOPLE, seed, (BRAND, PUBLISHER))
    customers, audience = folder / "customers.csv", folder / "audience.parquet"
    consents = {
        BRAND: folder / "brand-consents.csv",
        PUBLISHER: folder / "publisher-consents.jsonl",
    }
    sides = {
        BRAND: make_side(population, BRAND, seed, customers),
        PUBLISHER: make_side(population, PUBLISHER, seed, audience),
    }
    standings = {
        party: make_consents(population, sides[party], other, seed, now_ms, consents[party])
        for party, other in ((BRAND, PUBLISHER), (PUBLISHER, BRAND))
    }
    return DemoWorld(
        customers=customers,
        audience=audience,
        brand_consents=consents[BRAND],
        publisher_consents=consents[PUBLISHER],
        people=len(population),
        now_ms=now_ms,
        sides=sides,
        standings=standings,
        adult_rows=population.adult_rows,
        withdrawing=_withdrawing(population, sides, standings),
    )


def _withdrawing(
    population: Population,
    sides: Mapping[str, Side],
    standings: Mapping[str, Mapping[str, NDArray[np.uint8]]],
) -> Withdrawing:
    """Return the first person who matches by e-mail for every purpose and has one reader row."""
    candidates = np.arange(len(population))
    for party, side in sides.items():
        agreed = np.logical_and.reduce([standings[party][p] == Standing.GRANTED for p in PURPOSES])
        candidates = np.intersect1d(candidates, side.people[agreed & (side.email == Held.USABLE)])
    rows, counts = np.unique(sides[PUBLISHER].row_people, return_counts=True)
    candidates = np.intersect1d(candidates, rows[counts == 1])
    person = int(candidates[0])
    row = int(np.flatnonzero(sides[PUBLISHER].row_people == person)[0])
    return Withdrawing(person, sides[PUBLISHER].keys[row], population.emails[person])
