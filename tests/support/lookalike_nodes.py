"""Two party nodes and a coordinator in this process: seeds at the brand, a population with columns
at the publisher.
"""

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from tests.support.insight_nodes import DATASET
from tests.support.two_nodes import (
    BRAND,
    PARTIES,
    PUBLISHER,
    Node,
    ReadyWorld,
    TwoNodes,
    email,
    key,
)

PURPOSE = "lookalike-audience"
PEOPLE = range(400)
"""Everybody whom the publisher knows."""
SILENT = {7, 300}
"""Who has not consented, at both sides."""
DOCUMENT = """\
collaboration: spring
version: 1
title: Spring
expires: 2027-06-30
minimum_size: 2
budget: {rho: "1000", delta_exponent: 8}
parties: {brand: {}, publisher: {}}
datasets:
  - {party: brand, dataset: customers, identifiers: [email]}
  - {party: publisher, dataset: audience, identifiers: [email], columns: [age, tier, visits, mail]}
jobs:
  - {kind: lookalike, purpose: lookalike-audience, receiver: publisher}
  - {kind: lookalike, purpose: lookalike-audience, receiver: publisher, protocol: lookalike-cot/2}
"""
QUESTION = """\
population: audience
features:
  - {column: age, kind: numeric, low: 18, high: 90}
  - {column: tier, kind: ordinal, categories: [basic, silver, gold]}
  - {column: visits, kind: numeric}
seeds: {dataset: customers, expected: 50}
price: {rho: "8"}
audience: 60
"""


def age(person: int) -> int:
    return 20 + person % 60


def tier(person: int) -> str:
    return ("basic", "silver", "gold")[person % 3]


def wanted(person: int) -> bool:
    """Tell who is like the seeds: they are older, and gold."""
    return age(person) > 50 and tier(person) == "gold"


def segment(person: int) -> str:
    return "loyal" if person % 2 else "new"


SEEDS = [n for n in PEOPLE if wanted(n)]
STRANGERS = range(1000, 1010)
"""Seeds whom the publisher does not know."""


def _make(world: TwoNodes, folder: Path) -> None:
    for node in world.nodes.values():
        fill(node, folder)
        consent(node)
    world.agree(DOCUMENT, {"lookalike": PURPOSE}, allow_reveal=False)


def people_of(party: str) -> list[int]:
    return [*SEEDS, *STRANGERS] if party == BRAND else list(PEOPLE)


def fill(node: Node, folder: Path) -> None:
    """Register a file of people."""
    file = folder / f"{node.party}.csv"
    visits = np.random.default_rng(4).poisson(6, len(PEOPLE))
    if node.party == BRAND:
        rows = ["id,email,segment"]
        rows += [
            f"{key(BRAND, n)},{email(n)},{'loyal' if n % 2 else 'new'}" for n in people_of(BRAND)
        ]
    else:
        rows = ["id,email,age,tier,visits,mail"]
        rows += [
            f"{key(PUBLISHER, n)},{email(n)}, {age(n)},{tier(n)},{visits[n]},{email(n)}"
            for n in PEOPLE
        ]
    file.write_text("\n".join(rows) + "\n")
    node.services.datasets.register(DATASET[node.party], file, "id", "email", None, None)


def consent(node: Node) -> None:
    node.say_all("given", (n for n in people_of(node.party) if n not in SILENT), PURPOSE)


def _make_trained(world: TwoNodes, folder: Path) -> None:
    _make(world, folder)
    world.complete("lookalike", question=QUESTION, route="cot")


_READY = ReadyWorld("lookalike", PARTIES, _make)
_TRAINED = ReadyWorld("lookalike-trained", PARTIES, _make_trained)


def lookalike_nodes() -> AbstractContextManager[TwoNodes]:
    """Return a world with seeds, a population, consents and one agreement."""
    return _READY.copy()


def trained_nodes() -> AbstractContextManager[TwoNodes]:
    """Return a world in which one model has been made."""
    return _TRAINED.copy()


def the_model(world: TwoNodes) -> str:
    """Return the job that has made it."""
    (job,) = world.publisher.services.models.listed()
    return job
