"""Party nodes and a coordinator in this process that train together; Flower's place is taken by a
line in memory, which brings questions to the nodes' own trainings.

Each party has other people with the same columns. Whoever is older and gold renews more often.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from consent.uses import UseRecord
from protocols.codec import Record, encode
from protocols.errors import ProtocolError
from protocols.federated import partner
from tests.support.two_nodes import (
    BRAND,
    PUBLISHER,
    Node,
    ReadyWorld,
    TwoNodes,
    email,
    key,
)

SHOP = "shop"
TWO, THREE = (BRAND, PUBLISHER), (BRAND, PUBLISHER, SHOP)
PURPOSE = "joint-model"
HELD = {BRAND: range(90), PUBLISHER: range(90, 190), SHOP: range(190, 270)}
SILENT = {5, 95, 195}
"""Who has not consented."""
TIERS = ("basic", "silver", "gold")
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
jobs:
  - {{kind: federated, purpose: joint-model, receiver: brand}}
"""
QUESTION = """\
features:
  - {column: age, kind: numeric, edges: [30, 40, 50, 60]}
  - {column: tier, kind: ordinal, categories: [basic, silver, gold]}
label: {column: renewed, positive: ["yes"]}
rounds: 2
price: {rho: "4"}
"""


def age(person: int) -> int:
    return 20 + person % 60


def tier(person: int) -> str:
    return TIERS[person % 3]


def renewed(person: int) -> bool:
    rng = np.random.default_rng(person)
    chance = 0.1 + 0.4 * (age(person) > 50) + 0.4 * (tier(person) == "gold")
    return bool(rng.random() < chance)


def world_of(parties: tuple[str, ...]) -> Callable[[TwoNodes, Path], None]:
    def make(world: TwoNodes, folder: Path) -> None:
        for node in world.nodes.values():
            fill(node, folder)
            saying = [n for n in HELD[node.party] if n not in SILENT]
            for peer in parties:
                if peer != node.party:
                    node.say_all("given", saying, PURPOSE, recipient=peer)
        world.agree(agreement(DOCUMENT, parties), {"federated": PURPOSE}, allow_reveal=False)

    return make


def agreement(document: str, parties: tuple[str, ...]) -> str:
    """Return a document with these parties, each of which offers its people."""
    offers = "\n".join(
        f"  - {{party: {p}, dataset: people, identifiers: [email], columns: [age, tier, renewed]}}"
        for p in parties
    )
    members = ", ".join(f"{party}: {{}}" for party in parties)
    return document.format(parties=members, datasets=offers)


def fill(node: Node, folder: Path) -> None:
    file = folder / f"{node.party}.csv"
    rows = ["id,email,age,tier,renewed"]
    rows += [
        f"{key(node.party, n)},{email(n)},{age(n)},{tier(n)},{'yes' if renewed(n) else 'no'}"
        for n in HELD[node.party]
    ]
    file.write_text("\n".join(rows) + "\n")
    node.services.datasets.register("people", file, "id", "email", None, None)


_READY = {
    parties: ReadyWorld(f"federated-{len(parties)}", parties, world_of(parties))
    for parties in (TWO, THREE)
}

Present = Callable[[str, Record], bool]
Alter = Callable[[str, Record], Record]


@dataclass
class MemoryLine:
    """Brings questions straight to the nodes; `present` says to whom, `seen` what passed."""

    world: TwoNodes
    present: Present = lambda party, question: True
    alter: Alter = lambda party, question: question
    """What becomes of a question on the way."""
    seen: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def ask(
        self, questions: Mapping[str, bytes], seconds: float, away_seconds: float
    ) -> dict[str, bytes]:
        answers = {}
        for party, said in questions.items():
            asked = partner.read_question(said)
            if party not in self.world.nodes or not self.present(party, asked):
                continue
            question = encode(self.alter(party, asked))
            try:
                answers[party] = self.world.nodes[party].services.trainings.answer(question)
            except Exception as e:  # noqa: BLE001, as Flower's thread tells a code and no more
                self.refused.append((party, getattr(e, "code", type(e).__name__)))
                continue
            self.seen.append((party, question, answers[party]))
        return answers

    @contextmanager
    def open(self) -> Iterator["MemoryLine"]:
        yield self

    def turn(self, job: str) -> None:
        """Let the coordinator go on with a training, as its thread would."""
        carrier = self.world.app.state.services.trainings
        carrier.open_line = self.open
        try:
            carrier.turn(job)
        except ProtocolError as e:
            self.refused.append(("coordinator", e.code))


@contextmanager
def without_flower() -> Iterator[None]:
    """Start no SuperNode, and wait for none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("party_node.federated.keeping.Keeper.ensure", lambda _self: None)
        patch.setattr("party_node.federated.phases.WAIT_SECONDS", 0)
        yield


@contextmanager
def federated_nodes(parties: tuple[str, ...] = TWO) -> Iterator[tuple[TwoNodes, MemoryLine]]:
    """Return a world that can train, and the line that does."""
    ready: AbstractContextManager[TwoNodes] = _READY[parties].copy()
    with without_flower(), ready as world:
        yield world, MemoryLine(world)


def train(world: TwoNodes) -> str:
    """Let the brand ask for a training, and bring it to its end; return it."""
    line = MemoryLine(world)
    with without_flower():
        job = world.brand.ask("federated", question=QUESTION)
        world.settle(job, each=lambda: line.turn(job))
    assert world.job(job) == ("completed", "")
    return job


def uses_of(node: Node, job: str, what: str) -> list[UseRecord]:
    """Return a node's records of such uses of a model: `score` or `track`."""
    records = (entry.record for entry in node.services.ledger.entries())
    return [r for r in records if isinstance(r, UseRecord) and r.job.startswith(f"{job}-{what}-")]
