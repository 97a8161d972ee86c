"""Three party nodes and a coordinator in this process: `two_nodes.py` with a shop beside the two.

The brand asks; the publisher and the shop have rules that say yes. Every person's consent is given
towards each of the other two by itself.
"""

from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.two_nodes import (
    BRAND,
    PUBLISHER,
    PURPOSE,
    Node,
    ReadyWorld,
    TwoNodes,
    email,
    key,
)

SHOP = "shop"
THREE = (BRAND, PUBLISHER, SHOP)
ASKED_BY = BRAND
PEOPLE = {BRAND: range(30), PUBLISHER: range(8, 40), SHOP: (*range(4, 20), *range(24, 36))}
"""Who is in whose file: 8 to 19 and 24 to 29 are in all three."""
REFUSES = {
    (BRAND, 9, SHOP), (PUBLISHER, 10, BRAND), (PUBLISHER, 11, SHOP), (SHOP, 12, PUBLISHER),
}  # fmt: skip
"""Who has not consented at which party towards which other one."""
ALL_HAVE = {*range(8, 20), *range(24, 30)} - {person for _, person, _ in REFUSES}
"""Who is in all three files and permits it towards everybody."""

DOCUMENT = """\
collaboration: spring
version: 1
title: Spring, three of us
expires: 2027-06-30
minimum_size: 2
budget: {rho: "1000", delta_exponent: 8}
parties: {brand: {}, publisher: {}, shop: {}}
datasets:
  - {party: brand, dataset: people, identifiers: [email]}
  - {party: publisher, dataset: people, identifiers: [email]}
  - {party: shop, dataset: people, identifiers: [email]}
jobs:
  - {kind: overlap, purpose: audience-measurement, receiver: brand}
  - {kind: audience, purpose: joint-audience, receiver: publisher, reveal: true}
"""


def _make(world: TwoNodes, folder: Path) -> None:
    for node in world.nodes.values():
        _fill(node, folder)
    world.agree(DOCUMENT, PURPOSE, allow_reveal=True)


def _fill(node: Node, folder: Path) -> None:
    held, services = PEOPLE[node.party], node.services
    path = folder / f"{node.party}.csv"
    lines = [f"{key(node.party, n)},{email(n)}\n" for n in held]
    path.write_text("key,email\n" + "".join(lines))
    services.datasets.register("people", path, "key", "email", None, "GB")
    for peer in THREE:
        if peer != node.party:
            saying = [person for person in held if (node.party, person, peer) not in REFUSES]
            for purpose in PURPOSE.values():
                node.say_all("given", saying, purpose, recipient=peer)


_READY = ReadyWorld("three-nodes", THREE, _make)


def three_nodes() -> AbstractContextManager[TwoNodes]:
    """Start from a ready-made world: enrolled, agreed, with people, consents and standing rules."""
    return _READY.copy()
