"""Three real processes for tests: a coordinator behind a recording proxy, a brand, a publisher.

Set up with the commands that a person would use, and with the demo's people; every process can be
killed and started again over the same home.
"""

import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from party_node.demo import people, processes, truth
from party_node.demo.network import Network, Party, start_node
from party_node.demo.opening import RULES, document, import_consents, register
from party_node.demo.people import DemoWorld
from party_node.demo.processes import Service
from party_node.demo.scene import COLLABORATION, RHO, Scene
from party_node.demo.telling import Teller
from party_node.local_client import LocalClient
from party_node.plain_http import trusting_nobody
from tests.support.proxy import RecordingProxy

BRAND, PUBLISHER, COORDINATOR = "brand", "publisher", "coordinator"
PARTIES = (BRAND, PUBLISHER)
PURPOSE = {"overlap": "audience-measurement", "audience": "joint-audience"}
PEOPLE = 1_500
SEED = 7
SETTINGS = {"ACCORD_NODE_LEAST_CHANGE": "0"}
"""These tests ask the same question many times, and want it answered each time."""
LIMIT_SECONDS = 60
PATIENCE_SECONDS = 120
"""How long a job may take on a busy machine before a test gives up on it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    def lines(self) -> list[str]:
        return self.err.strip().splitlines()


@dataclass(slots=True)
class SmallNetwork:
    """The processes, the proxy between them, and who and what is in the files."""

    folder: Path
    proxy: RecordingProxy
    coordinator: Service
    parties: dict[str, Party]
    world: DemoWorld
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def brand(self) -> Party:
        return self.parties[BRAND]

    @property
    def publisher(self) -> Party:
        return self.parties[PUBLISHER]

    def home(self, name: str) -> Path:
        return self.folder / name

    # -- processes -------------------------------------------------------------------------

    def service(self, name: str) -> Service:
        return self.coordinator if name == COORDINATOR else self.parties[name].service

    def kill(self, name: str) -> None:
        """`kill -9`; return when the process is gone."""
        process = self.service(name).process
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        process.wait()

    def start(self, name: str, **environment: str) -> None:
        """Start a process again over its home; return when it answers."""
        if name == COORDINATOR:
            self.coordinator = start_coordinator(self.home(name), self.proxy.upstream)
            return
        party = self.parties[name]
        party.service = start_node(self.home(name), name, **SETTINGS | environment)
        processes.await_ready(party.service)
        party.http.close()
        party.http = connect(party.service)

    def is_up(self, name: str) -> bool:
        return self.service(name).process.poll() is None

    def mend(self) -> None:
        """Start whatever is down, and let everything pass again."""
        self.proxy.let_be()
        for name in (COORDINATOR, *PARTIES):
            if not self.is_up(name):
                self.start(name)
        for party in self.parties.values():
            until(lambda party=party: ready(party), f"the {party.party} is ready")

    def stop(self) -> None:
        for party in self.parties.values():
            party.http.close()
        for name in (*PARTIES, COORDINATOR):
            self.service(name).stop()
        self.proxy.stop()

    # -- jobs ------------------------------------------------------------------------------

    def ask(self, kind: str) -> str:
        """Let the brand ask for a job, which the publisher's rules approve; return it."""
        body = {"collaboration": COLLABORATION, "kind": kind, "rho": RHO}
        return str(self.brand.post("/v1/jobs", body)["job"])

    def run(self, kind: str) -> str:
        """Ask for a job and see it through at both sides; return it."""
        job = self.ask(kind)
        self.wait(job)
        return job

    def wait(self, job: str) -> dict[str, dict[str, Any]]:
        """Return both sides' view of a job once both say that it has ended."""
        return {name: self.ended(name, job) for name in PARTIES}

    def ended(self, name: str, job: str) -> dict[str, Any]:
        found: dict[str, Any] = {}

        def look() -> bool:
            nonlocal found
            party = self.parties[name]
            answer = party.http.get(f"/v1/jobs/{job}?wait=5&until=ended")
            found = answer.json() if answer.is_success else {}
            return bool(found.get("ended"))

        until(look, f"job {job[:8]} ends at the {name}", PATIENCE_SECONDS)
        return found

    def expected(self, kind: str) -> int:
        """Return the plain size of the permitted overlap for a kind's purpose."""
        return truth.overlap(self.world, PURPOSE[kind])

    def expected_keys(self) -> list[str]:
        return sorted(truth.audience(self.world, PURPOSE["audience"]))

    # -- looking ---------------------------------------------------------------------------

    def rows(self, name: str, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read a process's SQLite database beside it."""
        file = "coordinator.db" if name == COORDINATOR else "node.db"
        with contextlib.closing(
            sqlite3.connect(f"file:{self.home(name) / file}?mode=ro", uri=True, timeout=30)
        ) as database:
            return database.execute(query, values).fetchall()

    def accord(self, party: str, *words: str, **environment: str) -> Said:
        """Type an `accord` command for a party's home."""
        return accord(*words, "--home", str(self.home(party)), **environment)

    def accord_here(self, party: str, *words: str) -> Said:
        """Run an `accord` command for a party's home in this process."""
        return accord_here(*words, "--home", str(self.home(party)))


def accord(*words: str, **environment: str) -> Said:
    """Type an `accord` command."""
    return typed("party_node", *words, **environment)


def accord_here(*words: str) -> Said:
    """Run an `accord` command in this process, which spares the start of another."""
    found, out, err = LocalClient.of, io.StringIO(), io.StringIO()
    with (
        warnings.catch_warnings(),
        pytest.MonkeyPatch.context() as patch,
        contextlib.ExitStack() as connections,
    ):

        def of(home: Path) -> LocalClient:
            client = found(home)
            connections.callback(client._http.close)  # as the end of a process does
            return client

        patch.setattr(LocalClient, "of", of)
        # typer 0.20 uses names that click 8.5 has moved
        warnings.simplefilter("ignore", DeprecationWarning)
        from party_node.cli.main import run

        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(list(words))
    return Said(code, out.getvalue(), err.getvalue())


def typed(module: str, *words: str, **environment: str) -> Said:
    """Run one of our modules as a command."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        capture_output=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, **environment},
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


def until(what: Callable[[], bool], name: str, seconds: float = LIMIT_SECONDS) -> None:
    """Look again and again until something holds; fail after `seconds`."""
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit, f"waited {seconds} s: {name}"
        time.sleep(0.02)


def ready(party: Party) -> bool:
    with contextlib.suppress(httpx2.TransportError):
        return party.http.get("/readyz").is_success
    return False


def start_coordinator(home: Path, port: int) -> Service:
    where = ("--home", str(home), "--port", str(port))
    service = processes.start(COORDINATOR, "coordinator", home, "serve", *where)
    service.url = f"http://127.0.0.1:{port}"
    processes.await_ready(service)
    return service


def connect(service: Service) -> httpx2.Client:
    token = (service.home / "token").read_text().strip()
    return httpx2.Client(
        base_url=service.url,
        verify=trusting_nobody(),
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE_SECONDS,
        trust_env=False,
    )


@contextlib.contextmanager
def small_network(folder: Path) -> Iterator[SmallNetwork]:
    """Start everything: enrolled, agreed, with people, consents and standing rules."""
    with contextlib.ExitStack() as stack:
        network = _set_up(folder, stack)
        stack.callback(network.stop)
        yield network


def _set_up(folder: Path, stack: contextlib.ExitStack) -> SmallNetwork:
    port, home = processes.free_port(), folder / COORDINATOR
    proxy = RecordingProxy(port)
    stack.callback(proxy.stop)
    url = ("--url", proxy.url, "--name", "demo-hub")
    processes.command("coordinator", "init", "--home", str(home), *url)
    coordinator = start_coordinator(home, port)
    stack.callback(coordinator.stop)
    with ThreadPoolExecutor(2) as pool:
        prints = list(pool.map(lambda party: create_node(folder, party), PARTIES))
        services = list(
            pool.map(lambda party: start_node(folder / party, party, **SETTINGS), PARTIES)
        )
        for service in services:
            stack.callback(service.stop)
        world = people.make(
            folder / "data", rows=PEOPLE, seed=SEED, now_ms=time.time_ns() // 1_000_000
        )
        list(pool.map(processes.await_ready, services))
    parties = {
        party: Party(party, service, connect(service), fingerprint)
        for party, service, fingerprint in zip(PARTIES, services, prints, strict=True)
    }
    _agree(parties)
    scene = Scene(Network(folder, coordinator, parties), world, Teller(to_stderr=True))
    register(scene)
    import_consents(scene)
    stack.pop_all()
    return SmallNetwork(folder, proxy, coordinator, parties, world)


def _agree(parties: dict[str, Party]) -> None:
    """Put the demo's agreement in force, with a budget that tests do not use up."""
    prints = {name: party.fingerprint for name, party in parties.items()}
    text = document(prints).replace('rho: "0.2"', 'rho: "2"')
    parties[BRAND].post("/v1/collaborations", {"text": text})
    path = f"/v1/collaborations/{COLLABORATION}/versions/1/countersignatures"
    assert parties[PUBLISHER].post(path)["in_force"]
    for name, rule in RULES.items():
        body = rule | {"collaboration": COLLABORATION, "max_rho": "1"}
        parties[PUBLISHER].put(f"/v1/rules/{name}", body)


def create_node(folder: Path, party: str) -> str:
    """Create and enrol one node by invitation; return its fingerprint."""
    home = ("--home", str(folder / party))
    invited = processes.command(
        "coordinator", "invite", "--home", str(folder / COORDINATOR), "--party", party
    )["text"]
    named = ("--party", party, "--name", party.title(), "--port", "0")
    processes.command("party_node", "node", "create", *home, *named, "--json")
    enrolled = processes.command("party_node", "node", "enrol", invited, *home, "--json")
    return str(enrolled["fingerprint"])


def load(said: Said) -> Any:
    """Return what a command printed as JSON."""
    return json.loads(said.out)
