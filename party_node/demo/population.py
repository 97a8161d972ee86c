"""The demo's people: who exists, how they can be reached, and which side knows whom.

Each person stands on one row of the Adult census data and has a name, one e-mail address and, while
fictional numbers last, one telephone number; addresses and numbers are unique. Above 48,842 people
the rows repeat with new identities. The same seed and number give the same people.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from party_node.demo.fictional import CALLING_CODES, DOMAIN_WEIGHTS, DOMAINS, FAMILY, GIVEN, numbers
from party_node.demo.spelling import HOME

ADULT = Path(__file__).parent / "data" / "adult.parquet"
ADULT_ROWS = 48_842
DEFAULT_PEOPLE = 38_000
MIN_PEOPLE = 190

_STYLES = 4


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody; all arrays and lists are indexed by person number."""

    given: NDArray[np.uint16]
    family: NDArray[np.uint16]
    emails: list[str]
    """Plain spelling: lower case, domain in Unicode."""
    countries: list[str]
    """Country of the telephone number, or of residence where there is none."""
    phones: list[str | None]
    """National number without prefix; None for people beyond the supply of fictional ones."""
    adult_rows: NDArray[np.int64]
    at: dict[str, NDArray[np.int64]]
    """Party → whom it knows, rising: of 19, 6 only the first party, 9 only the second, 4 both."""

    def __len__(self) -> int:
        return len(self.emails)


def make_population(people: int, seed: int, parties: tuple[str, str]) -> Population:
    """Make `people` persons and split them: the first party knows 10 of 19, the second 13, both 4.

    Raises: ValueError for fewer than 190.
    """
    if people < MIN_PEOPLE:
        raise ValueError(f"the demo needs at least {MIN_PEOPLE} people")
    rng = np.random.default_rng([seed, 1])
    given = rng.integers(0, len(GIVEN), people).astype(np.uint16)
    family = rng.integers(0, len(FAMILY), people).astype(np.uint16)
    first, both = round(people * 10 / 19), round(people * 4 / 19)
    order = rng.permutation(people)
    countries, phones = _phones(rng, people)
    return Population(
        given=given,
        family=family,
        emails=_emails(rng, given, family),
        countries=countries,
        phones=phones,
        adult_rows=rng.permutation(ADULT_ROWS)[np.arange(people) % ADULT_ROWS],
        at={parties[0]: np.sort(order[:first]), parties[1]: np.sort(order[first - both :])},
    )


def adult_columns(columns: dict[str, str], rows: NDArray[np.int64]) -> dict[str, object]:
    """Return columns of the Adult data at these rows, under our names."""
    table = pq.read_table(ADULT, columns=list(columns)).take(rows)
    return {ours: table[theirs] for theirs, ours in columns.items()}


def _emails(
    rng: np.random.Generator, given: NDArray[np.uint16], family: NDArray[np.uint16]
) -> list[str]:
    """Return one address for each person; where names and domains are the same, with a number."""
    locals_ = [
        _local(style, g.lower(), f.lower())
        for style, g, f in itertools.product(range(_STYLES), GIVEN, FAMILY)
    ]
    texts, text_of = np.unique(locals_, return_inverse=True)
    style = rng.integers(0, _STYLES, len(given))
    domain = rng.choice(len(DOMAINS), len(given), p=DOMAIN_WEIGHTS)
    local = text_of[(style * len(GIVEN) + given) * len(FAMILY) + family]
    rank = _rank(local * len(DOMAINS) + domain)
    # Names hold no digits, so that name and number together stay unique.
    return [
        f"{texts[text]}{n + 1 if n else ''}@{DOMAINS[d]}"
        for text, n, d in zip(local.tolist(), rank.tolist(), domain.tolist(), strict=True)
    ]


def _local(style: int, given: str, family: str) -> str:
    return (f"{given}.{family}", f"{given}_{family}", f"{family}.{given}", given[0] + family)[style]


def _rank(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each element how many equal ones stand before it."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    lengths = np.diff(np.r_[starts, len(keys)])
    rank = np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.repeat(starts, lengths)
    return rank


def _phones(rng: np.random.Generator, people: int) -> tuple[list[str], list[str | None]]:
    """Hand out fictional numbers, those of the home country first, in no order among people."""
    home = [(HOME, n) for n in numbers(HOME)]
    abroad = [(c, n) for c in CALLING_CODES if c != HOME for n in numbers(c)]
    pool = [home[i] for i in rng.permutation(len(home))]
    pool += [abroad[i] for i in rng.permutation(len(abroad))]
    countries, phones = [HOME] * people, [None] * people
    found: list[str | None] = list(phones)
    for (country, number), person in zip(pool, rng.permutation(people).tolist(), strict=False):
        countries[person], found[person] = country, number
    return countries, found
