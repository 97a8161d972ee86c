"""A coordinator over TLS with a SuperLink, and partners with real SuperNodes, on loopback."""

import shutil
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np
import uvicorn
from fastapi import FastAPI

from coordinator.app import create_app
from coordinator.clock import system_clock
from coordinator.federated import certificate
from coordinator.federated.certificate import Shared
from coordinator.fleet import Fleet
from coordinator.settings import Settings, build
from party_node.budgets import Budgets
from party_node.coordinator_client import CoordinatorClient
from party_node.demo.processes import free_port, usage_of
from party_node.federated import supernode
from party_node.federated.learner import Learner
from party_node.federated.supernode import SuperNode
from party_node.federated.trainings import Trainings
from protocols.federated.learning import People
from protocols.federated.terms import FederatedTerms, Run
from tests.support.coordinator import _template, party
from tests.support.node import open_storage
from tests.support.seeded import seeded

COLLABORATION = "lookalikes"
LIMIT_NANO = 10**9
SHAPE = (4, 3, 6, 2)


def people_of(name: str, n: int = 500) -> People:
    """Return people whose label hangs on their first two codes."""
    rng = np.random.default_rng(int.from_bytes(seeded(name)(4), "little"))
    codes = np.stack([rng.integers(0, k, n) for k in SHAPE], axis=1).astype(np.uint16)
    chance = (codes[:, 0] + codes[:, 1] + 1) / 8
    return People(codes, (rng.random(n) < chance).astype(np.uint8))


@dataclass
class Partner:
    """One partner: its trainings, its budget and, once it runs, its SuperNode."""

    name: str
    folder: Path
    trainings: Trainings
    budgets: Budgets
    client: CoordinatorClient
    node: SuperNode | None = None


@dataclass
class Stage:
    """All of it."""

    app: FastAPI
    url: str
    outside: Shared
    partners: dict[str, Partner] = field(default_factory=dict)

    @property
    def fleet(self) -> Fleet:
        found: Fleet = self.app.state.services.fleet
        return found

    def await_online(self, *names: str) -> None:
        """Return when the nodes of these parties are there, or after two minutes."""
        limit = time.monotonic() + 120
        while not set(names) <= self.fleet.superlink.link.online():
            assert time.monotonic() < limit, "a SuperNode does not come"
            time.sleep(0.1)

    def cpu_seconds(self) -> float:
        """Return what this process and all of Flower's have used so far."""
        running = [w.node.process.pid for w in self.partners.values() if w.node is not None]
        pids = [self.fleet.superlink.process.pid, *running]
        return time.process_time() + sum(usage_of(pid)["cpu_seconds"] for pid in pids)

    def run(self, names: tuple[str, ...], **changes: object) -> Run:
        """Return the run of these partners, which all of them join."""
        fields: dict[str, object] = {
            "job": "0f" * 16,
            "parties": tuple(sorted(names)),
            "sizes": (500,) * len(names),
            "threshold": len(names) // 2 + 1,
            "rounds": 2,
            "one_hot": SHAPE,
            "ridge_milli": 0,
            "rho_nano": 50_000_000,
        }
        terms = FederatedTerms(**(fields | changes))  # type: ignore[arg-type]
        run = Run(terms, tuple(self.partners[n].trainings.keys.public() for n in terms.parties))
        for name in terms.parties:
            self.partners[name].trainings.join(run)
        return run

    def start(self, name: str) -> None:
        """Start a partner's SuperNode."""
        who = self.partners[name]
        who.client.register_supernode(supernode.node_key(who.folder))
        who.node = supernode.start(
            who.folder,
            self.url,
            who.trainings.answer,
            free_port(),
            seeded(f"secret/{name}/{time.time_ns()}"),
            self.outside.certificate_file,
        )


@contextmanager
def stage(folder: Path, names: tuple[str, ...]) -> Iterator[Stage]:
    """Serve a coordinator with a SuperLink; partners are made, and their SuperNodes not started."""
    outside_folder = folder / "outside"
    outside_folder.mkdir()
    outside = certificate.make(outside_folder, seeded("outside"), system_clock())
    shutil.copytree(_template(), folder / "coordinator")
    settings = build(
        {"home": folder / "coordinator", "sweep_seconds": 3600, "superlink_port": free_port()}
    )
    app = create_app(settings)
    port = free_port()
    with _served(app, port, outside):
        made = Stage(app, f"https://127.0.0.1:{port}", outside)
        for name in names:
            made.partners[name] = _partner(name, folder / name, made, settings)
        try:
            yield made
        finally:
            for partner in made.partners.values():
                partner.client.close()
                if partner.node is not None:
                    partner.node.stop()


def _partner(name: str, folder: Path, made: Stage, settings: Settings) -> Partner:
    folder.mkdir()
    keys = party(name, system_clock).keys  # type: ignore[arg-type]
    storage = open_storage(folder, name)
    budgets = Budgets(storage.db)
    learner = Learner(
        budgets, COLLABORATION, LIMIT_NANO, lambda terms: people_of(name), system_clock
    )
    trainings = Trainings(
        folder / "federated", storage.vault, keys, learner, seeded(f"partner/{name}")
    )
    trust = ssl.create_default_context(cadata=made.outside.certificate.decode())
    transport = httpx2.HTTPTransport(verify=trust)
    client = CoordinatorClient(made.url, keys, system_clock, transport)
    return Partner(name, folder / "federated", trainings, budgets, client)


@contextmanager
def _served(app: FastAPI, port: int, outside: Shared) -> Iterator[None]:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        ssl_certfile=outside.certificate_file,
        ssl_keyfile=outside.key_file,
        timeout_graceful_shutdown=1,
        ws="none",  # its library warns
        lifespan="on",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the coordinator does not start"
            time.sleep(0.05)
        yield
    finally:
        server.should_exit = True
        thread.join()
