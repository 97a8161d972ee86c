"""Two party nodes that have trained a model together of so many people that it can be judged, under
an agreement with one purpose for training and scoring. Later each learns what became of its people.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from party_node.api.consent import BatchBody, record_events
from tests.support.federated_nodes import (
    DOCUMENT,
    TWO,
    age,
    agreement,
    renewed,
    tier,
    train,
)
from tests.support.two_nodes import BRAND, PUBLISHER, Node, ReadyWorld, TwoNodes, email, key, other

PURPOSE = "joint-model-audience"
HELD = {BRAND: range(1000), PUBLISHER: range(1000, 2000)}
SILENT = {5, 1005}
"""Who has not consented."""
OUTCOMES = """\
columns: {renewed: {categories: ["yes", "no"]}}
where: {eq: {renewed: "yes"}}
"""
Outcome = Callable[[int], bool | None]
"""(person) → whether the person has the outcome; None where nobody knows."""


def by_model(person: int) -> bool:
    """What the model tells best: the older who are gold."""
    return age(person) > 50 and tier(person) == "gold"


def by_chance(person: int) -> bool:
    """What has nothing to do with anything."""
    return person * 7919 % 1013 < 500


def fill(node: Node, folder: Path, outcome: Outcome = renewed) -> None:
    """Register a party's file; again with other outcomes."""
    words = {True: "yes", False: "no", None: ""}
    file = folder / f"{node.party}.csv"
    rows = ["id,email,age,tier,renewed"]
    rows += [
        f"{key(node.party, n)},{email(n)},{age(n)},{tier(n)},{words[outcome(n)]}"
        for n in HELD[node.party]
    ]
    file.write_text("\n".join(rows) + "\n")
    node.services.datasets.register("people", file, "id", "email", None, None)


def _make(world: TwoNodes, folder: Path) -> None:
    for node in world.nodes.values():
        fill(node, folder)
        said = [
            {
                "key": f"given-{n}", "email": email(n), "state": "given", "purpose": PURPOSE,
                "recipient": other(node.party), "separate": True,
            }
            for n in HELD[node.party]
            if n not in SILENT
        ]  # fmt: skip
        body = BatchBody.model_validate({"events": said})
        assert record_events(body, node._running())["accepted"] == len(said)
    text = agreement(DOCUMENT, TWO).replace("purpose: joint-model,", f"purpose: {PURPOSE},")
    world.agree(text, {"federated": PURPOSE}, allow_reveal=False)
    train(world)


_READY = ReadyWorld("common-model", TWO, _make)


def common_model() -> AbstractContextManager[TwoNodes]:
    """Return a world in which one training of many people has completed."""
    return _READY.copy()
