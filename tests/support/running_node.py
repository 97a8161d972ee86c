"""Party nodes in this process, enrolled with a coordinator in this process; no sockets, no threads.

The driver is a stand-in that counts how often it was woken; tests take up the board by `sync`.
"""

import dataclasses
import functools
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from coordinator import parties
from party_node import enrolment, results
from party_node.app import create_app
from party_node.coordinator_client import CoordinatorClient
from party_node.database import Database
from party_node.home import Home
from party_node.readiness import Readiness
from party_node.roles.callers import ADMINISTRATOR
from party_node.roles.tokens import StaffRole
from party_node.running import RunningNode
from party_node.services import Services, assemble
from tests.support.coordinator import TestClient, World, reopened_world, running_world
from tests.support.migrated import open_migrated
from tests.support.node import SeededRng, write_csv
from tests.support.quick import quick_folder

SHOP, PAPER = "shop", "paper"
MEASUREMENT, AUDIENCE = "audience-measurement", "joint-audience"
COLLABORATION = """\
collaboration: spring
version: 1
title: Spring <campaign>
expires: 2028-06-30
minimum_size: 50
budget: {rho: "0.5", delta_exponent: 8}
parties: {shop: {}, paper: {}}
datasets:
  - {party: shop, dataset: customers, identifiers: [email, phone]}
  - {party: paper, dataset: readers, identifiers: [email, phone, idfa]}
jobs:
  - {kind: overlap, purpose: audience-measurement, receiver: shop}
  - {kind: audience, purpose: joint-audience, receiver: paper, reveal: true}
"""


class StillDriver:
    """Carries nothing; counts."""

    def __init__(self) -> None:
        self.trouble = ""
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


@dataclasses.dataclass
class Node:
    """A node with a client that holds its token, and one that does not."""

    running: RunningNode
    driver: StillDriver
    http: TestClient
    stranger: TestClient
    folder: Path

    @property
    def services(self) -> Services:
        return self.running.services

    def add_people(self, dataset: str, count: int = 3, **extra: str) -> None:
        """Register a CSV file with `count` people."""
        lines = [f"row-{i},person{i}@example.com" for i in range(count)]
        path = write_csv(self.folder / f"{dataset}.csv", "id,email", *lines)
        body = {"dataset": dataset, "path": str(path), "key_column": "id", "email_column": "email"}
        answer = self.http.post("/v1/datasets", json=body | extra)
        assert answer.status_code == 201, answer.text

    def say(self, state: str = "given", key: str = "event-1", **changes: Any) -> httpx2.Response:
        """Post one consent event about person0."""
        body = {"email": "person0@example.com", "state": state, "purpose": AUDIENCE} | changes
        return self.http.post("/v1/consent/events", json=body, headers={"Idempotency-Key": key})


@dataclasses.dataclass
class Pair:
    """Two enrolled nodes and their coordinator."""

    world: World
    shop: Node
    paper: Node

    def agree(self) -> None:
        """Put the collaboration in force, with a dataset at each side."""
        self.shop.add_people("customers")
        self.paper.add_people("readers")
        proposed = self.shop.http.post("/v1/collaborations", json={"text": COLLABORATION})
        assert proposed.status_code == 201, proposed.text
        path = "/v1/collaborations/spring/versions/1/countersignatures"
        signed = self.paper.http.post(path)
        assert signed.json()["in_force"], signed.text

    def ask(self, kind: str = "overlap") -> str:
        """Let the shop ask for a job and the paper see it; return the job."""
        answer = self.shop.http.post("/v1/jobs", json={"collaboration": "spring", "kind": kind})
        assert answer.status_code == 201, answer.text
        self.paper.services.jobs.sync(0)
        return str(answer.json()["job"])


@contextmanager
def running_pair(folder: Path, *, agreed: bool = False) -> Iterator[Pair]:
    """Serve a coordinator and two enrolled nodes under `folder`: a copy of a pair made once.

    With `agreed` the collaboration is in force. The files of its datasets are those of the pair
    that was made: a test that changes one registers its own.
    """
    shutil.copytree(_made(agreed=agreed), folder, dirs_exist_ok=True)
    with (
        reopened_world(folder / "coordinator") as world,
        _serving(folder, world, "agreed" if agreed else "enrolled") as pair,
    ):
        yield pair


