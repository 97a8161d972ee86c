"""Two party nodes and a coordinator in this process: labels at the brand, features at both."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa

from party_node.joint.sides import ReceiverSide, SenderSide, Side
from protocols.joint.coarse import coarse
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

PURPOSE = "joint-scoring"
PEOPLE = {BRAND: range(320), PUBLISHER: range(80, 420)}
SILENT = {BRAND: {100, 7}, PUBLISHER: {150, 300}}
COMMON = set(range(80, 320)) - {100, 150, 300}
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
  - {party: publisher, dataset: audience, identifiers: [email], columns: [age, tier]}
jobs:
  - {kind: joint, purpose: joint-scoring, receiver: brand, reveal: true}
  - {kind: joint, purpose: joint-scoring, receiver: brand, reveal: true, protocol: joint-cot/3}
"""
QUESTION = """\
ours:
  dataset: customers
  features:
    - {column: visits, kind: numeric}
  label:
    columns: {churned: {categories: ["yes", "no"]}}
    where: {eq: {churned: "yes"}}
theirs:
  dataset: audience
  features:
    - {column: age, kind: numeric, low: 18, high: 90}
    - {column: tier, kind: categorical, categories: [basic, silver, gold]}
price: {rho: "8"}
"""


def visits(person: int) -> int:
    return person * 7 % 23


def age(person: int) -> int:
    return 20 + person * 13 % 60


def tier(person: int) -> str:
    return ("basic", "silver", "gold")[person * 5 % 3]


def tier_after(person: int, later: int) -> str:
    """As `tier`; later some have one that was not there before."""
    return "platinum" if later and person % 10 == 0 else tier(person + later)


def churned(person: int) -> bool:
    """The young, who rarely come, and are not gold."""
    return (age(person) < 45) + (visits(person) < 9) + (tier(person) != "gold") >= 2


def _make(world: TwoNodes, folder: Path) -> None:
    for node in world.nodes.values():
        fill(node, folder)
        saying = (n for n in PEOPLE[node.party] if n not in SILENT[node.party])
        node.say_all("given", saying, PURPOSE)
    world.agree(DOCUMENT, {"joint": PURPOSE}, allow_reveal=True)


def fill(node: Node, folder: Path, later: int = 0) -> None:
    """Register a file of people; `later` makes it another one, as rows are after some time."""
    file = written(folder / f"{node.party}.csv", node.party, later)
    node.services.datasets.register(DATASET[node.party], file, "id", "email", None, None)


def written(file: Path, party: str, later: int = 0) -> Path:
    """Write a party's file of people, as it is after some time; return it."""
    if party == BRAND:
        rows = ["id,email,visits,churned"]
        rows += [
            f"{key(BRAND, n)},{email(n)},{visits(n + later)},{'yes' if churned(n) else 'no'}"
            for n in PEOPLE[BRAND]
        ]
    else:
        rows = ["id,email,age,tier"]
        rows += [
            f"{key(PUBLISHER, n)},{email(n)},{age(n + later) + later},{tier_after(n, later)}"
            for n in PEOPLE[PUBLISHER]
        ]
    file.write_text("\n".join(rows) + "\n")
    return file


def weighed(
    mine: Side | None, theirs: Side | None, people: Sequence[int], later: int = 0
) -> dict[str, float]:
    """Return the scores by what rows say after some time and what both sides keep, in the clear."""
    assert isinstance(mine, ReceiverSide)
    assert isinstance(theirs, SenderSide)
    own = mine.basis.encode({"visits": pa.array([visits(n + later) for n in people])})
    ages = pa.array([age(n + later) + later for n in people])
    tiers = pa.array([tier_after(n, later) for n in people])
    columns = theirs.columns({"age": ages, "tier": tiers}, len(theirs.weights))
    told = coarse(columns.astype(np.int64) @ np.array(theirs.weights), theirs.weights)
    scores = mine.model.score(own.astype(int) @ mine.model.own_weights() + told)
    in_short = scores.astype(np.float32).tolist()
    return dict(zip((key(BRAND, n) for n in people), in_short, strict=True))


def _make_trained(world: TwoNodes, folder: Path) -> None:
    _make(world, folder)
    job = world.brand.ask("joint", question=QUESTION, route="cot")
    world.settle(job)
    assert world.job(job) == ("completed", "")


_READY = ReadyWorld("joint", PARTIES, _make)
_TRAINED = ReadyWorld("joint-trained", PARTIES, _make_trained)


def joint_nodes() -> AbstractContextManager[TwoNodes]:
    """Return a world with labels, features at both sides, consents and one agreement."""
    return _READY.copy()


def trained_nodes() -> AbstractContextManager[TwoNodes]:
    """Return such a world in which one joint job has ended already."""
    return _TRAINED.copy()


def the_model(world: TwoNodes) -> str:
    """Return the job that has trained."""
    (job,) = world.brand.services.sides.listed()
    return job


def withdrawn_meanwhile(world: TwoNodes, phase: str, party: str, people: Sequence[int]) -> str:
    """Ask for scores, let people withdraw at a party once the brand is in a phase, and let the job
    end; return it.
    """
    job = world.brand.ask("joint", question=QUESTION, route="cot")
    world.settle(job, until=lambda: world.brand.phase(job) == phase)
    for person in people:
        world.nodes[party].say("withdrawn", person, PURPOSE)
    world.settle(job)
    return job
