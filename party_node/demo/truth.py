"""The plain answer: who may be used and who is in common, by the generator's knowledge alone.

No code of the product is used here and no file is read: neither normalisation nor ledger, neither
rules nor protocols. People are numbers, consent is what was intended, and an intersection is
`np.intersect1d`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from party_node.demo.consents import Standing
from party_node.demo.people import DemoWorld
from party_node.demo.population import adult_columns
from party_node.demo.sides import BRAND, PUBLISHER, Held

_BROADER = {"lookalike-audience": "joint-audience"}


def permitted_people(world: DemoWorld, party: str, purpose: str) -> NDArray[np.int64]:
    """Return the people whom a party may use for a purpose towards the other, rising.

    Whoever has no usable identifier there said nothing that counts, and is not in it.
    """
    side, standing = world.sides[party], world.standings[party]
    permitted = standing[purpose] == Standing.GRANTED
    broader = _BROADER.get(purpose)
    if broader is not None:
        # Whoever objects to the broader purpose objects to what stands under it.
        permitted &= ~np.isin(standing[broader], (Standing.REFUSED, Standing.WITHDRAWN))
    gone = [person for p, q, person in world.withdrawn if p == party and q in (purpose, broader)]
    return np.setdiff1d(side.people[permitted], np.array(gone, np.int64))


def matched_people(world: DemoWorld, purpose: str, identifier: str = "email") -> NDArray[np.int64]:
    """Return the people whom both may use and both know by a usable identifier of this kind."""
    common = None
    for party in (BRAND, PUBLISHER):
        usable = known_by(world, party, identifier)
        there = np.intersect1d(permitted_people(world, party, purpose), usable)
        common = there if common is None else np.intersect1d(common, there)
    assert common is not None
    return common


def known_by(world: DemoWorld, party: str, identifier: str) -> NDArray[np.int64]:
    """Return the people whose identifier of this kind a party holds in usable form."""
    side = world.sides[party]
    held = side.email if identifier == "email" else side.phone
    usable: NDArray[np.int64] = side.people[held == Held.USABLE]
    return usable


def permitted(world: DemoWorld, party: str, purpose: str) -> int:
    """Return how many people a party's gate should permit."""
    return len(permitted_people(world, party, purpose))


def overlap(world: DemoWorld, purpose: str, identifier: str = "email") -> int:
    """Return the exact size of the permitted overlap."""
    return len(matched_people(world, purpose, identifier))


def relationships(world: DemoWorld, purpose: str) -> dict[str, int]:
    """Return how many of the matched people have each value of the publisher's column."""
    column = adult_columns({"relationship": "relationship"}, world.adult_rows)["relationship"]
    values = np.asarray(column)[matched_people(world, purpose)]
    found, counts = np.unique(values.astype(str), return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def wanted(world: DemoWorld, keys: Sequence[str]) -> float:
    """Return which part of the people behind these reader_ids has a high income, as seeds have."""
    people = np.unique([world.sides[PUBLISHER].person_of()[key] for key in keys])
    return float(_high_income(world)[people].mean())


def seeds(world: DemoWorld, purpose: str) -> int:
    """Return how many people with a high income both may use and both know by e-mail."""
    return int(_high_income(world)[matched_people(world, purpose)].sum())


def _high_income(world: DemoWorld) -> NDArray[np.bool_]:
    column = adult_columns({"income": "income"}, world.adult_rows)["income"]
    found: NDArray[np.bool_] = np.asarray(column).astype(str) == ">50K"
    return found


def audience(world: DemoWorld, purpose: str, identifier: str = "email") -> list[str]:
    """Return the reader_ids, in file order, of all rows about the matched people."""
    side = world.sides[PUBLISHER]
    inside = np.isin(side.row_people, matched_people(world, purpose, identifier))
    return [side.keys[i] for i in np.flatnonzero(inside)]


def withdraw(world: DemoWorld, purpose: str = "joint-audience") -> None:
    """Note that the demo's person has withdrawn at the publisher."""
    world.withdrawn.add((PUBLISHER, purpose, world.withdrawing.person))
