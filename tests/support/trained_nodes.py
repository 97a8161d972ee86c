"""Two party nodes that have trained a model together, ready to score their own people by it.

Some people's label is missing; some consent to training alone, and some to being scored alone.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from party_node.approvals import Rule
from tests.support.federated_nodes import (
    HELD,
    PURPOSE,
    QUESTION,
    SILENT,
    TWO,
    MemoryLine,
    age,
    renewed,
    tier,
)
from tests.support.two_nodes import (
    BRAND,
    COLLABORATION,
    PUBLISHER,
    RHO_NANO,
    Node,
    ReadyWorld,
    TwoNodes,
    email,
    key,
    other,
)

SCORED = "joint-model-audience"
UNLABELLED = {n for people in HELD.values() for n in people if n % 10 == 1}
TRAINING_ALONE = {n for people in HELD.values() for n in people if n % 9 == 0}
"""Who has consented to training and not to being scored."""
DOCUMENT = """\
collaboration: spring
version: 1
title: Spring
expires: 2027-06-30
minimum_size: 50
budget: {rho: "1000", delta_exponent: 8}
parties: {brand: {}, publisher: {}}
datasets:
  - {party: brand, dataset: people, identifiers: [email], columns: [age, tier, renewed]}
  - {party: publisher, dataset: people, identifiers: [email], columns: [age, tier, renewed]}
  - {party: publisher, dataset: prospects, identifiers: [email]}
jobs:
  - {kind: federated, purpose: joint-model, receiver: brand}
  - {kind: federated, purpose: joint-model-audience, receiver: brand}
"""


def to_be_scored(party: str) -> set[int]:
    """Return whom consent to being scored covers."""
    return set(HELD[party]) - TRAINING_ALONE


def label(person: int) -> str:
    if person in UNLABELLED:
        return ""
    return "yes" if renewed(person) else "no"


def _make(world: TwoNodes, folder: Path) -> None:
    for node in world.nodes.values():
        _fill(node, folder)
    world.brand.services.collaborations.propose(DOCUMENT)
    world.publisher.services.collaborations.countersign(COLLABORATION, 1)
    rule = Rule("all", COLLABORATION, "federated", PURPOSE, RHO_NANO, allow_reveal=False)
    world.publisher.services.rules.put(rule)
    line = MemoryLine(world)
    with _without_flower():
        job = world.brand.ask("federated", question=QUESTION)
        world.settle(job, each=lambda: line.turn(job))
    assert world.job(job) == ("completed", "")


def _fill(node: Node, folder: Path) -> None:
    file = folder / f"{node.party}.csv"
    rows = ["id,email,age,tier,renewed"]
    rows += [
        f"{key(node.party, n)},{email(n)},{age(n)},{tier(n)},{label(n)}" for n in HELD[node.party]
    ]
    file.write_text("\n".join(rows) + "\n")
    node.services.datasets.register("people", file, "id", "email", None, None)
    whom = other(node.party)
    for person in HELD[node.party]:
        if person not in SILENT:
            node.say("given", person, PURPOSE, recipient=whom)
        if person not in TRAINING_ALONE:
            node.say("given", person, SCORED, recipient=whom)


_READY = ReadyWorld("trained", TWO, _make)


@contextmanager
def _without_flower() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("party_node.federated.keeping.Keeper.ensure", lambda _self: None)
        patch.setattr("party_node.federated.phases.WAIT_SECONDS", 0)
        yield


def trained_nodes() -> AbstractContextManager[TwoNodes]:
    """Return a world in which one training has completed."""
    return _READY.copy()


def the_job(world: TwoNodes) -> str:
    """Return the training."""
    found = {job for node in (BRAND, PUBLISHER) for job in _trained(world.nodes[node])}
    (job,) = found
    return job


def _trained(node: Node) -> list[str]:
    return node.services.trained.listed()
