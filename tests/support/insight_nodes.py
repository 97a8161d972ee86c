"""Two party nodes and a coordinator in this process, whose files have columns to ask about."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

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

PURPOSE = "audience-measurement"
PEOPLE = {BRAND: range(60), PUBLISHER: range(20, 90)}
SILENT = {BRAND: {3, 25}, PUBLISHER: {30, 81}}
"""Who has not consented at which side."""
COMMON = set(range(20, 60)) - {25, 30}
TIERS = ("gold", "silver", "bronze")

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
  - {party: publisher, dataset: audience, identifiers: [email], columns: [tier, spend]}
jobs:
  - {kind: insight, purpose: audience-measurement, receiver: brand}
  - {kind: insight, purpose: audience-measurement, receiver: brand, protocol: sums-join-cot/1}
"""
DATASET = {BRAND: "customers", PUBLISHER: "audience"}


def tier(person: int) -> str:
    """Return the publisher's word for a person; every seventh has one that nobody declared."""
    return "platinum" if person % 7 == 0 else TIERS[person % 3]


def spend(person: int) -> float:
    return (person % 5) * 10.5


def segment(person: int) -> str:
    return "new" if person < 40 else "loyal"


def _make(world: TwoNodes, folder: Path) -> None:
    for node in world.nodes.values():
        fill(node, folder)
        consent(node)
    world.agree(DOCUMENT, {"insight": PURPOSE}, allow_reveal=False)


def fill(node: Node, folder: Path, tier_of: Callable[[int], str] = tier) -> None:
    """Register a file of people; again with other rows."""
    path = folder / f"{node.party}.csv"
    lines = [
        f"{key(node.party, n)},{email(n)},{tier_of(n)},{spend(n)},{segment(n)}\n"
        for n in PEOPLE[node.party]
    ]
    path.write_text("key,email,tier,spend,segment\n" + "".join(lines))
    node.services.datasets.register(DATASET[node.party], path, "key", "email", None, "GB")


def consent(node: Node) -> None:
    """Let most people consent to the purpose."""
    saying = (n for n in PEOPLE[node.party] if n not in SILENT[node.party])
    node.say_all("given", saying, PURPOSE)


_READY = ReadyWorld("insight-nodes", PARTIES, _make)


def insight_nodes() -> AbstractContextManager[TwoNodes]:
    """Start from a ready-made world: enrolled, agreed, with people, consents, a standing rule."""
    return _READY.copy()
