"""Party nodes that have trained a model together, ready to score their own people by it.

Some people's label is missing; some consent to training alone, and some to being scored alone; of
three parties, some consent to being scored towards one only.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.federated_nodes import (
    HELD,
    PURPOSE,
    SILENT,
    THREE,
    TWO,
    age,
    agreement,
    renewed,
    tier,
    train,
)
from tests.support.two_nodes import (
    Node,
    ReadyWorld,
    TwoNodes,
    email,
    key,
)

SCORED = "joint-model-audience"
UNLABELLED = {n for people in HELD.values() for n in people if n % 10 == 1}
TRAINING_ALONE = {n for people in HELD.values() for n in people if n % 9 == 0}
"""Who has consented to training and not to being scored."""
TOWARDS_ONE = {n for people in HELD.values() for n in people if n % 7 == 0}
"""Who consents to being scored towards the first of several other parties only."""
DOCUMENT = """\
collaboration: spring
version: 1
title: Spring
expires: 2027-06-30
minimum_size: 50
budget: {{rho: "1000", delta_exponent: 8}}
parties: {{{parties}}}
datasets:
{datasets}
  - {{party: publisher, dataset: prospects, identifiers: [email]}}
jobs:
  - {{kind: federated, purpose: joint-model, receiver: brand}}
  - {{kind: federated, purpose: joint-model-audience, receiver: brand}}
"""


def to_be_scored(party: str, parties: tuple[str, ...] = TWO) -> set[int]:
    """Return whom consent to being scored covers."""
    partly = TOWARDS_ONE if len(parties) > 2 else set()
    return set(HELD[party]) - TRAINING_ALONE - partly


def label(person: int) -> str:
    if person in UNLABELLED:
        return ""
    return "yes" if renewed(person) else "no"


def _world_of(parties: tuple[str, ...]) -> Callable[[TwoNodes, Path], None]:
    def make(world: TwoNodes, folder: Path) -> None:
        for node in world.nodes.values():
            _fill(node, folder, [p for p in parties if p != node.party])
        text = agreement(DOCUMENT, parties)
        world.agree(text, {"federated": PURPOSE}, allow_reveal=False)
        train(world)

    return make


def _fill(node: Node, folder: Path, others: list[str]) -> None:
    file = folder / f"{node.party}.csv"
    rows = ["id,email,age,tier,renewed"]
    rows += [
        f"{key(node.party, n)},{email(n)},{age(n)},{tier(n)},{label(n)}" for n in HELD[node.party]
    ]
    file.write_text("\n".join(rows) + "\n")
    node.services.datasets.register("people", file, "id", "email", None, None)
    held = HELD[node.party]
    for place, peer in enumerate(others):
        node.say_all("given", (n for n in held if n not in SILENT), PURPOSE, recipient=peer)
        partly = TOWARDS_ONE if place else set()
        saying = (n for n in held if n not in TRAINING_ALONE | partly)
        node.say_all("given", saying, SCORED, recipient=peer)


_READY = {
    parties: ReadyWorld(f"trained-{len(parties)}", parties, _world_of(parties))
    for parties in (TWO, THREE)
}


def trained_nodes(parties: tuple[str, ...] = TWO) -> AbstractContextManager[TwoNodes]:
    """Return a world in which one training has completed."""
    return _READY[parties].copy()


def the_job(world: TwoNodes) -> str:
    """Return the training."""
    (job,) = world.brand.services.trained.listed()
    return job