@functools.cache
def _made(*, agreed: bool) -> Path:
    folder = quick_folder("pair-")
    if agreed:
        with running_pair(folder) as pair:
            pair.agree()
        return folder
    with running_world(folder / "coordinator") as world:
        for party in (SHOP, PAPER):
            _enrol(folder, party, world)
        with _serving(folder, world, "new"):
            pass  # opens the ledgers
    return folder


@contextmanager
def _serving(folder: Path, world: World, stage: str) -> Iterator[Pair]:
    with ExitStack() as stack:
        nodes = [stack.enter_context(_node(folder, party, world, stage)) for party in (SHOP, PAPER)]
        yield Pair(world, *nodes)


def _enrol(folder: Path, party: str, world: World) -> None:
    rng = SeededRng(party)
    home = Home.create(folder / party, party, f"The {party} & Co", listen_port=0, rng=rng)
    connect = connecting(world)
    invited = world.invite(party)
    info = connect("http://coordinator").info()
    token = parties.token("http://coordinator", info.name, info.witness_vkey, party, invited)
    home.save(home.settings.model_copy(update={"public_hosts": f"{party}.test"}))
    enrolment.enrol(home, token, connect)
    open_migrated(home.database_url).close()


@contextmanager
def _node(folder: Path, party: str, world: World, stage: str) -> Iterator[Node]:
    home = Home.open(folder / party)
    # Of each stage another stream: what was drawn before a folder was copied is not drawn again.
    rng = SeededRng(f"{party} {stage}")
    db = Database(home.database_url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "party_node.services.CoordinatorClient",
            lambda url, keys, clock, **_trust: CoordinatorClient(
                url, keys, clock, _transport(world)
            ),
        )
        services = assemble(home, db, world.clock, rng)
    services.ledger.open()
    driver = StillDriver()
    running = RunningNode(services, driver, Readiness(services), home.token)
    app = create_app(running)
    base = f"http://{party}.test"
    holder = TestClient(app, base, headers={"Authorization": f"Bearer {home.token}"})
    stranger = TestClient(app, base, follow_redirects=False)
    yield Node(running, driver, holder, stranger, folder / party)
    db.close()


def connecting(world: World) -> Callable[[str], CoordinatorClient]:
    """Return what opens an unsigned client of the coordinator in this process."""
    return lambda url: CoordinatorClient(url, None, world.clock, _transport(world))


def _transport(world: World) -> httpx2.BaseTransport:
    return world.http._transport


def keep_result(node: Node, job: str, **changes: Any) -> dict[str, Any]:
    """Store a result as a run would."""
    document: dict[str, Any] = {
        "job": job,
        "kind": "overlap",
        "purpose": MEASUREMENT,
        "with": PAPER,
        "size": {"value": 12_400, "low": 12_372, "high": 12_428, "text": "12,400 ± 28 (95 %)"},
        "withheld": None,
        "audience": None,
        "own": {
            "asked": 3, "permitted": 2, "withheld": {"withdrawn": 1}, "matchable": 2,
            "waiting": 0, "unmatchable": 0, "items": 2, "beyond": 0, "matched_by": None,
            "identifiers": {"email": {"people": 2, "values": 2, "shared": 0}},
        },
        "cost": {"rho": "0.005", "epsilon_alone": 0.524, "delta": "1e-8"},
        "earlier": None,
        "provenance": {},
    } | changes  # fmt: skip
    json.dumps(document)
    with node.services.db.writing() as session:
        results.keep(session, job, document, node.services.clock_ms())
    return document


def permit(node: Node, job: str = "a" * 32) -> None:
    """Let the paper's gate decide about its readers for a job."""
    node.services.gate.permit(
        job, hashlib.sha256(b"job").digest(), "readers", AUDIENCE, "shop", ("psi", "activate"),
        "shop", 60_000,
    )  # fmt: skip


def origin(node: Node) -> dict[str, str]:
    """Return the headers of a form that is sent from a page of this node's console."""
    return {"Origin": f"http://{node.running.party}.test"}


def sign_in(node: Node, token: str | None = None) -> httpx2.Response:
    """Send the console's first form: with the node's own token, unless another one is said."""
    form = {"token": node.running.token if token is None else token}
    return node.stranger.post("/sign-in", data=form, headers=origin(node))


def sign_in_as(node: Node, role: StaffRole, name: str) -> str:
    """Give somebody a role and sign in as them; return their token."""
    token = node.services.roles.add(name, role, ADMINISTRATOR)
    assert sign_in(node, token).status_code == 303
    return token
