"""Stand-alone witnesses for tests, in this process or in one of their own; and ledgers to show."""

import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from consent.checkpoint import LogSigner
from consent.merkle import HashTree, leaf_hash
from consent.note import Verifier, parse_vkey
from consent.witness import add_checkpoint_request
from coordinator import store
from coordinator.clock import Clock
from coordinator.database import Database
from coordinator.tables import WitnessConflictRow
from coordinator.witness_node import home, logs, settings
from coordinator.witness_node.app import create_app
from coordinator.witness_node.settings import WitnessSettings
from party_node.ledger.witness_http import HttpWitness
from tests.support.coordinator import FakeClock, TestClient

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "accord.example/brand"
NAME = "witness.example/w1"
SEED = b"\x01" * 32


class GrowingLedger:
    """A ledger that grows, and writes what it would ask a witness; another label, another past."""

    def __init__(self, label: str = "entry", origin: str = ORIGIN, seed: bytes = SEED) -> None:
        self.label, self.tree, self.signer = label, HashTree(), LogSigner(origin, seed)

    def grow(self, to: int, label: str | None = None) -> "GrowingLedger":
        for n in range(self.tree.size, to):
            self.tree.append(leaf_hash(f"{label or self.label} {n}".encode()))
        return self

    def note(self, size: int) -> str:
        return self.signer.sign(size, self.tree.root(size))

    def request(self, old: int, size: int) -> str:
        proof = self.tree.consistency_proof(old, size) if 0 < old < size else ()
        return add_checkpoint_request(old, proof, self.note(size))

    @property
    def vkey(self) -> str:
        return self.signer.vkey


@dataclasses.dataclass
class WitnessWorld:
    """A running witness in this process."""

    app: FastAPI
    settings: WitnessSettings
    clock: Clock
    http: TestClient

    @property
    def database(self) -> Database:
        found: Database = self.app.state.services.cosigning.database
        return found

    @property
    def verifier(self) -> Verifier:
        return parse_vkey(home.witness_of(self.settings).vkey)

    @property
    def transport(self) -> httpx2.BaseTransport:
        """A way to this witness that needs no socket."""
        found: httpx2.BaseTransport = self.http._transport
        return found

    def trust(self, vkey: str) -> None:
        self.database.write(lambda s: logs.add(s, logs.read_key(vkey), self.clock()))

    def post(self, body: str | bytes) -> Any:
        content = body if isinstance(body, bytes) else body.encode()
        return self.http.post("/add-checkpoint", content=content)

    def checkpoint(self, origin: str = ORIGIN) -> Any:
        return self.http.get(f"/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint")

    def conflicts(self) -> list[WitnessConflictRow]:
        return list(self.database.read(store.conflicts))


def make_home(folder: Path, **given: Any) -> WitnessSettings:
    """Make an initialised home."""
    given = {"name": NAME} | given
    chosen = settings.load({}, home=folder, **given)
    home.make(chosen, given)
    with contextlib.closing(home.database_of(chosen)) as database:
        database.migrate()
    return chosen


@contextmanager
def running_witness(
    folder: Path, clock: Clock | None = None, **given: Any
) -> Iterator[WitnessWorld]:
    """Serve a witness in this process; again, over the same home, after a restart."""
    clock = clock or FakeClock()
    chosen = make_home(folder, **given)
    app = create_app(chosen, clock)
    with TestClient(app) as http:
        yield WitnessWorld(app, chosen, clock, http)


@dataclasses.dataclass
class WitnessProcess:
    """A witness in a process of its own, with sockets and a real clock."""

    home: Path
    process: subprocess.Popen[str]
    url: str
    http: httpx2.Client

    @classmethod
    def start(cls, folder: Path) -> "WitnessProcess":
        """Run `accord-witness serve` on a free port and wait until it listens."""
        process = subprocess.Popen(
            [*COMMAND, "serve", "--home", str(folder), "--port", "0"],
            env=os.environ | {"PYTHONPATH": str(ROOT), "ACCORD_WITNESS_LOG_FORMAT": "json"},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "listening":
                url = f"http://{event['host']}:{event['port']}"
                return cls(folder, process, url, httpx2.Client(base_url=url, trust_env=False))
        process.wait()
        raise AssertionError(f"the witness does not start: {''.join(said)}")

    def kill(self) -> None:
        """End the process as a power cut would."""
        self.process.kill()
        self._forget()

    def stop(self) -> int:
        """End the process as an operator would; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._forget()

    def _forget(self) -> int:
        code = self.process.wait(30)
        self.http.close()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


COMMAND = [sys.executable, "-m", "coordinator.witness_node"]


def nobody_is_asked() -> None:
    """Return when no node in this process waits for a witness, and what was said is kept."""
    for thread in threading.enumerate():
        if thread.name.startswith("witness-"):
            thread.join(30)
            assert not thread.is_alive()


@contextmanager
def reached_by_nodes(**worlds: WitnessWorld) -> Iterator[dict[str, bool]]:
    """Let nodes in this process ask these witnesses at `https://<name>.example/w`, without sockets.

    Yields a switch for each: False, and it is gone.
    """
    alive = dict.fromkeys(worlds, True)

    class Way(httpx2.BaseTransport):
        def __init__(self, name: str) -> None:
            self._name = name

        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            if not alive[self._name]:
                raise httpx2.ConnectError("nobody there", request=request)
            request.url = request.url.copy_with(path="/add-checkpoint")
            return worlds[self._name].transport.handle_request(request)

    def connect(url: str) -> HttpWitness:
        name = url.removeprefix("https://").removesuffix(".example/w")
        return HttpWitness(url, Way(name))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("party_node.ledger.witness_ways.HttpWitness", connect)
        yield alive
        nobody_is_asked()
