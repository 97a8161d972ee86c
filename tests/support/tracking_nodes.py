"""Two party nodes and a coordinator in this process, with a lookalike model that is made already:
seeds at the brand, which learns later who has bought.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from party_node.api.consent import BatchBody, record_events
from party_node.approvals import Rule
from party_node.tracking import outcomes_file
from tests.support.insight_nodes import DATASET
from tests.support.two_nodes import (
    BRAND,
    COLLABORATION,
    PARTIES,
    PUBLISHER,
    RHO_NANO,
    Node,
    ReadyWorld,
    TwoNodes,
    email,
    key,
    other,
)

PURPOSE = "lookalike-audience"
MEASURING = "audience-measurement"
SILENT = {7, 30}
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
  - {party: brand, dataset: other, identifiers: [email]}
  - {party: brand, dataset: customers, identifiers: [email]}
  - {party: publisher, dataset: audience, identifiers: [email], columns: [age, tier]}
jobs:
  - {kind: lookalike, purpose: lookalike-audience, receiver: publisher, protocol: lookalike-cot/2}
  - {kind: insight, purpose: lookalike-audience, receiver: brand, protocol: sums-join-cot/1}
  - {kind: insight, purpose: lookalike-audience, receiver: brand}
  - {kind: insight, purpose: audience-measurement, receiver: brand}
"""
QUESTION = """\
population: audience
features:
  - {column: age, kind: numeric, low: 18, high: 90}
  - {column: tier, kind: ordinal, categories: [basic, silver, gold]}
seeds:
  dataset: customers
  expected: %d
  columns: {segment: {categories: [loyal, new]}}
  where: {eq: {segment: loyal}}
price: {rho: "8"}
"""
OUTCOMES = """\
columns: {bought: {categories: ["yes", "no"]}}
where: {eq: {bought: "yes"}}
price: {rho: "8"}
"""
SMALL, LARGE = 400, 2200
"""People whom the publisher knows."""


def wanted(person: int) -> bool:
    """Tell who is like the seeds: they are older, and gold."""
    return age(person) > 50 and tier(person) == "gold"


def age(person: int) -> int:
    return 20 + person * 37 % 61


def tier(person: int) -> str:
    return ("basic", "silver", "gold")[person % 3]


def of_brand(people: int) -> list[int]:
    """Return whom the brand knows: all who are wanted, as many others, and a few strangers."""
    seeds = [n for n in range(people) if wanted(n)]
    others = [n for n in range(people) if not wanted(n)]
    return sorted([*seeds, *others[:: len(others) // len(seeds)], *range(5000, 5010)])


def by_model(person: int) -> bool:
    """Who buys, where the model is right still."""
    return wanted(person)


def by_chance(person: int) -> bool:
    """Who buys, where the model says nothing of it any more."""
    return person * 7919 % 1013 < 500


def fill(node: Node, folder: Path, people: int, bought: Callable[[int], bool] = by_model) -> None:
    """Register a file of people; again with other outcomes."""
    file = folder / f"{node.party}.csv"
    if node.party == BRAND:
        rows = ["id,email,segment,bought"]
        rows += [
            f"{key(BRAND, n)},{email(n)},{'loyal' if wanted(n) else 'new'},"
            f"{'yes' if bought(n) else 'no'}"
            for n in of_brand(people)
        ]
    else:
        rows = ["id,email,age,tier"]
        rows += [f"{key(PUBLISHER, n)},{email(n)},{age(n)},{tier(n)}" for n in range(people)]
    file.write_text("\n".join(rows) + "\n")
    node.services.datasets.register(DATASET[node.party], file, "id", "email", None, None)


def consent(node: Node, people: int) -> None:
    known = of_brand(people) if node.party == BRAND else range(people)
    said = [
        {
            "key": f"given-{n}",
            "email": email(n),
            "state": "given",
            "purpose": PURPOSE,
            "recipient": other(node.party),
            "separate": True,
        }
        for n in known
        if n not in SILENT
    ]
    for at in range(0, len(said), 1000):
        body = BatchBody.model_validate({"events": said[at : at + 1000]})
        assert record_events(body, node._running())["accepted"] == len(body.events)


def question(model: str, outcomes: str = OUTCOMES) -> str:
    """Return the question that `accord model track` asks."""
    return outcomes_file.reach_question(outcomes_file.parse(outcomes), model, "audience", "")


def model_of(world: TwoNodes) -> str:
    """Return the job that has made the model."""
    (job,) = world.publisher.services.models.listed()
    return job


def _made_with(people: int) -> Callable[[TwoNodes, Path], None]:
    def make(world: TwoNodes, folder: Path) -> None:
        for node in world.nodes.values():
            fill(node, folder, people)
            consent(node, people)
        world.agree(DOCUMENT, {"lookalike": PURPOSE, "insight": PURPOSE}, allow_reveal=False)
        measuring = Rule("measuring", COLLABORATION, "insight", MEASURING, RHO_NANO, False)
        world.publisher.services.rules.put(measuring)
        seeds = sum(wanted(n) for n in range(people)) - len(SILENT)
        world.complete("lookalike", question=QUESTION % seeds)

    return make


_READY = {
    people: ReadyWorld(f"tracking-{people}", PARTIES, _made_with(people))
    for people in (SMALL, LARGE)
}


def tracking_nodes(people: int = SMALL) -> AbstractContextManager[TwoNodes]:
    """Return a world with a model, a population, and consents."""
    return _READY[people].copy()
